//! Storage for the newsroom: SQLite in a file next to the program, or PostgreSQL for a fleet of
//! servers. No other crate refers to SeaORM.
//!
//! The rooms:
//!
//! - `feed`: the change feed, every write in commit order with the cache tags that it touches. Its
//!   `vocabulary` uses nothing of the crate. `change` is the row, `log` and `subscription` read,
//!   `flush` writes, `notifier` wakes readers, `retention` deletes, `checkpoint` is the progress of a
//!   consumer.
//! - `error`: errors that complete "could not …", and broken rows
//! - `query`: statements and what they return. `table`: declarations of tables. `sql`, `decode`, `row`:
//!   bound values, decoding by position, values of columns. `lookup`, `keys`: rows by id, by slug and in
//!   the order of an edition.
//!   `page`, `cursor`, `count`: keyset pagination, sizes of lists.
//!   `ordered_source`: pages of sources other than tables. `include`: related objects read by a parent's
//!   statement. `broken`: broken rows that were met. `cooperative`: yielding during long reads.
//! - `cache`: query results and whole responses, cached until the feed reports a change
//! - `session`: `read_session`, one request's reads in one scope, with `batch` and `side_load`;
//!   `write_tx`, one transaction with its entries in the feed, and its `author`
//! - `relations`: `list_membership`, `join_table`, `ordering`, `slug`
//! - `tables`: the list of all tables, and a file for each noun, with its row type, the conversion to
//!   `khabar-domain`, the keys for reading in batches, and the writes
//! - `reference_data`: editions, sections, people, topics and other small tables in memory
//! - `database`: `db`, the handle, with its pools, transactions, replicas, file and clock
//! - `maintenance`: `bulk_insert`, and `check`, which searches for broken rows
//! - `archive`, `migration`: export and restore, schema changes
//!
//! ```ignore
//! let mut writer = db.writer(clock.now()).await?;
//! topic::save(&mut writer, &topic).await?;
//! writer.commit().await?; // also appends to the change feed and the audit log
//!
//! let reader = db.reader(Scope::reader(clock.now()));
//! let found = reader.load(&[topic::ById(topic.id)]).await?; // one statement, or none if cached
//! ```

pub mod archive;
pub mod cache;
mod database;
mod error;
pub mod feed;
mod maintenance;
pub mod migration;
mod query;
pub mod reference_data;
mod relations;
mod session;
mod tables;

/// The cache of one node, with its reference data.
pub type Cache = cache::Cache<reference_data::Reference>;

// The modules that other crates use, by the names of what they hold.
pub use database::db;
pub use feed as change;
pub use feed::checkpoint as feed_checkpoint;
pub use maintenance::check;
pub use query::broken;
pub use query::page;
pub use relations::slug;
pub use session::batch;
pub use tables::*;

pub use database::db::{Db, Options, Timeouts};
pub use error::{BrokenRow, Doing, Error, Result};
pub use maintenance::bulk_insert::Bulk;
pub use query::broken::BrokenRows;
pub use query::count::Tally;
pub use query::cursor::{Cursor, SortKey, Source};
pub use query::include::Includes;
pub use query::lookup::SlugKey;
pub use query::ordered_source::{OrderedSource, Range};
pub use query::page::{Page, PageKey, Slice};
pub use relations::ordering::EditionOrder;
pub use session::author::Author;
pub use session::batch::BatchKey;
pub use session::read_session::ReadSession;
pub use session::write_tx::{Saved, WriteTx};
