//! JPEG from planes.
