//! The JPEG decoder by itself, with everything that can be asked of it.

use std::cell::Cell;
use std::time::Duration;

use thumbmill_jpeg_shrink::{
    Crop, Error, Header, MissingEnd, Options, Picture, Plane, Scale, decode, read_header,
};

use crate::cost::{measured, processor_time};
use crate::seal;
use crate::shrunk::MOST_PIXELS;

const SCALES: [(Scale, u32); 4] = [
    (Scale::Full, 1),
    (Scale::Half, 2),
    (Scale::Quarter, 4),
    (Scale::Eighth, 8),
];
const BUDGET_BYTES: u64 = 2 << 20;
/// A header has a copy of the metadata, and takes no more beside it.
const HEADER_BYTES: u64 = 64 << 10;
/// When a decode is called off, and how long it then may take to end.
const TIME: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(1);

/// Any bytes are refused or decoded: in their budget, soon called off, at every scale in the size
/// that it says, a crop as that part of the whole, and the same with an end that may be missing.
pub fn jpeg_shrink(input: &[u8]) {
    let bytes = seal::jpeg(input);
    let (header, cost) = measured(|| read_header(&bytes));
    let most = HEADER_BYTES + 2 * bytes.len() as u64;
    assert!(cost.peak_bytes <= most, "{cost:?} for a header");
    let small = header
        .as_ref()
        .is_ok_and(|header| u64::from(header.width) * u64::from(header.height) <= MOST_PIXELS);
    for (scale, shrink) in SCALES {
        // What is large is tried at one size.
        if !small && shrink != 8 {
            continue;
        }
        let options = Options {
            scale,
            crop: None,
            budget_bytes: BUDGET_BYTES,
            missing_end: MissingEnd::Tolerate,
        };
        let whole = decoded(&bytes, &options);
        let refusing = Options {
            missing_end: MissingEnd::Refuse,
            ..options
        };
        let strict = decoded(&bytes, &refusing);
        if let Ok(whole) = &whole {
            let header = header.as_ref().expect("what is decoded has a header");
            assert_sizes(whole, header, shrink);
            if small {
                assert_crops(&bytes, &options, whole);
            }
        }
        match (strict, whole) {
            (Ok(strict), whole) => assert_same(Ok(strict), whole),
            (Err(Error::Truncated | Error::Corrupt(_) | Error::Cancelled), _) => {}
            (refused, whole) => assert_same(refused, whole),
        }
    }
}

/// Decodes, and checks what that took.
fn decoded(bytes: &[u8], options: &Options) -> Result<Picture, Error> {
    let called_off = Cell::new(None);
    let end = processor_time() + TIME;
    let cancelled = || {
        assert!(called_off.get().is_none(), "it was called off before");
        let now = processor_time();
        if now >= end {
            called_off.set(Some(now));
        }
        now >= end
    };
    let (result, cost) = measured(|| decode(bytes, options, &cancelled));
    let budget = options.budget_bytes;
    assert!(cost.peak_bytes <= budget, "{cost:?} for {options:?}");
    assert!(cost.time <= TIME + LATE, "{cost:?} for {options:?}");
    match &result {
        Err(Error::Cancelled) => assert!(called_off.get().is_some()),
        Err(Error::OverBudget { needed_bytes, .. }) => assert!(*needed_bytes > budget),
        Err(_) => {}
        Ok(_) => assert!(called_off.get().is_none()),
    }
    result
}

/// The same result twice, unless the time was over in one of them.
fn assert_same(one: Result<Picture, Error>, other: Result<Picture, Error>) {
    if other != Err(Error::Cancelled) {
        assert!(one.map(planes) == other.map(planes));
    }
}

fn planes(picture: Picture) -> Vec<Plane> {
    picture.planes
}

fn assert_sizes(picture: &Picture, header: &Header, shrink: u32) {
    let (width, height) = (
        header.width.div_ceil(shrink),
        header.height.div_ceil(shrink),
    );
    assert_eq!((picture.full_width, picture.full_height), (width, height));
    let all = Crop {
        left: 0,
        top: 0,
        width,
        height,
    };
    assert_eq!(picture.crop, all);
    assert_covered(picture);
}

/// Each plane has samples for all the pixels of the crop.
fn assert_covered(picture: &Picture) {
    let crop = picture.crop;
    for plane in &picture.planes {
        assert_eq!(plane.samples.len(), plane.width * plane.height);
        let pixels = |samples: usize, (pixels, of): (u8, u8)| {
            samples * usize::from(pixels) / usize::from(of)
        };
        assert!(pixels(plane.width, plane.across) >= crop.width as usize);
        assert!(pixels(plane.height, plane.down) >= crop.height as usize);
    }
    let pixels = crop.width as usize * crop.height as usize;
    assert_eq!(picture.to_rgb().len(), 3 * pixels);
}

/// Cuts a corner, the middle and the last pixel.
fn assert_crops(bytes: &[u8], options: &Options, whole: &Picture) {
    let (width, height) = (whole.full_width, whole.full_height);
    let places = [
        (0, 0, 1, 1),
        (width / 3, height / 4, width / 3, height / 2),
        (width - 1, height - 1, 1, 1),
    ];
    for (left, top, width, height) in places {
        let wanted = Crop {
            left,
            top,
            width: width.max(1),
            height: height.max(1),
        };
        let options = Options {
            crop: Some(wanted),
            ..*options
        };
        match decoded(bytes, &options) {
            Ok(part) => assert_part(&part, wanted, whole),
            Err(error) => assert_eq!(error, Error::Cancelled, "{wanted:?}"),
        }
    }
}

fn assert_part(part: &Picture, wanted: Crop, whole: &Picture) {
    let crop = part.crop;
    assert!(crop.left <= wanted.left && crop.top <= wanted.top);
    assert!(crop.left + crop.width >= wanted.left + wanted.width);
    assert!(crop.top + crop.height >= wanted.top + wanted.height);
    assert_covered(part);
    let samples =
        |pixels: u32, (per, of): (u8, u8)| pixels as usize * usize::from(of) / usize::from(per);
    for (part, whole) in part.planes.iter().zip(&whole.planes) {
        let (left, top) = (
            samples(crop.left, part.across),
            samples(crop.top, part.down),
        );
        let rows = whole.samples.chunks(whole.width).skip(top);
        for (found, row) in part.samples.chunks(part.width).zip(rows) {
            assert!(found == &row[left..left + part.width], "{wanted:?}");
        }
    }
}
