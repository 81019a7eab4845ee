//! The database itself: its handle, connection pools, transactions, replicas, file and clock.

mod clock;
mod database_file;
pub mod db;
mod masked_url;
pub(crate) mod pool;
mod private_file;
pub(crate) mod replica;
pub(crate) mod transaction;
