//! Where the newsroom is kept: SQLite in a file beside the program, or PostgreSQL for a fleet.
//!
//! One file per table: its row, how a row becomes what `khabar-domain` talks about, the keys by
//! which it is read in batches, and its writes. This is the only crate that names SeaORM.

pub mod account;
mod along;
pub mod archive;
mod arrange;
pub mod article;
pub mod audit;
pub mod batch;
mod bulk;
pub mod cache;
mod cells;
pub mod change;
pub mod client_address;
mod clock;
pub mod comment;
pub mod commenting;
pub mod correction;
pub mod db;
pub mod desk;
pub mod done;
pub mod edition;
mod error;
pub mod follow_channel;
pub mod home_lead;
mod link;
mod listing;
pub mod live_channel;
mod masked_url;
pub mod media;
pub mod migration;
pub mod page;
pub mod person;
mod pool;
pub mod preview;
mod private_file;
pub mod purge_place;
mod reader;
pub mod reference;
pub mod related;
mod replica;
pub mod revision;
mod row;
pub mod secret;
pub mod section;
pub mod slug;
pub mod source;
mod sql;
pub mod story;
pub mod token;
pub mod topic;
mod transaction;
pub mod trusted_document;
mod with;
mod writer;

pub use batch::BatchKey;
pub use bulk::Bulk;
pub use cache::Cache;
pub use db::{Db, Options, Timeouts};
pub use error::{Doing, Error, Result};
pub use page::{Cursor, Page, Paged, Slice};
pub use reader::Reader;
pub use row::SlugKey;
pub use with::With;
pub use writer::{Author, Saved, Writer};
