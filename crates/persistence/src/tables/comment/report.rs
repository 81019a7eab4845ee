//! Database rows of the reports that readers make about comments.

use std::collections::HashMap;

use khabar_domain::CommentId;

use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::page::{KeysetQuery, Order, SortKind};
use crate::query::table::table;
use crate::{BatchKey, Page, ReadSession, Result};

/// The reasons given in reports of a comment, latest first. Limited to one page of the default size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReasonsOf(pub CommentId);

impl BatchKey for ReasonsOf {
    type Value = Vec<String>;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<String>>> {
        let lists = KeysetQuery {
            query: "comment.report_reasons",
            table: "comment_report",
            parent: Some("comment_id"),
            order: &LATEST,
            select: &columns::<table::Model>("t"),
            join: "",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let slices = lists
            .page::<table::Model>(reader, &parents, Page::first(Page::DEFAULT), |_| {
                String::new()
            })
            .await?;
        let reasons = slices.into_iter().map(crate::Slice::into_items);
        Ok(keys.iter().copied().zip(reasons).collect())
    }
}

const LATEST: Order = Order {
    source: Source::CommentReports,
    column: "at",
    id: "account_id",
    sorts: SortKind::Times,
    descending: true,
};

impl Row for table::Model {
    const TABLE: &'static str = "comment_report";
    type Means = String;

    fn read(self) -> Result<String> {
        Ok(self.reason)
    }
}

table! {
    mod table = "comment_report";
    key comment_id: Uuid, account_id: Uuid;
    reason: String,
    at: DateTimeUtc,
}
