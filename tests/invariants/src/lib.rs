//! What must hold of any bytes that come from outside: a function for each place that reads such,
//! which panics if it does not.
//!
//! `tests/fuzz` looks for bytes that break one; the tests of this crate try those that once did.

mod asked;
mod cost;
mod hostile;
mod job;
mod jpeg_shrink;
mod opened;
mod planned;
mod query;
mod rendered;
mod requests;
mod seal;
mod shrunk;
mod transforms;

pub use hostile::{Taken, taken};
pub use job::job;
pub use jpeg_shrink::jpeg_shrink;
pub use query::query;
pub use rendered::{decode_jpeg, decode_png, decode_webp};
pub use transforms::transforms;
