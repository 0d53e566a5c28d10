//! WebP to planes, at a part of its size.
