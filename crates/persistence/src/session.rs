//! Sessions: the reads of one request, and the writes of one transaction.

pub(crate) mod author;
pub mod batch;
pub(crate) mod read_session;
mod side_load;
pub(crate) mod source;
pub(crate) mod write_tx;
