use proptest::prelude::*;
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::{Coordinate, Operations, VariantRequest};

use super::*;
use crate::render::MissingEnd;

const LIMITS: Limits = Limits {
    original_pixels: 36_000_000,
    dimension_px: 6000,
    variant_pixels: 36_000_000,
    avif_pixels: 4_000_000,
    memory_bytes: 256 << 20,
    missing_end: MissingEnd::Refuse,
};

fn transform(width: &str, height: &str, fit: &str, enlargement: &str) -> Transform {
    let request = VariantRequest {
        width: width.parse().ok(),
        height: height.parse().ok(),
        fit: Fit::parse(fit),
        without_enlargement: Some(enlargement == "never"),
        ..VariantRequest::default()
    };
    request.resolve(Format::Png, Format::Png)
}

fn size(text: &str) -> Size {
    let (width, height) = text.split_once('x').unwrap();
    Size {
        width: width.parse().unwrap(),
        height: height.parse().unwrap(),
    }
}

fn whole(size: Size) -> Rectangle {
    Rectangle {
        left: 0,
        top: 0,
        width: size.width,
        height: size.height,
    }
}

fn result(plan: &Plan) -> Size {
    plan.canvas.map_or(plan.size, |(canvas, _, _)| canvas)
}

#[test]
fn sizes_are_those_of_the_reference() {
    let rows = include_str!("sizes.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let mut checked = 0;
    for row in rows {
        let fields: Vec<&str> = row.split('\t').collect();
        let [original, width, height, fit, enlargement, expected] = fields[..] else {
            panic!("{row}")
        };
        let plan = plan(
            whole(size(original)),
            &transform(width, height, fit, enlargement),
            &LIMITS,
        )
        .unwrap();
        assert_eq!(result(&plan), size(expected), "{row}");
        checked += 1;
    }
    assert!(checked > 300, "{checked}");
}

#[test]
fn cuts_and_bars_lie_where_the_reference_puts_them() {
    let of = |original: &str, width, height, fit, enlargement| {
        plan(
            whole(size(original)),
            &transform(width, height, fit, enlargement),
            &LIMITS,
        )
        .unwrap()
    };
    // 1800x1200 covers 200x200 as 300x200: 50 columns are cut on each side.
    let cover = of("1800x1200", "200", "200", "cover", "allowed");
    assert_eq!(
        cover.area,
        Area {
            left: 300.0,
            top: 0.0,
            width: 1200.0,
            height: 1200.0
        }
    );
    // An odd remainder: floor((101 - 100 + 1) / 2) = 1 column on the left.
    let odd = of("101x100", "100", "100", "cover", "allowed");
    assert!((odd.area.left - 1.0).abs() < 1e-9, "{odd:?}");
    // 1800x1200 fits into 200x200 as 200x133: floor(67 / 2) = 33 rows above.
    let contain = of("1800x1200", "200", "200", "contain", "allowed");
    assert_eq!(
        (contain.size, contain.canvas),
        (size("200x133"), Some((size("200x200"), 0, 33)))
    );
    // Never enlarged, the box itself shrinks to the original, and the bars with it.
    assert_eq!(of("10x10", "150", "300", "contain", "never").canvas, None);
    assert_eq!(
        of("1800x1200", "2000", "1000", "contain", "never").canvas,
        Some((size("1800x1000"), 150, 0))
    );
    assert_eq!(
        of("1800x1200", "100", "-", "contain", "allowed").canvas,
        None
    );
}

#[test]
fn a_focal_point_is_kept_in_the_middle_as_far_as_the_edges_allow() {
    let kept = |x, y| {
        let request = VariantRequest {
            width: "200".parse().ok(),
            height: "200".parse().ok(),
            focal_point_x: Some(Coordinate::Px(x)),
            focal_point_y: Some(Coordinate::Px(y)),
            ..VariantRequest::default()
        };
        let transform = request.resolve(Format::Png, Format::Png);
        let plan = plan(whole(size("1800x1200")), &transform, &LIMITS).unwrap();
        (plan.area.left, plan.area.top)
    };
    // It covers 200x200 as 300x200, 6 to 1.
    assert_eq!(kept(0, 600), (0.0, 0.0));
    assert_eq!(kept(600, 0), (0.0, 0.0));
    assert_eq!(kept(720, 600), (120.0, 0.0));
    assert_eq!(kept(900, 600), (300.0, 0.0));
    assert_eq!(kept(u32::MAX, u32::MAX), (600.0, 0.0));
}

#[test]
fn the_plan_of_a_part_lies_in_that_part() {
    let part = Rectangle {
        left: 100,
        top: 50,
        width: 400,
        height: 200,
    };
    let plan = plan(part, &transform("100", "100", "cover", "allowed"), &LIMITS).unwrap();
    let Area {
        left,
        top,
        width,
        height,
    } = plan.area;
    assert_eq!((left, top, width, height), (200.0, 50.0, 200.0, 200.0));
}

#[test]
fn edges_count_as_the_thumbnail_s() {
    let refused = |right: u32| {
        let json = format!(r#"{{"width":100,"transforms":[["extend",{{"right":{right}}}]]}}"#);
        let request: VariantRequest = serde_json::from_str(&json).unwrap();
        let transform = request.resolve(Format::Png, Format::Png);
        plan(whole(size("100x100")), &transform, &LIMITS).is_err()
    };
    assert!(!refused(5900));
    assert!(refused(5901));
}

#[test]
fn what_would_be_too_large_is_refused_before_any_pixel() {
    for (original, width, height, fit) in [
        ("10x10", "6001", "-", "cover"),
        ("1x6000", "10", "-", "cover"),
        ("1800x1200", "100000", "200", "outside"),
        ("10x10", "4294967295", "4294967295", "contain"),
    ] {
        let refused = plan(
            whole(size(original)),
            &transform(width, height, fit, "allowed"),
            &LIMITS,
        );
        assert!(
            matches!(refused, Err(RenderError::TooManyPixels(_))),
            "{original} {width}x{height} {fit}: {refused:?}"
        );
    }
    // Nothing but the cut itself is ever made: 1x6000 may cover 6000x6000.
    assert!(
        plan(
            whole(size("1x6000")),
            &transform("6000", "6000", "cover", "allowed"),
            &LIMITS
        )
        .is_ok()
    );
}

#[test]
fn an_avif_has_a_limit_of_its_own() {
    let avif = |width: &str| {
        let transform = Transform {
            format: Format::Avif,
            ..transform(width, "2000", "contain", "allowed")
        };
        plan(whole(size("3000x2000")), &transform, &LIMITS)
    };
    assert!(avif("2000").is_ok());
    assert!(matches!(avif("2001"), Err(RenderError::TooManyPixels(_))));
}

#[test]
fn the_area_of_a_thumbnail_has_a_limit_with_bars_and_edges() {
    let limits = Limits {
        variant_pixels: 1_000_000,
        ..LIMITS
    };
    let edges = Operations::parse(r#"[["extend",{"left":1}]]"#).unwrap();
    let planned = |(width, height), operations: &Operations| {
        let transform = Transform {
            operations: operations.clone(),
            ..transform(width, height, "contain", "allowed")
        };
        plan(whole(size("100x100")), &transform, &limits)
    };
    let none = Operations::default();
    assert!(planned(("1000", "1000"), &none).is_ok());
    for (size, operations) in [(("1001", "1000"), &none), (("1000", "1000"), &edges)] {
        let refused = planned(size, operations);
        assert!(
            matches!(refused, Err(RenderError::TooManyPixels(_))),
            "{refused:?}"
        );
    }
}

proptest! {
    #[test]
    fn plans_stay_inside_original_and_canvas(
        (w, h) in (1u32..70_000, 1u32..70_000),
        (width, height) in (1u32..=u32::MAX, 1u32..=u32::MAX),
        fit in prop_oneof![Just("cover"), Just("contain"), Just("inside"), Just("outside")],
        enlargement in prop_oneof![Just("allowed"), Just("never")],
    ) {
        let limits = Limits { original_pixels: u64::MAX, variant_pixels: u64::MAX, dimension_px: u32::MAX, ..LIMITS };
        let original = Size { width: w, height: h };
        let plan = plan(whole(original), &transform(&width.to_string(), &height.to_string(), fit, enlargement), &limits).unwrap();
        let Area { left, top, width, height } = plan.area;
        let (right, bottom) = (left + width, top + height);
        prop_assert!(left >= 0.0 && top >= 0.0 && right <= f64::from(w) * 1.000_001 && bottom <= f64::from(h) * 1.000_001);
        prop_assert!(plan.size.width > 0 && plan.size.height > 0);
        if let Some((canvas, left, top)) = plan.canvas {
            prop_assert!(u64::from(left) + u64::from(plan.size.width) <= u64::from(canvas.width));
            prop_assert!(u64::from(top) + u64::from(plan.size.height) <= u64::from(canvas.height));
        }
    }
}
