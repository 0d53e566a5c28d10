//! What the HTTP of api and worker has in common: connections that are served within limits, and
//! the routes for operators. Knows no assets, no jobs and no pixels.

mod activity;
mod client;
mod connection;
mod descriptors;
pub mod health;
mod places;
mod server;

pub use client::Client;
pub use descriptors::raise_open_files;
pub use places::{Full, Place, Places};
pub use server::{ConnectionLimits, serve};
