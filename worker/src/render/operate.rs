//! What the `transforms` parameter asks for: one list of operations on upright pixels of the
//! final size. Knows no geometry of the resize.

mod alpha;
mod blur;
mod kernel;
mod lab;
mod median;
mod rotate;
mod sharpen;
mod tone;
mod trim;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use alpha::{Margins, extend, flatten};
#[cfg(test)]
pub(super) use rotate::{rotate, rotated_size};
#[cfg(test)]
pub(super) use trim::trim;
