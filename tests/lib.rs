//! What the tests stand on. The tests themselves are in the files beside this one.

pub mod harness;
