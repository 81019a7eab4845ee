//! Caches in front of the server: persisted documents, surrogate keys, purging, and Varnish.

mod documents;
mod purging;
mod surrogate;
mod varnish;
