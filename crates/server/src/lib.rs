//! The `khabar` command: configuration, the HTTP server and the command line.
//!
//! Requests:
//!
//! - `http`: connections, their limits and timeouts, CORS, and the request log
//! - `router`: the routes, and the server's background tasks
//! - `graphql`: GraphQL over HTTP: media types, status codes, cache headers, compression
//! - `service`: the GraphQL service, created from the settings
//! - `auth`: the credentials and the client address in the headers of a request
//! - `consistency_token`: the `Khabar-Position` header, for reading one's own writes on any node
//! - `rate_limit`: the headers that report a client's quotas
//!
//! Background tasks:
//!
//! - `scheduler`: publishes scheduled articles
//! - `purge`: purges the caches in front of the server
//! - `maintenance`: deletes expired data
//! - `clock`: follows the database's clock
//!
//! Operation:
//!
//! - `cli`, `config`: the subcommands; settings from the file, the environment and flags
//! - `health`, `metrics`, `telemetry`: health checks, metrics for Prometheus, logging
//! - `runtime`, `shutdown`: the asynchronous runtime, and the end of the process within its grace
//!   period
//! - `demo`, `playground`: sample content, and the embedded GraphiQL
//!
//! ```text
//! khabar serve --listen 127.0.0.1:4000    cli::serve → config → router::serve
//! POST /graphql                           http → router → graphql → khabar_service → khabar_graphql
//! ```

pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod consistency_token;
pub mod demo;
pub mod feed_consumer;
pub mod graphql;
pub mod health;
pub mod http;
pub mod maintenance;
pub mod metrics;
pub mod playground;
pub mod purge;
pub mod rate_limit;
pub mod router;
pub mod runtime;
pub mod scheduler;
pub mod service;
pub mod shutdown;
pub mod telemetry;
