//! The test harness: temporary databases, fixtures to fill them with, and the GraphQL API over both.

mod app;
pub mod builders;
pub mod cases;
mod database;
mod json;
pub mod newsroom;
mod postgres;
pub mod process;
pub mod random;
pub mod schema_map;
mod shared;
mod wait;

pub use app::{TestApp, TestResponse, Who, unlimited};
pub use database::TestDb;
pub use newsroom::Newsroom;
pub use shared::{shared, skip};
pub use wait::{MAX_WAIT, until};
