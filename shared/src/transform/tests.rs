use proptest::prelude::*;

use super::*;

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
        (
            r#"{"width":200,"height":100,"format":"png","quality":99}"#,
            "cover 200x100 png q99",
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

prop_compose! {
    fn any_request()(
        fit in proptest::option::of(prop_oneof![Just(Fit::Cover), Just(Fit::Contain), Just(Fit::Inside), Just(Fit::Outside)]),
        width in proptest::option::of(1u32..7000),
        height in proptest::option::of(1u32..7000),
        quality in proptest::option::of(1u8..=100),
        without_enlargement in proptest::option::of(any::<bool>()),
        format in proptest::option::of(prop_oneof![
            Just(FormatChoice::Auto), Just(FormatChoice::Is(Format::Jpeg)),
            Just(FormatChoice::Is(Format::Png)), Just(FormatChoice::Is(Format::Webp)),
        ]),
    ) -> VariantRequest {
        VariantRequest {
            preset: None, fit, without_enlargement, format,
            width: width.and_then(NonZeroU32::new),
            height: height.and_then(NonZeroU32::new),
            quality: quality.map(|q| Quality::try_from(q).unwrap()),
        }
    }
}

proptest! {
    #[test]
    fn a_transform_survives_the_way_through_a_job(request in any_request()) {
        let transform = request.resolve(Format::Jpeg, Format::Webp);
        let json = serde_json::to_string(&transform.to_request()).unwrap();
        let back: VariantRequest = serde_json::from_str(&json).unwrap();
        // Whatever the worker takes for the original's format or for `auto`, nothing is left open.
        prop_assert_eq!(back.resolve(Format::Png, Format::Png), transform);
    }
}
