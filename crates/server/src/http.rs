//! HTTP itself: how connections are served, and how each request is named and logged.

mod activity;
mod buffers;
mod client;
mod connection;
mod cors;
mod files;
mod log;
mod outgoing;
mod places;
pub(crate) mod refusal;
mod serve;
mod settings;
mod stats;

pub(crate) use buffers::Full;
pub use client::{Client, client};
pub use cors::Cors;
pub(crate) use cors::LOOPBACK;
pub use files::raise_limit;
pub use log::{RequestIds, logged};
pub use serve::{Server, serve};
pub use settings::Settings;
pub use stats::Stats;
