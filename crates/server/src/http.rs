//! HTTP itself: how connections are served, and how each request is named and logged.

mod client;
mod cors;
mod log;
mod serve;

pub use client::{Client, client};
pub use cors::Cors;
pub(crate) use cors::LOOPBACK;
pub use log::{RequestIds, logged};
pub use serve::{Timeouts, serve};
