//! What the end-to-end tests and the benchmarks stand on: private servers, the real binaries as
//! processes, and pictures that are drawn here.

pub mod cluster;
pub mod disk;
pub mod pictures;
pub mod proxy;
pub mod raw;
pub mod servers;
pub mod service;
