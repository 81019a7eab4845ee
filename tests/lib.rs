//! Shared test harness. The tests themselves are in the files next to this one.

pub mod harness;
