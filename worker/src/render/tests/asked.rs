//! Focal points, backgrounds and transforms, through all steps.

use super::*;

/// One thumbnail of the drawn photo, 240x160, as a PNG; `fields` are those of a request.
fn of_photo(fields: &str) -> image::RgbImage {
    let request = format!(r#"{{"format":"png",{fields}}}"#);
    rendered(&jpeg(&photo(240, 160).into()), &request)
        .unwrap()
        .into_rgb8()
}

fn transformed(transforms: &str) -> image::RgbImage {
    of_photo(&format!(r#""width":120,"transforms":{transforms}"#))
}

#[test]
fn a_cut_keeps_the_focal_point() {
    for (x, y, corner) in [(0, 0, 0), (239, 0, 1), (0, 159, 2), (239, 159, 3)] {
        let focus = format!(r#""focal_point_x":{x},"focal_point_y":{y}"#);
        let picture = of_photo(&format!(r#""width":40,"height":160,{focus}"#));
        let (left, above) = (corner % 2 == 0, corner < 2);
        let at = (if left { 2 } else { 37 }, if above { 2 } else { 157 });
        assert_near(*picture.get_pixel(at.0, at.1), CORNERS[corner], 16);
    }
}

#[test]
fn bars_have_the_background_and_may_be_transparent() {
    let original = png(&photo(90, 60).into());
    let bar = |background: &str| {
        let request = format!(
            r#"{{"width":60,"height":60,"fit":"contain","format":"png","background":"{background}"}}"#
        );
        let picture = rendered(&original, &request).unwrap().into_rgba8();
        (*picture.get_pixel(30, 3), picture.get_pixel(30, 30)[3])
    };
    assert_eq!(bar("ff8800"), ([255, 136, 0, 255].into(), 255));
    assert_eq!(bar("ff880080"), ([255, 136, 0, 128].into(), 255));
    assert_eq!(bar("00000000"), ([0, 0, 0, 0].into(), 255));
}

#[test]
fn what_is_transparent_lies_on_an_opaque_background() {
    let half = png(&RgbaImage::from_pixel(32, 32, [200, 100, 50, 128].into()).into());
    let shown = |format: &str, background: &str| {
        let request =
            format!(r#"{{"format":"{format}","quality":100,"background":"{background}"}}"#);
        let picture = rendered(&half, &request).unwrap().into_rgba8();
        *picture.get_pixel(16, 16)
    };
    let on_white = Rgb([227, 177, 152]);
    for format in ["jpg", "png", "webp"] {
        let [red, green, blue, alpha] = shown(format, "ffffff").0;
        assert_near(Rgb([red, green, blue]), on_white, 4);
        assert_eq!(alpha, 255, "{format}");
    }
    assert_eq!(shown("png", "00000000")[3], 128);
}

#[test]
fn right_angles_and_mirrors_move_the_corners() {
    for (transforms, size, expected) in [
        (r#"[["rotate",90]]"#, (120, 180), [2, 0, 3, 1]),
        (r#"[["rotate",-90]]"#, (120, 180), [1, 3, 0, 2]),
        (r#"[["flip"]]"#, (120, 80), [2, 3, 0, 1]),
        (r#"[["flop"]]"#, (120, 80), [1, 0, 3, 2]),
    ] {
        let picture = transformed(transforms);
        assert_eq!(picture.dimensions(), size, "{transforms}");
        for (found, corner) in corners(&picture.into()).into_iter().zip(expected) {
            assert_near(found, CORNERS[corner], 16);
        }
    }
}

#[test]
fn a_part_is_extracted_before_the_resize() {
    let picture = transformed(r#"[["extract",{"left":212,"top":142,"width":24,"height":12}]]"#);
    assert_eq!(picture.dimensions(), (120, 60));
    for pixel in picture.pixels() {
        assert_near(*pixel, CORNERS[3], 16);
    }
}

#[test]
fn a_tilted_picture_is_larger_and_its_corners_have_the_background() {
    let request = r##"{"format":"png","transforms":[["rotate",45,{"background":"#ff8800"}]]}"##;
    let picture = rendered(&jpeg(&photo(240, 160).into()), request).unwrap();
    // (240 + 160) / √2 is 282.8.
    for side in [picture.width(), picture.height()] {
        assert!((282..=284).contains(&side), "{side}");
    }
    for corner in corners(&picture) {
        assert_near(corner, Rgb([255, 136, 0]), 1);
    }
}

#[test]
fn edges_of_one_colour_are_trimmed_whatever_the_size() {
    let mut framed = image::RgbImage::from_pixel(300, 200, Rgb([255, 255, 255]));
    image::imageops::replace(&mut framed, &photo(240, 160), 40, 10);
    let request = r#"{"format":"png","transforms":[["trim"]]}"#;
    let picture = rendered(&png(&framed.into()), request).unwrap();
    assert_eq!((picture.width(), picture.height()), (240, 160));
    for (found, expected) in corners(&picture).into_iter().zip(CORNERS) {
        assert_near(found, expected, 2);
    }
}

#[test]
fn what_comes_after_the_resize_comes_after_it() {
    let gray = transformed(r#"[["grayscale"]]"#);
    assert!(
        gray.pixels()
            .all(|Rgb([r, g, b])| r == g && g == b && *r > 0)
    );
    let negative = transformed(r#"[["negate"]]"#);
    let plain = of_photo(r#""width":120"#);
    for (found, plain) in negative.pixels().zip(plain.pixels()) {
        assert_near(*found, Rgb(plain.0.map(|sample| 255 - sample)), 1);
    }
    let extended = transformed(r##"[["extend",{"top":7,"background":"#f80"}]]"##);
    assert_eq!(extended.dimensions(), (120, 87));
    assert_near(*extended.get_pixel(60, 3), Rgb([255, 136, 0]), 0);
}

#[test]
fn an_avif_is_written_of_whatever_was_asked_for() {
    for transforms in ["[]", r#"[["rotate",30]]"#, r#"[["grayscale"]]"#] {
        let request =
            format!(r#"{{"width":64,"height":48,"format":"avif","transforms":{transforms}}}"#);
        let file = rendered_bytes(&jpeg(&photo(240, 160).into()), &request);
        assert_eq!(file.get(4..12), Some(b"ftypavif".as_slice()));
        let place = file.windows(4).position(|name| name == b"ispe").unwrap() + 8;
        assert_eq!(file[place..place + 8], [0, 0, 0, 64, 0, 0, 0, 48]);
    }
}
