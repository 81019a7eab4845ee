//! Faults: what the built program does when the disk is full, the network is cut, a process is
//! frozen or killed, or a stranger attacks it. Each test is a promise of `docs/operating.md`.
//!
//! The suite belongs to the package of the server, because Cargo shows a binary to its own package
//! alone.

mod answers;
mod broken_rows;
mod cache_clear;
mod client;
mod clocks;
mod commenting;
mod commit;
mod connections;
mod cors;
mod counts;
mod differences;
mod http2;
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
