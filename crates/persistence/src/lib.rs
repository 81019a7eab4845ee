//! Storage for the newsroom: SQLite in a file next to the program, or PostgreSQL for a fleet of
//! servers. No other crate refers to SeaORM.
//!
//! Each table has its own file. The file holds the row type, the conversion to `khabar-domain` types,
//! the keys for reading in batches, and the writes.
//!
//! Database access:
//!
//! - `db`, `pool`, `transaction`, `replica`: the database handle, its connection pools, write
//!   transactions, read replicas
//! - `read_session`, `write_tx`: one request's reads in one scope; one transaction with its change
//!   feed entries
//! - `batch`, `page`, `count`: keys that one statement resolves together, keyset pagination, sizes
//!   of lists
//! - `include`, `side_load`: related objects read by a parent's statement, and their results until
//!   they are loaded
//! - `sql`, `row`, `decode`: statements with bound values, rows as domain values, decoding by
//!   position
//! - `cooperative`, `error`: yielding during long reads; errors that complete "could not …"
//! - `clock`: the clock of the database, which all nodes share
//!
//! Change feed and cache:
//!
//! - `change`: every write in commit order, with the cache tags that it touches
//! - `cache`: query results and whole responses, cached until the feed reports a change
//! - `reference_data`: editions, sections, sources and channels in memory
//! - `feed_checkpoint`: the progress of each purge target in the feed
//!
//! Content tables:
//!
//! - `article`, `editorial`, `revision`, `correction`: articles, their editorial state, versions
//!   and public corrections
//! - `edition`, `section`, `story`, `topic`, `person`, `source`, `media`: the other objects
//! - `home_lead`, `live_channel`, `follow_channel`, `related`: the front page, channels and related
//!   links
//! - `list_membership`, `join_table`, `ordering`, `slug`: lists, ordered links, manual order, slugs
//!   and redirects
//! - `comment`, `commenting`, `reserved_name`: comments, their settings, and names that guests may
//!   not use
//!
//! Access and operation:
//!
//! - `account`, `token`, `preview`, `secret`, `client_address`: accounts, API tokens, previews,
//!   keys, stored addresses
//! - `audit`, `idempotency`, `trusted_document`: the audit log, results of repeated writes,
//!   registered documents
//! - `migration`, `archive`, `bulk_insert`: schema changes, export and restore, bulk loading
//! - `broken`, `check`: rows that violate the rules of their table, and the search for them
//! - `database_file`, `private_file`, `masked_url`: the SQLite file, its permissions, URLs without
//!   passwords
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

// The modules that other crates use, by the names of what they hold.
pub use database::db;
pub use feed as change;
pub use feed::checkpoint as feed_checkpoint;
pub use maintenance::check;
pub use query::page;
pub use relations::slug;
pub use session::{batch, broken};
pub use tables::{
    account, article, audit, client_address, comment, commenting, correction, edition, editorial,
    follow_channel, home_lead, idempotency, live_channel, media, person, preview, related,
    reserved_name, revision, secret, section, source, story, token, topic, trusted_document,
};

pub use cache::Cache;
pub use database::db::{Db, Options, Timeouts};
pub use error::{Doing, Error, Result};
pub use maintenance::bulk_insert::Bulk;
pub use query::count::Tally;
pub use query::include::Includes;
pub use query::page::{Cursor, Page, PageKey, Slice};
pub use query::row::SlugKey;
pub use session::batch::BatchKey;
pub use session::broken::{BrokenRow, BrokenRows};
pub use session::read_session::ReadSession;
pub use session::write_tx::{Author, Saved, WriteTx};
