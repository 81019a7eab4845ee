//! The demo's newsroom: a small republic's news, written for it, so that a first look at Khabar has
//! something to look at.
//!
//! What it says is in `crates/server/demo/`: tables of entries in TOML, which name each other by
//! key, and drawings. All of it is inside the binary. [`fill`] writes it into a database, with its
//! times counted back from the hour of filling; [`media_routes`] serves its drawings.

mod content;
mod desk;
mod fill;
mod media;
mod names;
mod newsroom;
mod text;

use rust_embed::RustEmbed;

pub use fill::{Filled, fill};
pub use media::media_routes;

/// Everything in `crates/server/demo/`.
#[derive(RustEmbed)]
#[folder = "demo/"]
struct Files;
