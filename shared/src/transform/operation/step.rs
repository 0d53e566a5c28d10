//! Where each operation has its place.

use super::Operation;

/// An operation's place among the others, whatever the order of the request, as in the reference.
/// Of two operations with the same place the later one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the operation of its name")]
pub enum Step {
    Flip,
    Flop,
    Rotate,
    Trim,
    /// The last one before the resize.
    Extract,
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

impl Step {
    /// Does it come after the resize?
    pub fn is_after_resize(self) -> bool {
        self > Self::Extract
    }
}

impl Operation {
    /// Its place.
    pub fn step(&self) -> Step {
        match self {
            Self::Flip => Step::Flip,
            Self::Flop => Step::Flop,
            Self::Rotate { .. } => Step::Rotate,
            Self::Trim { .. } => Step::Trim,
            Self::Extract { .. } => Step::Extract,
            Self::Flatten(_) => Step::Flatten,
            Self::Grayscale => Step::Grayscale,
            Self::Extend { .. } => Step::Extend,
            Self::Threshold { .. } => Step::Threshold,
            Self::Blur { .. } => Step::Blur,
            Self::Modulate(_) => Step::Modulate,
            Self::Sharpen(_) => Step::Sharpen,
            Self::Linear { .. } => Step::Linear,
            Self::Normalise { .. } => Step::Normalise,
            Self::Tint(_) => Step::Tint,
            Self::RemoveAlpha => Step::RemoveAlpha,
            Self::EnsureAlpha { .. } => Step::EnsureAlpha,
            Self::Negate { .. } => Step::Negate,
        }
    }

    /// Those of `operations` that count, in the order in which they are done.
    pub fn in_steps(operations: &[Self]) -> Vec<&Self> {
        let mut steps: Vec<_> = operations.iter().rev().collect();
        steps.sort_by_key(|operation| operation.step());
        steps.dedup_by_key(|operation| operation.step());
        steps
    }
}
