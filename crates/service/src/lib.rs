//! The GraphQL service: from a request of any transport to its outcome.
//!
//! Nothing here refers to HTTP. The HTTP endpoint in `khabar-server` reads a [`request::Request`] from
//! headers and a body, and turns the [`outcome::Outcome`] into a status, headers and an encoded body.
//!
//! Execution:
//!
//! - `service`: the steps of a request, from its credentials to its outcome
//! - `request`, `outcome`: the input and the result, as transports see them
//! - `persisted_documents`: documents that are sent by name
//! - `admission`: limits on the operations in flight
//! - `single_flight`: identical concurrent requests, which share one execution
//! - `execution`: the execution of an operation, and the caching of its response
//! - `cached_response`, `compression`: a response as bytes, and its compressed forms
//! - `facts`: the facts about a request for the log and the metrics
//!
//! Senders:
//!
//! - `auth`: the principal of a request, from an API token, a JWT or a preview token
//! - `context`: the context of a request, for the resolvers
//! - `rate_limit`: limits per client and minute
//! - `random`: random numbers for ids and keys
//!
//! Transports:
//!
//! - `local`: the in-process transport
//!
//! A request of this process needs no network:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use khabar_service::auth::PresentedCredentials;
//! # use khabar_service::context::ContextFactory;
//! # use khabar_service::local::Client;
//! # use khabar_service::service::Service;
//! # use serde_json::json;
//! # async fn example(service: Arc<Service<ContextFactory>>) {
//! let client = Client::new(service, Duration::from_secs(15));
//! let document = "query Story($slug: String!) { story(slug: $slug) { title } }";
//! let anonymous = PresentedCredentials::default();
//! let response = client.query(document, &json!({"slug": "the-harvest"}), anonymous).await;
//! if let Ok(response) = response {
//!     let json = response.outcome.body();
//!     println!("{} bytes in {:?}", json.len(), response.facts.took);
//! }
//! # }
//! ```

pub mod admission;
pub mod auth;
pub mod cached_response;
pub mod compression;
pub mod context;
mod execution;
pub mod facts;
pub mod local;
pub mod outcome;
pub mod persisted_documents;
pub mod random;
pub mod rate_limit;
pub mod request;
pub mod service;
mod single_flight;
