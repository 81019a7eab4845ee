//! The `khabar` command: configuration, the HTTP server and the command line.

pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod graphql;
pub mod health;
pub mod http;
pub mod identity;
pub mod metrics;
pub mod playground;
pub mod position;
pub mod purge;
pub mod rate_limit;
pub mod router;
pub mod runtime;
pub mod scheduler;
pub mod shutdown;
pub mod telemetry;
pub mod upkeep;
