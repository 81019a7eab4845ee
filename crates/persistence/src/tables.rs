//! The tables: each file holds the row type of one noun, its conversion to the type of `khabar-domain`,
//! the keys that read it in batches, and its writes.

pub mod account;
pub mod article;
pub mod audit;
pub mod client_address;
pub mod comment;
pub mod commenting;
pub mod correction;
pub mod edition;
pub mod editorial;
pub mod follow_channel;
pub mod home_lead;
pub mod idempotency;
pub mod live_channel;
pub mod media;
pub mod person;
pub mod preview;
pub mod related;
pub mod reserved_name;
pub mod revision;
pub mod secret;
pub mod section;
pub mod source;
pub mod story;
pub mod token;
pub mod topic;
pub mod trusted_document;
