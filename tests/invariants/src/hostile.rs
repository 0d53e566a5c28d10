//! What a hostile original takes of a worker with the default limits.

use std::time::Duration;

use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::VariantRequest;
use thumbmill_worker::render::{
    Deadline, Limits, MissingEnd, RenderError, Rendered, Rendering, render,
};

use crate::cost::measured;

/// The defaults, except that a JPEG that is cut off is shown.
const LIMITS: Limits = Limits {
    original_pixels: 36_000_000,
    dimension_px: 6000,
    variant_pixels: 36_000_000,
    avif_pixels: 4_000_000,
    memory_bytes: 256 << 20,
    missing_end: MissingEnd::Tolerate,
};

/// What came of a render, and what that took.
#[derive(Debug)]
pub struct Taken {
    /// The variant, or why there is none.
    pub result: Result<Rendered, RenderError>,
    /// The most bytes that were allocated at a time.
    pub peak_bytes: u64,
    /// What it said it would take, if it began.
    pub estimated_bytes: Option<u64>,
    /// Time on a processor.
    pub time: Duration,
}

/// Renders one variant, which is asked for in JSON, of an original in any format.
pub fn taken(original: &[u8], request: &str, within: Duration) -> Taken {
    let request: VariantRequest = serde_json::from_str(request).expect("it is a request");
    let transform = [request.literal(Format::Jpeg, Format::Jpeg)];
    let deadline = Deadline::after(within);
    let work = || render(original, &transform, &LIMITS, Encoding::default(), deadline);
    let (result, cost) = measured(work);
    let begun = Rendering::begin(original, &transform, &LIMITS, Encoding::default());
    let first = |variants: Vec<_>| variants.into_iter().next();
    Taken {
        result: result.and_then(|all| first(all).expect("there is one for each transform")),
        peak_bytes: cost.peak_bytes,
        estimated_bytes: begun.ok().map(|begun| begun.needed_bytes()),
        time: cost.time,
    }
}
