//! The front to the engine, seen from outside: what it answers, what it refuses, and how.

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
mod toy;
