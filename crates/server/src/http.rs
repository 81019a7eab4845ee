//! The HTTP layer: serves connections, and assigns an id and a log line to each request.

mod activity;
mod body;
mod buffer_budget;
mod client;
mod connection;
mod connection_limits;
mod cors;
mod files;
mod log;
pub(crate) mod refusal;
mod serve;
mod settings;
mod stats;

pub(crate) use buffer_budget::BudgetExceeded;
pub use client::{Client, client};
pub use cors::Cors;
pub(crate) use cors::LOOPBACK;
pub use files::raise_limit;
pub use log::{RequestIds, logged};
pub use serve::{Server, serve};
pub use settings::Settings;
pub use stats::Stats;
