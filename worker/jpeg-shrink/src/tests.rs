//! Whole decodes.
