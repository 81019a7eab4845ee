//! News from elsewhere, brought into the newsroom: each form first raw (as it came), then clean
//! (as we mean it), then merged into what is there.

pub mod page;
