//! What the `transforms` parameter asks for, as far as it comes after the resize: a list of steps
//! on upright pixels of the final size. Knows no geometry.
//!
//! As in the reference each step has its place, whatever the order of the request, and of two
//! operations for the same step the later one counts.

use thumbmill_shared::transform::{Operation, Step, linear_table};

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

/// Makes all steps that are asked for.
pub(super) fn operate(
    mut pixels: Pixels,
    operations: &[Operation],
    deadline: Deadline,
) -> Result<Pixels, RenderError> {
    for operation in Operation::in_steps(operations) {
        pixels = applied(pixels, operation);
        deadline.check()?;
    }
    Ok(pixels)
}

/// Is there a step to make?
pub(super) fn changes(operations: &[Operation]) -> bool {
    let mut steps = operations.iter().map(Operation::step);
    steps.any(Step::is_after_resize)
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
        Operation::Blur { sigma: Some(sigma) } => blur::gaussian(&pixels, sigma.as_f32()),
        Operation::Modulate(modulate) => tone::modulate(pixels, modulate),
        Operation::Sharpen(None) => sharpen::mild(&pixels),
        Operation::Sharpen(Some(sharpen)) => sharpen::lightness(pixels, sharpen),
        Operation::Linear { a, b } => tone::linear(pixels, &linear_table(*a, *b)),
        Operation::Normalise { lower, upper } => {
            tone::normalise(pixels, [lower.value(), upper.value()])
        }
        Operation::Tint(colour) => tone::tint(pixels, colour.rgba()),
        Operation::RemoveAlpha => alpha::remove(pixels),
        Operation::EnsureAlpha { alpha } => alpha::ensure(pixels, alpha.as_alpha()),
        Operation::Negate { alpha: true } => tone::negate(pixels),
        Operation::Negate { alpha: false } => tone::negate_colours(pixels),
    }
}
