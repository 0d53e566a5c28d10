//! PNG rows, cut and averaged as they come.
