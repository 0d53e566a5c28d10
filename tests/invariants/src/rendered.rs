//! An original's bytes on their whole way through the renderer.

use std::time::Duration;

use thumbmill_jpeg_shrink as jpeg;
use thumbmill_png_shrink as png;
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::{Fit, Target, Transform, VariantRequest};
use thumbmill_webp_shrink as webp;
use thumbmill_worker::render::{Deadline, Limits, MissingEnd, RenderError, Rendered, render};

use crate::cost::measured;
use crate::{seal, shrunk};

const LIMITS: Limits = Limits {
    original_pixels: 1 << 18,
    dimension_px: 2048,
    memory_bytes: 4 << 20,
    missing_end: MissingEnd::Tolerate,
};
/// What a render may take beside decoded pixels: a colour profile, halved pictures, variants and
/// their encoders.
const BESIDE_BYTES: u64 = 12 << 20;
/// Metadata is copied from the file, and copied again as a whole.
const BYTES_PER_BYTE: u64 = 4;

const TIME: Duration = Duration::from_millis(300);
/// What may pass between two looks at the clock, in a program that counts and on a busy machine.
const LATE: Duration = Duration::from_millis(1500);

/// What a job may ask for; its variants share one decode.
const JOBS: [&[&str]; 3] = [
    &[
        r#"{"fit":"cover","width":40,"height":30,"format":"jpg"}"#,
        r#"{"fit":"contain","width":33,"height":47,"format":"png"}"#,
    ],
    &[r#"{"fit":"inside","width":9,"height":9,"format":"webp"}"#],
    &[r#"{"format":"jpg","quality":50}"#],
];

/// A JPEG's bytes become variants of the planned sizes or an error that is the original's fault,
/// in little memory and time.
pub fn decode_jpeg(input: &[u8]) {
    let bytes = seal::jpeg(input);
    let size = jpeg::read_header(&bytes).map(|header| (header.width, header.height));
    rendered(&bytes, Format::Jpeg, size.ok());
}

/// The same for PNG; and its decoder keeps to its budget and knows a part from the whole.
pub fn decode_png(input: &[u8]) {
    let bytes = seal::png(input);
    let size = png::read_header(&bytes).map(|header| (header.width, header.height));
    rendered(&bytes, Format::Png, size.ok());
    shrunk::png(&bytes);
}

/// The same for WebP; and its decoder keeps to its budget and knows a part from the whole.
pub fn decode_webp(input: &[u8]) {
    let bytes = seal::webp(input);
    let size = webp::read_header(&bytes).map(|header| (header.width, header.height));
    rendered(&bytes, Format::Webp, size.ok());
    shrunk::webp(&bytes);
}

fn rendered(bytes: &[u8], format: Format, stored: Option<(u32, u32)>) {
    for job in JOBS {
        let transforms = transforms(job, format);
        let work = || render(bytes, &transforms, &LIMITS, Deadline::after(TIME));
        let (result, cost) = measured(work);
        let most = LIMITS.memory_bytes + BESIDE_BYTES + BYTES_PER_BYTE * bytes.len() as u64;
        assert!(cost.peak_bytes <= most, "{cost:?} for {job:?}");
        assert!(cost.time <= TIME + LATE, "{cost:?} for {job:?}");
        let variants = match result {
            Ok(variants) => variants,
            Err(error) => {
                assert_not_ours(&error);
                continue;
            }
        };
        let stored = stored.expect("what is rendered has a header");
        assert_eq!(variants.len(), transforms.len());
        for (variant, transform) in variants.iter().zip(&transforms) {
            match variant {
                Ok(variant) => assert_as_asked(variant, transform, stored),
                Err(error) => assert_not_ours(error),
            }
        }
    }
}

fn transforms(job: &[&str], original: Format) -> Vec<Transform> {
    let read = |json: &&str| -> VariantRequest {
        serde_json::from_str(json).expect("requests are written right here")
    };
    let requests = job.iter().map(read);
    requests.map(|it| it.resolve(original, original)).collect()
}

/// A decoder that panicked and an encoder that refuses are our faults.
fn assert_not_ours(error: &RenderError) {
    assert!(!matches!(error, RenderError::Encode(_)), "{error}");
    assert!(!error.to_string().contains("gave up"), "{error}");
}

fn assert_as_asked(variant: &Rendered, transform: &Transform, stored: (u32, u32)) {
    let size = (variant.width_px, variant.height_px);
    match transform.target {
        None => assert!(size == stored || size == (stored.1, stored.0), "{size:?}"),
        Some(Target::Box { width, height, fit }) => {
            let asked = (width.get(), height.get());
            match fit {
                Fit::Cover | Fit::Contain => assert_eq!(size, asked),
                Fit::Inside => {
                    assert!(size.0 <= asked.0 && size.1 <= asked.1, "{size:?}");
                    assert!(size.0 == asked.0 || size.1 == asked.1, "{size:?}");
                }
                Fit::Outside => unreachable!("no job asks for it"),
            }
        }
        Some(Target::Width(_) | Target::Height(_)) => unreachable!("no job asks for it"),
    }
    assert_eq!(read_by_another(variant, transform.format), size);
}

/// The size of what another decoder makes of a variant.
fn read_by_another(variant: &Rendered, format: Format) -> (u32, u32) {
    let format = match format {
        Format::Jpeg => {
            let mut decoder = jpeg_decoder::Decoder::new(variant.bytes.as_slice());
            decoder.decode().expect("it is a JPEG");
            let info = decoder.info().expect("it has a header");
            return (info.width.into(), info.height.into());
        }
        Format::Png => image::ImageFormat::Png,
        Format::Webp => image::ImageFormat::WebP,
    };
    let picture = image::load_from_memory_with_format(&variant.bytes, format);
    let picture = picture.expect("it is a picture in the format that was asked for");
    (picture.width(), picture.height())
}
