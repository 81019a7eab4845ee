//! The newsroom's first tables.

#![expect(
    elided_lifetimes_in_paths,
    reason = "async_trait must see the trait's own signature"
)]

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, include_str!("m0001_newsroom_up.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, include_str!("m0001_newsroom_down.sql")).await
    }
}
