//! What the tests stand on: databases that last as long as a test does, a newsroom to fill them
//! with, and the API over both.

mod app;
mod database;
mod json;
pub mod make;
pub mod newsroom;
mod postgres;
mod shared;

pub use app::{Answered, TestApp, Who};
pub use database::TestDb;
pub use newsroom::Newsroom;
pub use shared::{shared, skip};
