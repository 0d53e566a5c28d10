//! Writes what `tests/fuzz` begins with, beside the corpus: small pictures of many kinds, jobs,
//! queries and transforms. A folder for each target, in the folder that is named.

use std::path::{Path, PathBuf};

use anyhow::Context;
use image::DynamicImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use thumbmill_tests::pictures::{exif, photo, png, webp};
use webp::WebPConfig;

/// Sides in pixels that end within a block, and a little more than one.
const SIDES: [(u32, u32); 2] = [(9, 5), (37, 21)];

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1);
    let folder = PathBuf::from(folder.context("usage: fuzz-seeds FOLDER")?);
    let jpegs: Vec<_> = SIDES.into_iter().flat_map(jpegs).collect();
    write(&folder.join("decode_jpeg"), &jpegs)?;
    write(&folder.join("jpeg_shrink"), &jpegs)?;
    let pngs: Vec<_> = SIDES.into_iter().flat_map(pngs).collect();
    write(&folder.join("decode_png"), &pngs)?;
    let webps: Vec<_> = SIDES.into_iter().flat_map(webps).collect();
    write(&folder.join("decode_webp"), &webps)?;
    write(&folder.join("job"), &JOBS)?;
    write(&folder.join("query"), &QUERIES)?;
    write(&folder.join("transforms"), &TRANSFORMS)
}

fn write(folder: &Path, seeds: &[impl AsRef<[u8]>]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}

fn jpegs((width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let rgb = photo(width, height).into_raw();
    let inks: Vec<u8> = rgb
        .iter()
        .chain(&rgb)
        .copied()
        .take(rgb.len() / 3 * 4)
        .collect();
    let gray: Vec<u8> = rgb.iter().step_by(3).copied().collect();
    let kinds = [
        (ColorType::Rgb, &rgb, SamplingFactor::F_2_2),
        (ColorType::Rgb, &rgb, SamplingFactor::F_2_1),
        (ColorType::Rgb, &rgb, SamplingFactor::F_1_4),
        (ColorType::Luma, &gray, SamplingFactor::F_1_1),
        (ColorType::Cmyk, &inks, SamplingFactor::F_1_1),
        (ColorType::CmykAsYcck, &inks, SamplingFactor::F_1_1),
    ];
    let mut files = Vec::new();
    for (colour, samples, sampling) in kinds {
        for (progressive, optimized, restarts) in
            [(false, false, 0), (false, true, 1), (true, true, 2)]
        {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, 75);
            encoder.set_sampling_factor(sampling);
            encoder.set_progressive(progressive);
            encoder.set_optimized_huffman_tables(optimized);
            if restarts > 0 {
                encoder.set_restart_interval(restarts);
            }
            encoder
                .encode(samples, width as u16, height as u16, colour)
                .unwrap();
            files.push(bytes);
        }
    }
    files.push(exif::jpeg(&files[0], 6));
    files
}

fn pngs((width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let picture = DynamicImage::from(photo(width, height));
    let mut files = vec![
        png(&picture),
        png(&picture.to_luma8().into()),
        png(&picture.to_luma_alpha8().into()),
        png(&picture.to_rgba8().into()),
        png(&picture.to_rgb16().into()),
        exif::png(&png(&picture), 8),
    ];
    for depth in [
        png::BitDepth::One,
        png::BitDepth::Two,
        png::BitDepth::Four,
        png::BitDepth::Eight,
    ] {
        let row_bytes = (width as usize * depth as usize).div_ceil(8);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(depth);
        encoder.set_palette(
            (0..3 << depth as u8)
                .map(|byte| byte as u8)
                .collect::<Vec<_>>(),
        );
        encoder.set_trns(vec![0, 128]);
        let mut writer = encoder.write_header().unwrap();
        let rows: Vec<u8> = (0..row_bytes * height as usize)
            .map(|byte| (byte * 29) as u8)
            .collect();
        writer.write_image_data(&rows).unwrap();
        writer.finish().unwrap();
        files.push(bytes);
    }
    // Adam7, with the rows of another order: 28 bytes in is the flag.
    let mut interlaced = files[1].clone();
    interlaced[28] = 1;
    files.push(interlaced);
    files
}

fn webps((width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let picture = DynamicImage::from(photo(width, height));
    let opaque = picture.to_rgb8();
    let mut transparent = picture.to_rgba8();
    for (x, y, pixel) in transparent.enumerate_pixels_mut() {
        pixel.0[3] = (x * 8 + y * 3) as u8;
    }
    let changes: [fn(&mut WebPConfig); 6] = [
        |config| config.quality = 30.0,
        |config| config.partitions = 3,
        |config| config.filter_type = 0,
        |config| config.segments = 1,
        |config| config.lossless = 1,
        |config| config.near_lossless = 40,
    ];
    let mut files = vec![webp(&picture)];
    for change in changes {
        let mut config = WebPConfig::new().unwrap();
        change(&mut config);
        let rgb = webp::Encoder::from_rgb(&opaque, width, height);
        let rgba = webp::Encoder::from_rgba(&transparent, width, height);
        for encoder in [rgb, rgba] {
            files.push(encoder.encode_advanced(&config).unwrap().to_vec());
        }
    }
    files.push(exif::webp(&files[0], (width, height), 3));
    files
}

const JOBS: [&str; 5] = [
    r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{"preset":"card"}]}"#,
    r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{"fit":"inside","width":200,"format":"webp"},{"height":7,"quality":50,"withoutEnlargement":true}],"campaign":"spring"}"#,
    r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","original_version":"0123456789abcdef0123456789abcdef","variants":[{"format":"auto"}]}"#,
    r##"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{"focal_point_x":3,"focal_point_y":"none","background":"#f80","transforms":[["blur",5]],"format":"avif"}],"encoding":{"jpeg_scans":"progressive","jpeg_chroma":"4:4:4","png_level":9,"webp_effort":0,"avif_effort":1}}"##,
    r#"{"version":2}"#,
];

const QUERIES: [&str; 6] = [
    "width=300&height=200&fit=cover&quality=80&format=auto",
    "key=system-small-cover&download",
    "withoutEnlargement=true&width=%31%30&format=jpeg&fit=outside",
    "height=10&fit=contain&withoutEnlargement=false&format=png&background=%23f808",
    "transforms=[[%22rotate%22,45]]&focal_point_x=1&focal_point_y=none&width=10&height=9",
    "transforms=[]&focal_point_x=1&width=+1&key=%ff%00+a",
];

/// Each is followed by twelve bytes that choose the rest of a request.
const TRANSFORMS: [&str; 9] = [
    "[]\0\0\0\0\0\0\0\0\0\0\0\0",
    r#"[["flip"],["flop"],["rotate",90],["rotate",33.3,{"background":"rgb(1,2,3)"}]]abcdefghijkl"#,
    r#"[["grayscale"],["blur"],["blur",{"sigma":1.5}],["sharpen"],["sharpen",2,3,4]]bcdefghijkla"#,
    r##"[["tint","#f80"],["negate",{"alpha":false}],["linear",1.5,-20]]cdefghijklab"##,
    r#"[["modulate",{"brightness":2,"saturation":0.5,"hue":-90,"lightness":1e1}]]defghijklabc"#,
    r#"[["extract",{"left":1,"top":2,"width":3,"height":4}],["trim",{"threshold":9}]]efghijklabcd"#,
    r#"[["normalise",{"lower":5,"upper":95}],["threshold",99,{"greyscale":false}]]fghijklabcde"#,
    r##"[["flatten",{"background":"#123"}],["removeAlpha"],["ensureAlpha",0.5]]ghijklabcdef"##,
    r#"[["extend",{"top":1,"left":2,"background":{"r":9,"alpha":0.1}}],["extend",3]]hijklabcdefg"#,
];
