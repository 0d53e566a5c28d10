//! What the `transforms` parameter asks for, as far as it comes after the resize: a list of steps
//! on upright pixels of the final size. Knows no geometry.
//!
//! As in the reference each step has its place, whatever the order of the request, and of two
//! operations for the same step the later one counts.

use thumbmill_shared::transform::{Decimal, Operation};

use super::frame::flatten;
use super::pixels::Pixels;
use super::{Deadline, RenderError};

mod alpha;
mod blur;
mod kernel;
mod lab;
mod median;
mod rotate;
mod sharpen;
#[cfg(test)]
mod tests;
mod tone;
mod trim;

pub(super) use rotate::{rotate, rotated_size};
pub(super) use trim::{Rectangle, trim};

/// The steps in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Flatten,
    Grayscale,
    Extend,
    Threshold,
    Blur,
    Modulate,
    Sharpen,
    Linear,
    Normalise,
    Tint,
    RemoveAlpha,
    EnsureAlpha,
    Negate,
}

/// Makes all steps that are asked for.
pub(super) fn operate(
    mut pixels: Pixels,
    operations: &[Operation],
    deadline: Deadline,
) -> Result<Pixels, RenderError> {
    for operation in in_order(operations) {
        pixels = applied(pixels, operation);
        deadline.check()?;
    }
    Ok(pixels)
}

/// Is there a step to make?
pub(super) fn changes(operations: &[Operation]) -> bool {
    operations.iter().any(|operation| step(operation).is_some())
}

fn in_order(operations: &[Operation]) -> Vec<&Operation> {
    let with_step = |operation| Some((step(operation)?, operation));
    let mut steps: Vec<_> = operations.iter().filter_map(with_step).collect();
    steps.reverse();
    steps.sort_by_key(|(step, _)| *step);
    steps.dedup_by_key(|(step, _)| *step);
    steps.into_iter().map(|(_, operation)| operation).collect()
}

/// An operation's place; `None` when it comes before the resize.
fn step(operation: &Operation) -> Option<Step> {
    match operation {
        Operation::Rotate { .. }
        | Operation::Flip
        | Operation::Flop
        | Operation::Extract { .. }
        | Operation::Trim { .. } => None,
        Operation::Flatten(_) => Some(Step::Flatten),
        Operation::Grayscale => Some(Step::Grayscale),
        Operation::Extend { .. } => Some(Step::Extend),
        Operation::Threshold { .. } => Some(Step::Threshold),
        Operation::Blur { .. } => Some(Step::Blur),
        Operation::Modulate(_) => Some(Step::Modulate),
        Operation::Sharpen(_) => Some(Step::Sharpen),
        Operation::Linear { .. } => Some(Step::Linear),
        Operation::Normalise { .. } => Some(Step::Normalise),
        Operation::Tint(_) => Some(Step::Tint),
        Operation::RemoveAlpha => Some(Step::RemoveAlpha),
        Operation::EnsureAlpha { .. } => Some(Step::EnsureAlpha),
        Operation::Negate { .. } => Some(Step::Negate),
    }
}

fn applied(pixels: Pixels, operation: &Operation) -> Pixels {
    match operation {
        Operation::Rotate { .. }
        | Operation::Flip
        | Operation::Flop
        | Operation::Extract { .. }
        | Operation::Trim { .. } => pixels,
        Operation::Flatten(colour) => flatten(pixels, colour.rgba()),
        Operation::Grayscale => tone::grayscale(pixels),
        Operation::Extend { edges, background } => alpha::extend(pixels, *edges, background.rgba()),
        Operation::Threshold { level, grayscale } => {
            let pixels = if *grayscale {
                tone::grayscale(pixels)
            } else {
                pixels
            };
            tone::threshold(pixels, *level)
        }
        Operation::Blur { sigma: None } => blur::mild(&pixels),
        Operation::Blur { sigma: Some(sigma) } => blur::gaussian(&pixels, number(*sigma)),
        Operation::Modulate(modulate) => tone::modulate(pixels, modulate),
        Operation::Sharpen(None) => sharpen::mild(&pixels),
        Operation::Sharpen(Some(sharpen)) => sharpen::lightness(pixels, sharpen),
        Operation::Linear { a, b } => tone::linear(pixels, number(*a), number(*b)),
        Operation::Normalise { lower, upper } => {
            tone::normalise(pixels, [lower.value(), upper.value()])
        }
        Operation::Tint(colour) => tone::tint(pixels, colour.rgba()),
        Operation::RemoveAlpha => alpha::remove(pixels),
        Operation::EnsureAlpha { alpha } => alpha::ensure(pixels, number(*alpha)),
        Operation::Negate { alpha: true } => tone::negate(pixels),
        Operation::Negate { alpha: false } => tone::negate_colours(pixels),
    }
}

fn number(decimal: Decimal) -> f32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no more than seven digits matter"
    )]
    let number = decimal.value() as f32;
    number
}
