//! The canonical form of a transform against the renderer: it makes the same bytes, and parameters
//! that never make a difference have one key.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use image::{GrayAlphaImage, RgbImage, Rgba};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use thumbmill_shared::format::FormatChoice;
use thumbmill_shared::transform::{
    Colour, Coordinate, Decimal, Fit, Modulate, Operation, Operations, Quality, Sharpen, Step,
    Transform,
};

use super::*;

/// An original, small enough to be rendered in a fraction of a millisecond, with every kind of
/// content: smooth, rough, gray, transparent.
struct Original {
    name: &'static str,
    format: SourceFormat,
    bytes: Vec<u8>,
}

fn originals() -> Vec<Original> {
    let (width, height) = (37, 26);
    let rough = |x: u32, y: u32| u8::try_from((x * 73 + y * 151 + x * y * 29) % 251).unwrap();
    let colour = |x: u32, y: u32| {
        let smooth = [x * 6, y * 9].map(|sample| u8::try_from(sample).unwrap());
        [smooth[0], smooth[1], rough(x, y)]
    };
    let rgb = RgbImage::from_fn(width, height, |x, y| Rgb(colour(x, y)));
    let rgba = RgbaImage::from_fn(width, height, |x, y| {
        let [red, green, blue] = colour(x, y);
        let alpha = match x {
            0..6 => 0,
            6..12 => 255,
            _ => rough(y, x),
        };
        Rgba([red, green, blue, alpha])
    });
    let gray = GrayImage::from_fn(width, height, |x, y| Luma([rough(x, y)]));
    let alpha = GrayAlphaImage::from_fn(width, height, |x, y| {
        image::LumaA([rough(x, y), rough(y, x)])
    });
    let of = |name, format, image: DynamicImage| Original {
        name,
        format,
        bytes: encoded(format, &image),
    };
    vec![
        of("JPEG", SourceFormat::Jpeg, rgb.clone().into()),
        of("gray JPEG", SourceFormat::Jpeg, gray.clone().into()),
        of("PNG", SourceFormat::Png, rgb.clone().into()),
        of("gray PNG", SourceFormat::Png, gray.into()),
        of("PNG with alpha", SourceFormat::Png, rgba.clone().into()),
        of("gray PNG with alpha", SourceFormat::Png, alpha.into()),
        of("WebP", SourceFormat::Webp, rgb.into()),
        of("WebP with alpha", SourceFormat::Webp, rgba.into()),
    ]
}

/// A number between two others; as often as not one of those that may make no difference.
fn number(least: i32, most: i32, special: &'static [i32]) -> BoxedStrategy<Decimal> {
    let any = (least..=most).prop_map(Decimal::thousandths);
    let special = prop::sample::select(special).prop_map(Decimal::thousandths);
    prop_oneof![any, special].boxed()
}

fn colour() -> BoxedStrategy<Colour> {
    let special = [
        [0, 0, 0, 255],
        [0, 0, 0, 0],
        [255, 255, 255, 255],
        [9, 9, 9, 255],
        [9, 99, 199, 255],
        [9, 99, 199, 128],
    ];
    prop_oneof![any::<[u8; 4]>(), prop::sample::select(special.to_vec())]
        .prop_map(Colour::new)
        .boxed()
}

fn factor() -> BoxedStrategy<Decimal> {
    number(0, 5_000, &[0, 1_000, 100_000, 101_000, 200_000])
}

/// One of each kind.
fn operations() -> Vec<BoxedStrategy<Operation>> {
    [moving(), colouring(), on_alpha()].concat()
}

/// Those that move pixels or add some.
fn moving() -> Vec<BoxedStrategy<Operation>> {
    let angle = number(0, 359_999, &[0, 90_000, 180_000, 270_000]);
    let turn = (angle, colour()).prop_map(|(angle, background)| Operation::Rotate {
        angle: angle.as_angle(),
        background,
    });
    let place = (0..20_u32, 0..20_u32, 1..20_u32, 1..20_u32);
    let extract = place.prop_map(|(left, top, width, height)| Operation::Extract {
        left,
        top,
        width: NonZeroU32::new(width).unwrap(),
        height: NonZeroU32::new(height).unwrap(),
    });
    let threshold = number(0, 260_000, &[0, 10_000, 10_500, 255_000]);
    let trim = (prop::option::of(colour()), threshold);
    let trim = trim.prop_map(|(background, threshold)| Operation::Trim {
        background,
        threshold,
    });
    let edges = prop_oneof![Just([0; 4]), prop::array::uniform4(0..5_u32)];
    let extend = (edges, colour());
    let extend = extend.prop_map(|(edges, background)| Operation::Extend { edges, background });
    vec![
        Just(Operation::Flip).boxed(),
        Just(Operation::Flop).boxed(),
        turn.boxed(),
        trim.boxed(),
        extract.boxed(),
        extend.boxed(),
    ]
}

/// Those that change colours.
fn colouring() -> Vec<BoxedStrategy<Operation>> {
    let threshold = (any::<u8>(), any::<bool>());
    let blur = prop::option::of(number(300, 12_000, &[2_000, 2_001, 500]));
    let sharpen = [factor(), factor(), factor(), factor(), factor()];
    let sharpen = (number(300, 9_000, &[1_000, 1_001]), sharpen);
    let sharpen = sharpen.prop_map(|(sigma, [m1, m2, x1, y2, y3])| Sharpen {
        sigma,
        m1,
        m2,
        x1,
        y2,
        y3,
    });
    let (hue, lightness) = (number(0, 359_999, &[0]), number(-50_000, 50_000, &[0]));
    let modulate = (factor(), factor(), hue, lightness);
    let modulate = modulate.prop_map(|(brightness, saturation, hue, lightness)| Modulate {
        brightness,
        saturation,
        hue,
        lightness,
    });
    let a = number(-2_000, 2_000, &[0, 1_000, 0, 1_000_000_000]);
    let special = &[0, 10_000, 10_500, 300_000, 1_000_000_000];
    let linear = (a, number(-300_000, 300_000, special));
    let (lower, upper) = (
        number(0, 50_000, &[1_000]),
        number(51_000, 100_000, &[99_000]),
    );
    let normalise = (lower, upper);
    vec![
        Just(Operation::Grayscale).boxed(),
        threshold
            .prop_map(|(level, grayscale)| Operation::Threshold { level, grayscale })
            .boxed(),
        blur.prop_map(|sigma| Operation::Blur { sigma }).boxed(),
        modulate.prop_map(Operation::Modulate).boxed(),
        Just(Operation::Sharpen(None)).boxed(),
        sharpen
            .prop_map(|sharpen| Operation::Sharpen(Some(sharpen)))
            .boxed(),
        linear.prop_map(|(a, b)| Operation::Linear { a, b }).boxed(),
        normalise
            .prop_map(|(lower, upper)| Operation::Normalise { lower, upper })
            .boxed(),
        colour().prop_map(Operation::Tint).boxed(),
    ]
}

/// Those on what is transparent.
fn on_alpha() -> Vec<BoxedStrategy<Operation>> {
    let ensure = number(0, 1_000, &[0, 1_000]);
    vec![
        colour().prop_map(Operation::Flatten).boxed(),
        Just(Operation::RemoveAlpha).boxed(),
        ensure
            .prop_map(|alpha| Operation::EnsureAlpha { alpha })
            .boxed(),
        any::<bool>()
            .prop_map(|alpha| Operation::Negate { alpha })
            .boxed(),
    ]
}

fn transforms() -> BoxedStrategy<Option<Operations>> {
    let operation = prop::strategy::Union::new(operations());
    let some = prop::collection::vec(operation, 1..=Operations::MOST)
        .prop_map(|list| Some(Operations::try_from(list).unwrap()));
    prop_oneof![1 => Just(None), 3 => some].boxed()
}

fn request() -> BoxedStrategy<VariantRequest> {
    let fit = prop::sample::select(vec![
        None,
        Some(Fit::Cover),
        Some(Fit::Contain),
        Some(Fit::Contain),
        Some(Fit::Inside),
        Some(Fit::Outside),
    ]);
    let side = || prop::option::of((1..40_u32).prop_map(|px| NonZeroU32::new(px).unwrap()));
    let quality =
        prop::sample::select(vec![None, Some(1), Some(60), Some(80), Some(99), Some(100)])
            .prop_map(|quality| quality.map(|percent| Quality::try_from(percent).unwrap()));
    // AVIF takes many times as long.
    let format = prop_oneof![
        1 => Just(Format::Avif),
        6 => prop::sample::select(vec![Format::Jpeg, Format::Png, Format::Webp]),
    ];
    let focal = || prop::option::of((0..40_u32).prop_map(Coordinate::Px));
    let sizes = (fit, side(), side(), prop::option::of(any::<bool>()));
    let rest = (prop::option::of(format), quality, focal(), focal());
    let more = (prop::option::of(colour()), transforms());
    (sizes, rest, more)
        .prop_map(|(sizes, rest, (background, transforms))| {
            let (fit, width, height, without_enlargement) = sizes;
            let (format, quality, focal_point_x, focal_point_y) = rest;
            VariantRequest {
                preset: None,
                fit,
                width,
                height,
                quality,
                without_enlargement,
                format: format.map(FormatChoice::Is),
                focal_point_x,
                focal_point_y,
                background,
                transforms,
            }
        })
        .boxed()
}

/// The bytes, or why there are none.
fn made(original: &Original, transform: &Transform) -> Result<Vec<u8>, RenderError> {
    let deadline = Deadline::after(Duration::from_mins(1));
    let transforms = std::slice::from_ref(transform);
    let rendered = render(
        &original.bytes,
        transforms,
        &LIMITS,
        Encoding::default(),
        deadline,
    );
    Ok(rendered?.remove(0)?.bytes)
}

fn drawn<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: &BoxedStrategy<T>) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// How many requests are tried.
const REQUESTS: usize = 4_000;
/// How many pairs of them.
const PAIRS: usize = 9_000;

#[test]
fn what_is_left_out_of_a_key_changes_no_byte() {
    let (originals, strategy) = (originals(), request());
    let mut runner = TestRunner::deterministic();
    let mut changed = 0;
    for at in 0..REQUESTS {
        let original = &originals[at % originals.len()];
        let request = drawn(&mut runner, &strategy);
        let literal = request.literal(original.format, Format::Png);
        let canonical = request.resolve(original.format, Format::Png);
        if literal == canonical {
            continue;
        }
        changed += 1;
        let same = made(original, &literal) == made(original, &canonical);
        assert!(same, "{}: {literal} is not {canonical}", original.name);
    }
    assert!(changed > REQUESTS / 4, "only {changed} had another form");
}

/// Two requests that differ in one part, and which.
fn pair(runner: &mut TestRunner, at: usize) -> (String, [VariantRequest; 2]) {
    let request = request();
    let mut one = drawn(runner, &request);
    // Others could leave black and white only, or an opaque part.
    let plain = |operation: &Operation| {
        matches!(
            operation.step(),
            Step::Flip | Step::Flop | Step::Grayscale | Step::Blur
        )
    };
    let asked = one.transforms.take().map(Vec::from).unwrap_or_default();
    let asked: Vec<_> = asked.into_iter().filter(plain).collect();
    one.transforms = Operations::try_from(asked).ok();
    if at.is_multiple_of(3) {
        let other = drawn(runner, &request);
        let other = VariantRequest {
            background: other.background,
            ..one.clone()
        };
        return ("background".to_owned(), [one, other]);
    }
    // An operation of the same kind with other arguments, or none.
    let kinds = operations();
    let kind = &kinds[at / 3 % kinds.len()];
    let operations = [drawn(runner, kind), drawn(runner, kind)];
    let step = operations[0].step();
    let mut others: Vec<_> = one.transforms.clone().map(Vec::from).unwrap_or_default();
    others.retain(|operation| operation.step() != step);
    others.truncate(2);
    let with = |operation: Option<Operation>| {
        let all: Vec<_> = others.iter().cloned().chain(operation).collect();
        VariantRequest {
            transforms: Some(Operations::try_from(all).unwrap()),
            ..one.clone()
        }
    };
    let [first, second] = operations;
    match at % 3 {
        1 => (format!("{step:?}"), [with(Some(first)), with(Some(second))]),
        _ => (format!("no {step:?}"), [with(Some(first)), with(None)]),
    }
}

/// Does it show so much that a change of a pixel here and there is not lost?
fn is_rich(bytes: &[u8]) -> bool {
    let picture = decode(bytes).to_rgba8();
    let colours: BTreeSet<_> = picture.pixels().map(|pixel| pixel.0).collect();
    picture.width() >= 8 && picture.height() >= 8 && colours.len() >= 50
}

/// Parts whose effect depends on the picture or on other operations: there may be nothing to trim, to
/// stretch, to cut off at black or white, to tint or to make opaque. All others have an effect, or
/// are left out of the key.
const DEPEND_ON_THE_PICTURE: [&str; 18] = [
    "Trim",
    "no Trim",
    "Normalise",
    "no Normalise",
    "Modulate",
    "no Modulate",
    "Sharpen",
    "no Sharpen",
    "Linear",
    "Extend",
    "no Extend",
    "EnsureAlpha",
    "no EnsureAlpha",
    "no RemoveAlpha",
    "no Flatten",
    "no Grayscale",
    "no Blur",
    "no Tint",
];

#[test]
fn what_makes_no_difference_makes_no_other_key() {
    let mut originals = originals();
    // Of others it depends on the picture what shows: gray ones, and those whose format could have alpha.
    originals.retain(|original| matches!(original.name, "JPEG" | "PNG with alpha"));
    let mut runner = TestRunner::deterministic();
    let mut classes: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut equal = 0;
    for at in 0..PAIRS {
        let original = &originals[at % originals.len()];
        let (part, pair) = pair(&mut runner, at);
        let pair = pair.map(|request| VariantRequest {
            quality: Quality::try_from(90).ok(),
            ..request
        });
        let transforms = pair
            .each_ref()
            .map(|it| it.resolve(original.format, Format::Png));
        let [one, other] = transforms.each_ref();
        if one == other {
            equal += 1;
            continue;
        }
        if one.format == Format::Avif {
            continue;
        }
        let [Ok(one_made), Ok(other_made)] = transforms.each_ref().map(|it| made(original, it))
        else {
            continue;
        };
        if one_made == other_made && is_rich(&one_made) {
            let example = format!("{}: {one} is {other}", original.name);
            classes.entry(part).or_insert((0, example)).0 += 1;
        }
    }
    for (part, (count, example)) in &classes {
        println!("{part}: {count} pairs, such as {example}");
    }
    classes.retain(|part, _| !DEPEND_ON_THE_PICTURE.contains(&part.as_str()));
    assert!(classes.is_empty(), "{classes:#?}");
    assert!(equal > PAIRS / 20, "only {equal} pairs had one key");
}
