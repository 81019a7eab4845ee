//! Fault tests: the behaviour of the built program when the disk is full, the network is cut, a
//! process is frozen or killed, or a stranger attacks it. Each test checks a guarantee made in
//! `docs/operating.md`.
//!
//! The suite is part of the server's package because Cargo exposes the path of a binary only to the
//! tests of its own package.

mod broken_rows;
mod cache_clear;
mod client;
mod clocks;
mod comments;
mod commit;
mod connections;
mod cors;
mod counts;
mod differences;
mod http2;
mod large_responses;
mod log;
mod memory;
mod migrations;
mod names;
mod network;
mod newsroom;
mod outage;
mod pools;
mod postgres;
mod proxy;
mod rate_limits;
mod replica;
mod restored;
mod secrets;
mod server;
mod smoke;
mod sqlite_file;
mod standby;
mod stopping;
mod typed_text;
mod unread;
mod words;
mod writing;
