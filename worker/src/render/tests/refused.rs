//! What is too damaged, too large or too slow.

use super::*;

#[test]
fn damaged_originals_are_told_from_tolerable_ones() {
    let (whole_jpeg, whole_png, whole_webp) = (
        jpeg(&photo(200, 150).into()),
        png(&photo(200, 150).into()),
        webp(&photo(200, 150).into()),
    );
    let small = r#"{"width":20}"#;
    for whole in [&whole_jpeg, &whole_png, &whole_webp] {
        for percent in [5, 50, 95] {
            let result = rendered(&damage::truncated(whole, percent), small);
            assert!(
                matches!(
                    result,
                    Err(RenderError::Corrupt(_) | RenderError::Truncated)
                ),
                "{percent} %: {result:?}"
            );
        }
        assert!(rendered(&[whole.as_slice(), b"trailing garbage"].concat(), small).is_ok());
    }
    assert!(matches!(
        rendered(&whole_jpeg[..whole_jpeg.len() - 2], small),
        Err(RenderError::Corrupt(_) | RenderError::Truncated)
    ));
    assert!(matches!(
        rendered(&damage::png_with_corrupt_data(&whole_png), small),
        Err(RenderError::Corrupt(_) | RenderError::Truncated)
    ));
    assert!(matches!(
        rendered(b"", small),
        Err(RenderError::Unsupported(_))
    ));
    assert!(matches!(
        rendered(b"GIF89a", small),
        Err(RenderError::Unsupported(_))
    ));
    let mut ancillary = exif::png(&whole_png, 1);
    let at = damage::find(&ancillary, b"eXIf") + 4 + 26;
    ancillary[at] ^= 1;
    assert!(
        rendered(&ancillary, small).is_ok(),
        "a bad CRC of a chunk that is not needed is tolerated"
    );
    let mut entropy = whole_jpeg.clone();
    let middle = entropy.len() / 2;
    entropy[middle] ^= 0x11;
    assert!(
        rendered(&entropy, small).is_ok(),
        "damage inside complete JPEG data is tolerated"
    );
}

#[test]
fn a_cut_off_jpeg_is_shown_as_far_as_it_goes_if_the_operator_tolerates_it() {
    let cut = damage::truncated(&jpeg(&photo(240, 160).into()), 60);
    let limits = Limits {
        missing_end: MissingEnd::Tolerate,
        ..LIMITS
    };
    let request: VariantRequest = serde_json::from_str(r#"{"format":"png"}"#).unwrap();
    let transform = request.literal(Format::Jpeg, Format::Jpeg);
    let deadline = Deadline::after(Duration::from_mins(1));
    let rendered = render(&cut, &[transform], &limits, Encoding::default(), deadline).unwrap();
    let picture = decode(&rendered[0].as_ref().unwrap().bytes);
    let [.., bottom_left, bottom_right] = corners(&picture);
    for (found, expected) in corners(&picture).into_iter().zip(CORNERS).take(2) {
        assert_near(found, expected, 16);
    }
    for missing in [bottom_left, bottom_right] {
        assert_near(missing, Rgb([128, 128, 128]), 2);
    }
}

#[test]
fn what_takes_more_memory_than_allowed_is_refused() {
    let tight = Limits {
        memory_bytes: 50_000,
        ..LIMITS
    };
    let request: VariantRequest = serde_json::from_str(r#"{"format":"png"}"#).unwrap();
    let transform = request.literal(Format::Jpeg, Format::Jpeg);
    for format in [SourceFormat::Jpeg, SourceFormat::Png, SourceFormat::Webp] {
        let original = encoded(format, &photo(240, 160).into());
        let deadline = Deadline::after(Duration::from_mins(1));
        let transforms = std::slice::from_ref(&transform);
        let refused = render(&original, transforms, &tight, Encoding::default(), deadline);
        assert!(
            matches!(refused, Err(RenderError::TooManyBytes(_))),
            "{format:?}: {refused:?}"
        );
    }
}

#[test]
fn a_header_is_enough_to_refuse_what_is_too_large() {
    for (width, height) in [
        (20_000, 20_000),
        (6001, 1),
        (1, 6001),
        (u32::MAX >> 1, u32::MAX >> 1),
    ] {
        let refused = rendered(&damage::png_bomb(width, height), r#"{"width":10}"#);
        assert!(
            matches!(refused, Err(RenderError::TooManyPixels(_))),
            "{width}x{height}: {refused:?}"
        );
    }
    let tight = Limits {
        original_pixels: 100,
        ..LIMITS
    };
    let deadline = Deadline::after(Duration::from_secs(9));
    let refused = render(
        &png(&photo(11, 10).into()),
        &[],
        &tight,
        Encoding::default(),
        deadline,
    );
    assert!(
        matches!(refused, Err(RenderError::TooManyPixels(_))),
        "{refused:?}"
    );
}

#[test]
fn a_passed_deadline_ends_the_render() {
    let request: VariantRequest = serde_json::from_str(r#"{"width":20}"#).unwrap();
    let transform = request.literal(Format::Jpeg, Format::Jpeg);
    let ended = render(
        &jpeg(&photo(60, 40).into()),
        &[transform],
        &LIMITS,
        Encoding::default(),
        Deadline::after(Duration::ZERO),
    );
    assert_eq!(ended, Err(RenderError::TooSlow));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_panic(
        format in prop_oneof![Just(SourceFormat::Jpeg), Just(SourceFormat::Png), Just(SourceFormat::Webp)],
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..20),
        length in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = encoded(format, &photo(48, 32).into());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(length.index(bytes.len() * 2));
        let _ = rendered(&bytes, r#"{"width":20,"height":20,"format":"webp"}"#);
    }
}
