//! The demo newsroom: invented news of a small republic, so that a new installation of Khabar has
//! content to explore.
//!
//! The content is in `crates/server/demo/`: TOML files with entries that refer to each other by key,
//! and drawings. All files are embedded in the binary. [`fill`] writes the content into a database,
//! with times relative to the time of the call. [`media_routes`] serves the drawings.

mod content;
mod convert;
mod ids;
mod media;
mod newsroom;
mod seed;
mod text;

use rust_embed::RustEmbed;

pub use media::media_routes;
pub use seed::{SeedOutcome, fill};

/// All files in `crates/server/demo/`, embedded in the binary.
#[derive(RustEmbed)]
#[folder = "demo/"]
struct Files;
