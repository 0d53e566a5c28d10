//! JPEG straight to 1/1, 1/2, 1/4 or 1/8 of its size.
