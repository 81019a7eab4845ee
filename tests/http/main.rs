//! Black-box tests of the GraphQL HTTP endpoint: its responses, its errors and its headers.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot go on has failed"
)]

mod cached;
mod connection;
mod difference;
mod documents;
mod golden;
mod http;
mod limits;
mod rules;
mod sample_schema;
mod sample_service;
