//! One transform for all that make the same bytes, as far as their parameters and the original's
//! format tell: a parameter that makes no difference makes no second thumbnail.
//!
//! What depends on the picture itself is left alone: a focal point beyond its edge, bars that a
//! picture of the box's shape does not get, a quality that a picture of few colours has no use for.
//! `worker/src/render/tests/canonical.rs` renders both sides and compares their bytes.

use super::colour::Colour;
use super::decimal::Decimal;
use super::operation::{
    BLUR_LEAST, Modulate, Operation, Operations, SHARPEN_LEAST, Sharpen, Step, gaussian_weights,
    linear_table,
};
use super::{Fit, Target, Transform};
use crate::format::Format;

/// The least sigma of a blur.
const LEAST_BLUR: Decimal = Decimal::thousandths(300);
/// The least sigma that sharpens.
const LEAST_SHARPENING: Decimal = Decimal::thousandths(1);
/// A blur of less is made of all pixels, whatever the size of the picture.
const BLUR_OF_ALL_PIXELS: Decimal = Decimal::thousandths(8_000);

/// What is known of the alpha of a picture between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alpha {
    /// It has none.
    Absent,
    /// It has one, in which nothing is transparent.
    Opaque,
    /// That depends on the original.
    Unknown,
    /// It has one.
    Present,
}

impl Alpha {
    /// May something be transparent?
    fn may_be_seen(self) -> bool {
        match self {
            Self::Absent | Self::Opaque => false,
            Self::Unknown | Self::Present => true,
        }
    }
}

/// The one that stands for `transform`, of an original in format `original`.
pub(super) fn canonical(transform: &Transform, original: Format) -> Transform {
    let operations = Operation::in_steps(transform.operations.as_slice());
    let operations = turned(operations.into_iter().cloned().collect());
    let bars = matches!(
        transform.target,
        Some(Target::Box {
            fit: Fit::Contain,
            ..
        })
    );
    let decoded = decoded(&operations, original);
    let operations: Vec<_> = operations
        .into_iter()
        .map(|operation| trimmed(operation, decoded))
        .collect();
    let framed = match transform.background {
        Some(colour) if colour.is_opaque() => Alpha::Absent,
        Some(_) if bars => Alpha::Present,
        Some(_) | None => decoded,
    };
    let steps = Steps {
        format: transform.format,
        has_palette: transform.format == Format::Png && transform.quality.is_some(),
        original,
    };
    let (operations, finished) = steps.canonical(operations, framed);
    let shows = |colour: &Colour| {
        let under_alpha = match transform.format {
            Format::Jpeg => decoded.may_be_seen() || finished.may_be_seen(),
            Format::Png | Format::Webp | Format::Avif => decoded.may_be_seen(),
        };
        // Bars are black without one.
        under_alpha || (bars && *colour != Colour::BLACK)
    };
    Transform {
        background: transform.background.filter(shows),
        operations: Operations(operations),
        ..transform.clone()
    }
}

/// Mirrors and right angles are eight in all, each of which has one form; a turn that leaves no
/// corners open has no background.
fn turned(operations: Vec<Operation>) -> Vec<Operation> {
    let has = |step| operations.iter().any(|operation| operation.step() == step);
    let (upside_down, mirrored) = (has(Step::Flip), has(Step::Flop));
    let angle = operations.iter().find_map(|operation| match operation {
        Operation::Rotate { angle, .. } => Some(*angle),
        _ => None,
    });
    let Some(quarters) = angle.map_or(Some(0), Decimal::quarters) else {
        return operations;
    };
    // Upside down is left to right and half a turn.
    let quarters = if upside_down {
        (quarters + 2) % 4
    } else {
        quarters
    };
    let rotate = |quarters: u8| Operation::Rotate {
        angle: Decimal::of_quarters(quarters),
        background: Colour::BLACK,
    };
    let turn = match (upside_down != mirrored, quarters) {
        (false, 0) => vec![],
        (true, 0) => vec![Operation::Flop],
        (true, 2) => vec![Operation::Flip],
        (false, quarters) => vec![rotate(quarters)],
        (true, quarters) => vec![Operation::Flop, rotate(quarters)],
    };
    let others = operations
        .into_iter()
        .filter(|operation| operation.step() > Step::Rotate);
    turn.into_iter().chain(others).collect()
}

/// A picture before it is trimmed and resized.
fn decoded(operations: &[Operation], original: Format) -> Alpha {
    let tilted = operations.iter().any(|operation| match operation {
        Operation::Rotate { background, .. } => !background.is_opaque(),
        _ => false,
    });
    match original {
        _ if tilted => Alpha::Present,
        Format::Jpeg => Alpha::Absent,
        Format::Png | Format::Webp | Format::Avif => Alpha::Unknown,
    }
}

/// Samples are whole numbers and differ by 255 at most.
fn trimmed(operation: Operation, alpha: Alpha) -> Operation {
    let Operation::Trim {
        background,
        threshold,
    } = operation
    else {
        return operation;
    };
    let most = Decimal::thousandths(255_000);
    let threshold = threshold.floor().min(most);
    let background = match alpha {
        // Nothing differs by more, from whatever colour.
        _ if threshold == most => None,
        Alpha::Absent => background.map(Colour::opaque),
        Alpha::Opaque | Alpha::Unknown | Alpha::Present => background,
    };
    Operation::Trim {
        background,
        threshold,
    }
}

/// What the steps after the resize have to know.
struct Steps {
    format: Format,
    has_palette: bool,
    original: Format,
}

impl Steps {
    /// The operations without those after the resize that change nothing, and what is known of the
    /// alpha afterwards.
    fn canonical(&self, operations: Vec<Operation>, framed: Alpha) -> (Vec<Operation>, Alpha) {
        let mut alpha = framed;
        let mut kept = Vec::new();
        let mut dropped = false;
        let mut rest = operations.into_iter();
        while let Some(operation) = rest.next() {
            if !operation.step().is_after_resize() {
                kept.push(operation);
                continue;
            }
            let (operation, after) = self.step(operation, alpha, rest.as_slice());
            alpha = after;
            dropped |= operation.is_none();
            kept.extend(operation);
        }
        // A JPEG that becomes a JPEG is not converted to RGB and back, unless there is a step.
        let converts = |operation: &Operation| match operation.step() {
            Step::Flip | Step::Flop | Step::Extract => false,
            Step::Rotate => decoded_by_angle(operation),
            _ => true,
        };
        let stays = (self.original, self.format) == (Format::Jpeg, Format::Jpeg);
        if stays && dropped && !kept.iter().any(converts) {
            kept.push(Operation::RemoveAlpha);
        }
        (kept, alpha)
    }

    /// One step: what it comes to, which is nothing if it changes nothing.
    fn step(
        &self,
        operation: Operation,
        alpha: Alpha,
        rest: &[Operation],
    ) -> (Option<Operation>, Alpha) {
        match operation {
            Operation::Flatten(_) | Operation::RemoveAlpha if alpha == Alpha::Absent => {
                (None, alpha)
            }
            Operation::Flatten(colour) => {
                (Some(Operation::Flatten(colour.opaque())), Alpha::Absent)
            }
            Operation::RemoveAlpha => (Some(operation), Alpha::Absent),
            Operation::Extend { edges, background } => extended(edges, background, alpha),
            Operation::EnsureAlpha { alpha: share } => self.opened(share, alpha, rest),
            Operation::Negate { .. } if alpha == Alpha::Absent => {
                (Some(Operation::Negate { alpha: true }), alpha)
            }
            Operation::Negate { alpha: true } => (Some(operation), Alpha::Present),
            Operation::Modulate(modulate) => (self.modulated(modulate), alpha),
            Operation::Blur { sigma: Some(sigma) } => match blurred(sigma) {
                // Its neighbours have no weight.
                LEAST_BLUR if alpha == Alpha::Absent => (None, alpha),
                sigma => (Some(Operation::Blur { sigma: Some(sigma) }), alpha),
            },
            Operation::Sharpen(Some(sharpen)) => (self.sharpened(sharpen), alpha),
            Operation::Linear { a, b } => (linear(a, b), alpha),
            Operation::Tint(colour) => (Some(Operation::Tint(tinted(colour))), alpha),
            Operation::Flip
            | Operation::Flop
            | Operation::Rotate { .. }
            | Operation::Trim { .. }
            | Operation::Extract { .. }
            | Operation::Grayscale
            | Operation::Blur { sigma: None }
            | Operation::Sharpen(None)
            | Operation::Negate { .. }
            | Operation::Normalise { .. }
            | Operation::Threshold { .. } => (Some(operation), alpha),
        }
    }

    /// An alpha that nobody sees is not made, where gray is written as RGB in any case.
    fn opened(
        &self,
        share: Decimal,
        alpha: Alpha,
        rest: &[Operation],
    ) -> (Option<Operation>, Alpha) {
        let sample = share.as_alpha();
        let negated = rest.contains(&Operation::Negate { alpha: true });
        let written = match self.format {
            Format::Webp | Format::Avif => false,
            Format::Png => !self.has_palette,
            Format::Jpeg => true,
        };
        let is_seen = sample < u8::MAX || negated || written;
        if alpha == Alpha::Present || !is_seen {
            return (None, alpha);
        }
        let after = match alpha {
            Alpha::Absent if sample == u8::MAX => Alpha::Opaque,
            Alpha::Absent | Alpha::Opaque | Alpha::Unknown | Alpha::Present => Alpha::Present,
        };
        let alpha = Decimal::of_alpha(sample);
        (Some(Operation::EnsureAlpha { alpha }), after)
    }

    /// Without a colour the hue is nothing. The neutral one only makes RGB of gray.
    fn modulated(&self, modulate: Modulate) -> Option<Operation> {
        let [zero, one] = [0, 1_000].map(Decimal::thousandths);
        let neutral = Modulate {
            brightness: one,
            saturation: one,
            hue: zero,
            lightness: zero,
        };
        if modulate == neutral && self.writes_gray_as_rgb() {
            return None;
        }
        let hue = if modulate.saturation == zero {
            zero
        } else {
            modulate.hue
        };
        Some(Operation::Modulate(Modulate { hue, ..modulate }))
    }

    /// Lightness is 0 to 100, and so no difference and no change is greater. One that adds nothing
    /// only makes RGB of gray.
    fn sharpened(&self, sharpen: Sharpen) -> Option<Operation> {
        let [zero, one, beyond] = [0, 1_000, 101_000].map(Decimal::thousandths);
        let (x1, y2, y3) = (
            sharpen.x1.min(beyond),
            sharpen.y2.min(beyond),
            sharpen.y3.min(beyond),
        );
        let m1 = if x1 == zero { zero } else { sharpen.m1 };
        let m2 = if x1 == beyond { zero } else { sharpen.m2 };
        let sigma = least_sigma(sharpen.sigma, LEAST_SHARPENING, SHARPEN_LEAST);
        let adds_nothing = (m1, m2) == (zero, zero) || (y2, y3) == (zero, zero);
        if adds_nothing && self.writes_gray_as_rgb() {
            return None;
        }
        Some(Operation::Sharpen(Some(if adds_nothing {
            Sharpen {
                sigma: one,
                m1: zero,
                m2: zero,
                x1: zero,
                y2: zero,
                y3: zero,
            }
        } else {
            Sharpen {
                sigma,
                m1,
                m2,
                x1,
                y2,
                y3,
            }
        })))
    }

    fn writes_gray_as_rgb(&self) -> bool {
        match self.format {
            Format::Webp | Format::Avif => true,
            Format::Png => self.has_palette,
            Format::Jpeg => false,
        }
    }
}

/// The least sigma with the same weights, of those that are not made on a smaller picture.
fn blurred(sigma: Decimal) -> Decimal {
    if sigma >= BLUR_OF_ALL_PIXELS {
        return sigma;
    }
    least_sigma(sigma, LEAST_BLUR, BLUR_LEAST)
}

/// The least sigma, from `least` on, whose Gaussian has the same weights, cut off at a share of its
/// peak.
fn least_sigma(sigma: Decimal, least: Decimal, cut_off: f32) -> Decimal {
    let weights = |sigma: Decimal| gaussian_weights(sigma.as_f32(), cut_off);
    sigma.least_with(|it| it >= least && weights(it).eq(weights(sigma)))
}

/// Grays have no hue, and alpha none either.
fn tinted(colour: Colour) -> Colour {
    match colour.opaque().rgba() {
        [red, green, blue, _] if red == green && green == blue => Colour::BLACK,
        _ => colour.opaque(),
    }
}

/// Is this a turn by no right angle, which makes RGB of every picture?
fn decoded_by_angle(operation: &Operation) -> bool {
    match operation {
        Operation::Rotate { angle, .. } => angle.quarters().is_none(),
        _ => false,
    }
}

/// Edges of no width still make the channels that their colour needs.
fn extended(edges: [u32; 4], background: Colour, alpha: Alpha) -> (Option<Operation>, Alpha) {
    let after = if background.is_opaque() {
        alpha
    } else {
        Alpha::Present
    };
    let [red, green, blue, _] = background.rgba();
    let background = match alpha {
        _ if edges != [0; 4] => Some(background),
        Alpha::Present => None,
        _ if !background.is_opaque() => Some(Colour::TRANSPARENT),
        _ if red == green && green == blue => None,
        Alpha::Absent | Alpha::Opaque | Alpha::Unknown => Some(Colour::RED),
    };
    let extend = background.map(|background| Operation::Extend { edges, background });
    (extend, after)
}

/// The form with the least summand that makes the same of every sample.
fn linear(a: Decimal, b: Decimal) -> Option<Operation> {
    let table = linear_table(a, b);
    if table.iter().zip(0_u8..=255).all(|(made, of)| *made == of) {
        return None;
    }
    let [first, ..] = table;
    if table.iter().all(|made| *made == first) {
        let (a, b) = (0, i32::from(first) * 1_000);
        let [a, b] = [a, b].map(Decimal::thousandths);
        return Some(Operation::Linear { a, b });
    }
    let b = b.least_with(|b| linear_table(a, b) == table);
    Some(Operation::Linear { a, b })
}
