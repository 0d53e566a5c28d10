use proptest::prelude::*;

use super::*;
use crate::asset::Original;

fn resolve(json: &str) -> String {
    let request: VariantRequest = serde_json::from_str(json).unwrap();
    request.resolve(Format::Png, Format::Webp).to_string()
}

#[test]
fn requests_for_the_same_picture_have_one_canonical_form() {
    let table = [
        (r#"{"width":200,"height":100}"#, "cover 200x100 png"),
        (
            r#"{"width":200,"height":100,"fit":"cover","format":"png","quality":100}"#,
            "cover 200x100 png",
        ),
        (r#"{"quality":30}"#, "full png q30"),
        (r#"{"format":"avif"}"#, "full avif q50"),
    ];
    for (json, canonical) in table {
        assert_eq!(resolve(json), canonical, "{json}");
    }
}

#[test]
fn focal_point_and_background_are_told_only_where_they_matter() {
    let table = [
        (
            r#"{"width":2,"height":1,"focal_point_x":3,"focal_point_y":0}"#,
            "cover 2x1 at 3,0 png",
        ),
        (
            r#"{"width":2,"height":1,"focal_point_x":3}"#,
            "cover 2x1 png",
        ),
        (
            r#"{"width":2,"height":1,"focal_point_x":"none","focal_point_y":3}"#,
            "cover 2x1 png",
        ),
        (
            r#"{"width":2,"focal_point_x":3,"focal_point_y":0}"#,
            "width 2 png",
        ),
        (
            r#"{"width":2,"height":1,"fit":"inside","focal_point_x":3,"focal_point_y":0}"#,
            "inside 2x1 png",
        ),
        (
            r##"{"width":2,"background":"#fff"}"##,
            "width 2 png on ffffff",
        ),
        (r#"{"width":2,"background":"fff8"}"#, "width 2 png"),
        (
            r#"{"width":2,"height":1,"fit":"contain","background":"transparent"}"#,
            "contain 2x1 png on 00000000",
        ),
        (
            r#"{"width":2,"background":"ffffff80","format":"jpg"}"#,
            "width 2 jpg q80 on 808080",
        ),
        (
            r#"{"width":2,"background":"transparent","format":"jpg"}"#,
            "width 2 jpg q80",
        ),
    ];
    for (json, canonical) in table {
        assert_eq!(resolve(json), canonical, "{json}");
    }
}

#[test]
fn format_quality_and_enlargement_have_one_canonical_form() {
    let table = [
        (r#"{"width":2,"transforms":[]}"#, "width 2 png"),
        (
            r#"{"width":2,"transforms":[["greyscale"],["blur",5.0]]}"#,
            r#"[["grayscale"],["blur",4.998]] width 2 png"#,
        ),
        (
            r#"{"width":200,"height":100,"withoutEnlargement":false}"#,
            "cover 200x100 png",
        ),
        (r#"{"width":200,"fit":"contain"}"#, "width 200 png"),
        (
            r#"{"height":200,"fit":"outside","withoutEnlargement":true}"#,
            "height 200 never-enlarge png",
        ),
        (r#"{"format":"jpeg"}"#, "full jpg q80"),
        (
            r#"{"format":"jpg","quality":80,"withoutEnlargement":true}"#,
            "full jpg q80",
        ),
        (r#"{"format":"auto"}"#, "full webp q80"),
        (
            r#"{"width":7,"format":"webp","quality":1}"#,
            "width 7 webp q1",
        ),
    ];
    for (json, canonical) in table {
        assert_eq!(resolve(json), canonical, "{json}");
    }
}

/// What is left of transforms and background, for a thumbnail 2 pixels wide.
fn left_of(original: Format, fields: &str) -> String {
    let request = format!(r#"{{"width":2,{fields}}}"#);
    let request: VariantRequest = serde_json::from_str(&request).unwrap();
    let text = request.resolve(original, Format::Png).to_string();
    text.replace("width 2 ", "").replace(" q80", "")
}

#[test]
fn operations_that_change_nothing_are_left_out() {
    let table = [
        // original, asked for, left
        (Format::Png, r#"[["rotate",0],["linear",1,0.5]]"#, "png"),
        (Format::Png, r#"[["flip"],["flop"],["rotate",180]]"#, "png"),
        (
            Format::Png,
            r#"[["rotate",180],["flip"]]"#,
            r#"[["flop"]] png"#,
        ),
        (
            Format::Png,
            r#"[["rotate",180],["flop"],["flip"],["flip"]]"#,
            "png",
        ),
        (Format::Png, r#"[["extend",0]]"#, "png"),
        (
            Format::Png,
            r#"[["negate",{"alpha":false}]]"#,
            r#"[["negate",{"alpha":false}]] png"#,
        ),
        (
            Format::Jpeg,
            r#"[["negate",{"alpha":false}]]"#,
            r#"[["negate",{"alpha":true}]] jpg"#,
        ),
        (
            Format::Png,
            r#"[["removeAlpha"]]"#,
            r#"[["removeAlpha"]] png"#,
        ),
        (
            Format::Jpeg,
            r#"[["blur",5],["removeAlpha"],["flatten"]]"#,
            r#"[["blur",4.998]] jpg"#,
        ),
        (
            Format::Jpeg,
            r#"[["tint","f00"],["blur",0.5]]"#,
            r##"[["tint","#ff0000"]] jpg"##,
        ),
        (Format::Png, r#"[["blur",0.5]]"#, r#"[["blur",0.3]] png"#),
        // By way of RGB, as any step does.
        (
            Format::Jpeg,
            r##"[["flatten",{"background":"#f80"}]]"##,
            r#"[["removeAlpha"]] jpg"#,
        ),
        (
            Format::Jpeg,
            r#"[["linear",1],["flop"]]"#,
            r#"[["flop"],["removeAlpha"]] jpg"#,
        ),
    ];
    for (original, asked, left) in table {
        let found = left_of(original, &format!(r#""transforms":{asked}"#));
        assert_eq!(found, left, "{asked}");
    }
}

#[test]
fn operations_have_one_order_and_arguments_that_matter() {
    let table = [
        (
            r##"[["tint","#09f8"],["blur",5],["tint","#08f8"],["grayscale"]]"##,
            r##"[["grayscale"],["blur",4.998],["tint","#0088ff"]] png"##,
        ),
        (
            r#"[["rotate",90,{"background":"red"}]]"#,
            r##"[["rotate",90,{"background":"#000000"}]] png"##,
        ),
        (
            r#"[["trim",{"threshold":10.75}],["ensureAlpha",0.501]]"#,
            r#"[["trim",{"threshold":10}],["ensureAlpha",0.502]] png"#,
        ),
        (
            r#"[["trim",{"background":"white","threshold":300}]]"#,
            r#"[["trim",{"threshold":255}]] png"#,
        ),
        (
            r#"[["modulate",{"saturation":0,"hue":90}]]"#,
            r#"[["modulate",{"brightness":1,"hue":0,"lightness":0,"saturation":0}]] png"#,
        ),
        (r#"[["linear",7.5,900]]"#, r#"[["linear",0,255]] png"#),
        (
            r#"[["blur",2.01],["tint","777"]]"#,
            r##"[["blur",2.001],["tint","#000000"]] png"##,
        ),
        (
            r#"[["sharpen",{"sigma":3,"m1":0,"m2":0}]]"#,
            r#"[["sharpen",{"m1":0,"m2":0,"sigma":1,"x1":0,"y2":0,"y3":0}]] png"#,
        ),
        (r#"[["linear",1,10.9]]"#, r#"[["linear",1,10]] png"#),
        (
            r#"[["sharpen",{"sigma":1,"x1":500,"m2":9,"y2":1000}]]"#,
            r#"[["sharpen",{"m1":1,"m2":0,"sigma":0.981,"x1":101,"y2":101,"y3":20}]] png"#,
        ),
    ];
    for (asked, left) in table {
        let asked = asked.replace("white", "#fff").replace("red", "#f00");
        let found = left_of(Format::Png, &format!(r#""transforms":{asked}"#));
        assert_eq!(found, left, "{asked}");
    }
}

#[test]
fn a_background_is_told_where_it_can_show() {
    let table = [
        // original, asked for, left
        (Format::Jpeg, r#""background":"ff8800""#, "jpg"),
        (
            Format::Jpeg,
            r#""background":"ff8800ff","format":"png""#,
            "png",
        ),
        (Format::Png, r#""background":"ff8800ff""#, "png on ff8800"),
        (
            Format::Webp,
            r#""background":"f80","format":"jpg""#,
            "jpg on ff8800",
        ),
        (
            Format::Jpeg,
            r#""background":"f80","transforms":[["ensureAlpha",0.2]]"#,
            r#"[["ensureAlpha",0.2]] jpg on ff8800"#,
        ),
        (
            Format::Jpeg,
            r#""background":"f80","transforms":[["ensureAlpha"]]"#,
            r#"[["ensureAlpha",1]] jpg"#,
        ),
        (
            Format::Jpeg,
            r##""background":"f80","transforms":[["rotate",9,{"background":"#0000"}]]"##,
            r##"[["rotate",9,{"background":"#00000000"}]] jpg on ff8800"##,
        ),
        (
            Format::Jpeg,
            r#""height":3,"fit":"contain","background":"f80""#,
            "contain 2x3 jpg on ff8800",
        ),
        (
            Format::Jpeg,
            r#""height":3,"fit":"contain","background":"000","format":"png""#,
            "contain 2x3 png",
        ),
        (
            Format::Png,
            r#""height":3,"fit":"contain","background":"000""#,
            "contain 2x3 png on 000000",
        ),
    ];
    for (original, asked, left) in table {
        assert_eq!(left_of(original, asked), left, "{asked}");
    }
}

#[test]
fn what_is_out_of_range_does_not_become_a_request() {
    for bad in [
        r#"{"width":0}"#,
        r#"{"width":-1}"#,
        r#"{"width":1.5}"#,
        r#"{"quality":0}"#,
        r#"{"quality":101}"#,
        r#"{"fit":"fill"}"#,
        r#"{"format":"gif"}"#,
        r#"{"focal_point_x":-1}"#,
        r#"{"focal_point_x":1.5}"#,
        r#"{"focal_point_y":"centre"}"#,
        r#"{"background":"reddish"}"#,
        r#"{"transforms":[["explode"]]}"#,
        r#"{"size":3}"#,
    ] {
        assert!(
            serde_json::from_str::<VariantRequest>(bad).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn a_request_overrides_its_preset_field_by_field() {
    let preset: VariantRequest =
        serde_json::from_str(r#"{"width":200,"height":150,"quality":50}"#).unwrap();
    let query: VariantRequest =
        serde_json::from_str(r#"{"preset":"card","width":20,"format":"webp"}"#).unwrap();
    let both = query.over(&preset);
    assert_eq!(
        both.resolve(Format::Jpeg, Format::Jpeg).to_string(),
        "cover 20x150 webp q50"
    );
}

#[test]
fn what_a_description_says_of_the_focal_point_is_overridden_coordinate_by_coordinate() {
    let described: Original = serde_json::from_value(serde_json::json!({
        "id": "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f", "version": "00000000000000000000000000000000",
        "object": "", "media_type": "", "filename": "", "title": "", "length_bytes": 1,
        "uploaded_unix": 1, "modified_unix": 1, "focal_point_x": 10, "focal_point_y": 20,
    }))
    .unwrap();
    for (json, canonical) in [
        ("{}", "cover 2x1 at 10,20 png"),
        (r#"{"focal_point_x":5}"#, "cover 2x1 at 5,20 png"),
        (
            r#"{"focal_point_x":5,"focal_point_y":6}"#,
            "cover 2x1 at 5,6 png",
        ),
        (r#"{"focal_point_x":"none"}"#, "cover 2x1 png"),
    ] {
        let mut request: VariantRequest = serde_json::from_str(json).unwrap();
        (request.width, request.height) = (NonZeroU32::new(2), NonZeroU32::new(1));
        let transform = request
            .focused_as(&described)
            .resolve(Format::Png, Format::Png);
        assert_eq!(transform.to_string(), canonical, "{json}");
        // The job is published, and then somebody changes the description.
        let job = transform.to_request().focused_as(&described);
        assert_eq!(job.resolve(Format::Jpeg, Format::Jpeg), transform, "{json}");
    }
}

fn any_format() -> impl Strategy<Value = FormatChoice> {
    prop_oneof![
        Just(FormatChoice::Auto),
        prop::sample::select(&Format::ALL[..]).prop_map(FormatChoice::Is)
    ]
}

fn any_colour() -> impl Strategy<Value = Colour> {
    any::<[u8; 4]>().prop_map(Colour::new)
}

fn any_coordinate() -> impl Strategy<Value = Coordinate> {
    prop_oneof![
        Just(Coordinate::NONE),
        any::<u32>().prop_map(Coordinate::Px)
    ]
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let number = || (-2_000_000..2_000_000).prop_map(Decimal::thousandths);
    let factor = || (1..10_000).prop_map(Decimal::thousandths);
    prop_oneof![
        Just(Operation::Flip),
        Just(Operation::RemoveAlpha),
        Just(Operation::Sharpen(None)),
        any_parametrised(),
        (number(), any_colour()).prop_map(|(angle, background)| Operation::Rotate {
            angle: angle.as_angle(),
            background,
        }),
        prop::option::of((300..1_000_000).prop_map(Decimal::thousandths))
            .prop_map(|sigma| Operation::Blur { sigma }),
        [factor(), factor(), factor(), factor(), factor(), factor()].prop_map(
            |[sigma, m1, m2, x1, y2, y3]| {
                let sharpen = Sharpen {
                    sigma,
                    m1,
                    m2,
                    x1,
                    y2,
                    y3,
                };
                Operation::Sharpen(Some(sharpen))
            }
        ),
        [factor(), factor(), number(), number()].prop_map(
            |[brightness, saturation, hue, lightness]| Operation::Modulate(Modulate {
                brightness,
                saturation,
                hue: hue.as_angle(),
                lightness,
            })
        ),
    ]
}

fn any_parametrised() -> impl Strategy<Value = Operation> {
    let number = || (-2_000_000..2_000_000).prop_map(Decimal::thousandths);
    let factor = || (1..10_000).prop_map(Decimal::thousandths);
    prop_oneof![
        any_colour().prop_map(Operation::Tint),
        any_colour().prop_map(Operation::Flatten),
        any::<bool>().prop_map(|alpha| Operation::Negate { alpha }),
        (number(), number()).prop_map(|(a, b)| Operation::Linear { a, b }),
        (any::<u8>(), any::<bool>())
            .prop_map(|(level, grayscale)| Operation::Threshold { level, grayscale }),
        (prop::option::of(any_colour()), factor()).prop_map(|(background, threshold)| {
            Operation::Trim {
                background,
                threshold,
            }
        }),
        (0..900u32, 0..900u32, 1..900u32, 1..900u32).prop_map(|(left, top, width, height)| {
            Operation::Extract {
                left,
                top,
                width: NonZeroU32::new(width).unwrap(),
                height: NonZeroU32::new(height).unwrap(),
            }
        }),
        (prop::array::uniform4(0..900u32), any_colour())
            .prop_map(|(edges, background)| Operation::Extend { edges, background }),
        (0..1_000).prop_map(|alpha| Operation::EnsureAlpha {
            alpha: Decimal::thousandths(alpha)
        }),
        (0..50_000, 51_000..100_000).prop_map(|(lower, upper)| Operation::Normalise {
            lower: Decimal::thousandths(lower),
            upper: Decimal::thousandths(upper),
        }),
    ]
}

prop_compose! {
    fn any_request()(
        fit in prop::option::of(prop_oneof![Just(Fit::Cover), Just(Fit::Contain), Just(Fit::Inside), Just(Fit::Outside)]),
        (width, height) in (prop::option::of(1u32..7000), prop::option::of(1u32..7000)),
        quality in prop::option::of(1u8..=100),
        without_enlargement in prop::option::of(any::<bool>()),
        format in prop::option::of(any_format()),
        (focal_point_x, focal_point_y) in (prop::option::of(any_coordinate()), prop::option::of(any_coordinate())),
        background in prop::option::of(any_colour()),
        operations in prop::option::of(prop::collection::vec(any_operation(), 0..=Operations::MOST)),
    ) -> VariantRequest {
        VariantRequest {
            preset: None, fit, without_enlargement, format, focal_point_x, focal_point_y, background,
            width: width.and_then(NonZeroU32::new),
            height: height.and_then(NonZeroU32::new),
            quality: quality.map(|q| Quality::try_from(q).unwrap()),
            transforms: operations.map(|list| Operations::try_from(list).unwrap()),
        }
    }
}

proptest! {
    #[test]
    fn a_transform_survives_the_way_through_a_job(request in any_request()) {
        let json = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(&serde_json::from_str::<VariantRequest>(&json).unwrap(), &request);
        for original in Format::ALL {
            let transform = request.resolve(original, Format::Webp);
            let json = serde_json::to_string(&transform.to_request()).unwrap();
            let back: VariantRequest = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&back.resolve(original, Format::Png), &transform);
            // Who does not know the original's format, nor what `auto` was, has the same.
            for other in Format::ALL {
                prop_assert_eq!(&back.literal(other, other), &transform);
            }
        }
    }

    #[test]
    fn no_background_of_a_jpeg_without_bars_is_another_thumbnail(background in any_colour()) {
        let cut = r#"{"width":6000,"height":6000,"fit":"cover","format":"jpg","quality":100}"#;
        let mut request: VariantRequest = serde_json::from_str(cut).unwrap();
        let plain = request.resolve(Format::Jpeg, Format::Jpeg);
        request.background = Some(background);
        for fit in [Fit::Cover, Fit::Inside, Fit::Outside] {
            request.fit = Some(fit);
            for format in Format::ALL {
                request.format = Some(FormatChoice::Is(format));
                let transform = request.resolve(Format::Jpeg, Format::Jpeg);
                prop_assert_eq!(transform.background, None);
                if (fit, format) == (Fit::Cover, Format::Jpeg) {
                    prop_assert_eq!(&transform, &plain);
                }
            }
        }
    }
}

#[test]
fn auto_is_avif_only_where_a_size_says_that_it_is_quick() {
    let table = [
        (r#"{"width":2000,"height":2000}"#, true),
        (r#"{"width":2001,"height":2000}"#, false),
        (r#"{"width":2000}"#, true),
        (r#"{"height":2001}"#, false),
        (r#"{"quality":50}"#, false),
    ];
    for (json, avif) in table {
        let request: VariantRequest = serde_json::from_str(json).unwrap();
        let modern = request.modern(4_000_000);
        assert_eq!(modern.contains(&Format::Avif), avif, "{json}");
        assert!(modern.contains(&Format::Webp), "{json}");
    }
}
