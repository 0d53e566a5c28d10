//! An original's bytes on their whole way through the renderer.

use std::time::Duration;

use thumbmill_jpeg_shrink as jpeg;
use thumbmill_png_shrink as png;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::{Format, SourceFormat};
use thumbmill_shared::transform::{Transform, VariantRequest};
use thumbmill_webp_shrink as webp;
use thumbmill_worker::render::{Deadline, Limits, MissingEnd, RenderError, render};

use crate::asked::{self, Choices};
use crate::cost::{Cost, measured};
use crate::{opened, planned, seal, shrunk};

const LIMITS: Limits = Limits {
    original_pixels: 1 << 18,
    dimension_px: 512,
    variant_pixels: 36_000_000,
    avif_pixels: 1 << 10,
    memory_bytes: 4 << 20,
    missing_end: MissingEnd::Tolerate,
};
/// What a render may take beside decoded pixels: a colour profile, halved pictures, variants and
/// their encoders.
const BESIDE_BYTES: u64 = 12 << 20;
/// And for the colours of a palette: each pixel may have its own.
const PALETTE_BYTES: u64 = 26 << 20;
/// And for an AVIF.
const AVIF_BYTES: u64 = 20 << 20;
/// Metadata is copied from the file, and copied again as a whole.
const BYTES_PER_BYTE: u64 = 4;

const TIME: Duration = Duration::from_millis(300);
/// What may pass between two looks at the clock, in a program that counts and on a busy machine.
const LATE: Duration = Duration::from_millis(1500);

/// A JPEG's bytes become variants as they are asked for or an error that is the original's fault,
/// in little memory and time.
pub fn decode_jpeg(input: &[u8]) {
    let bytes = seal::jpeg(input);
    let size = jpeg::read_header(&bytes).map(|header| (header.width, header.height));
    let original = Original {
        bytes: &bytes,
        format: SourceFormat::Jpeg,
        stored: size.ok(),
    };
    original.assert_rendered_as_chosen(input);
}

/// The same for PNG; and its decoder keeps to its budget and knows a part from the whole.
pub fn decode_png(input: &[u8]) {
    let bytes = seal::png(input);
    let size = png::read_header(&bytes).map(|header| (header.width, header.height));
    let original = Original {
        bytes: &bytes,
        format: SourceFormat::Png,
        stored: size.ok(),
    };
    original.assert_rendered_as_chosen(input);
    shrunk::png(&bytes);
}

/// The same for WebP; and its decoder keeps to its budget and knows a part from the whole.
pub fn decode_webp(input: &[u8]) {
    let bytes = seal::webp(input);
    let size = webp::read_header(&bytes).map(|header| (header.width, header.height));
    let original = Original {
        bytes: &bytes,
        format: SourceFormat::Webp,
        stored: size.ok(),
    };
    original.assert_rendered_as_chosen(input);
    shrunk::webp(&bytes);
}

/// What is to be rendered, and what its header says.
pub(crate) struct Original<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) format: SourceFormat,
    pub(crate) stored: Option<(u32, u32)>,
}

impl Original<'_> {
    fn assert_rendered_as_chosen(&self, input: &[u8]) {
        let choices = &mut Choices::at_the_end_of(input);
        let first = asked::request(choices);
        let encoding = asked::encoding(choices);
        // Two variants share one decode.
        let second = choices.one_of(&[false, true]);
        let second = second.then(|| asked::request(choices));
        let requests: Vec<_> = [first].into_iter().chain(second).collect();
        self.assert_rendered(&requests, encoding);
    }

    /// Each request gets its variant, or what keeps it from that is not our fault.
    pub(crate) fn assert_rendered(&self, requests: &[VariantRequest], encoding: Encoding) {
        let own = Format::from(self.format);
        let transforms: Vec<_> = requests.iter().map(|it| it.resolve(own, own)).collect();
        let work = |time| {
            let deadline = Deadline::after(time);
            measured(|| render(self.bytes, &transforms, &LIMITS, encoding, deadline))
        };
        let (result, cost) = work(TIME);
        self.assert_cheap(cost, &transforms);
        match result {
            Err(error) => assert_not_ours(&error),
            Ok(variants) => {
                let stored = self.stored.expect("what is rendered has a header");
                assert_eq!(variants.len(), transforms.len());
                for (variant, transform) in variants.iter().zip(&transforms) {
                    match variant {
                        Ok(variant) => {
                            let size = (variant.width_px, variant.height_px);
                            planned::assert_size(size, transform, stored);
                            assert_eq!(opened::size(variant, transform.format), size);
                        }
                        Err(error) => assert_not_ours(error),
                    }
                }
            }
        }
        let (late, cost) = work(Duration::ZERO);
        assert!(cost.time <= TIME, "{cost:?} when the time was over");
        let made = late.iter().flatten().filter(|variant| variant.is_ok());
        assert_eq!(made.count(), 0, "it was made when the time was over");
    }

    fn assert_cheap(&self, cost: Cost, transforms: &[Transform]) {
        let mut most = LIMITS.memory_bytes + BESIDE_BYTES;
        most += BYTES_PER_BYTE * self.bytes.len() as u64;
        // One variant after the other.
        let of_encoder = transforms.iter().map(|transform| match transform.format {
            Format::Png if transform.quality.is_some() => PALETTE_BYTES,
            Format::Avif => AVIF_BYTES,
            Format::Jpeg | Format::Png | Format::Webp => 0,
        });
        most += of_encoder.max().unwrap_or_default();
        assert!(cost.peak_bytes <= most, "{cost:?} for {transforms:?}");
        assert!(cost.time <= TIME + LATE, "{cost:?} for {transforms:?}");
    }
}

/// A decoder that panicked and an encoder that refuses are our faults.
fn assert_not_ours(error: &RenderError) {
    assert!(!matches!(error, RenderError::Encode(_)), "{error}");
    assert!(!error.to_string().contains("gave up"), "{error}");
}
