//! Checks of paginated lists. Reading forwards, backwards or in a single page must give equal lists
//! of the reported length.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::model::Id;
use crate::Fixture;

/// A connection of the API, as the path of fields that lead to it.
pub(super) struct List {
    /// The parent field with its arguments, such as `story(id: "…")`. Empty at the root.
    pub(super) within: String,
    /// The name of the connection field.
    pub(super) field: &'static str,
    /// The arguments of the connection, without those for pagination.
    pub(super) arguments: String,
}

/// A page as returned by the API.
struct Page {
    ids: Vec<Id>,
    total: Value,
    more: bool,
    /// The cursor for the next page.
    cursor: Value,
}

impl List {
    /// Checks that the list has exactly these items in this order.
    pub(super) async fn compare(
        &self,
        fixture: &Fixture,
        who: &Who,
        expected: &[Id],
    ) -> anyhow::Result<()> {
        let whole = self
            .walk(fixture, who, "first", 100, expected.len())
            .await?;
        ensure!(
            whole == expected,
            "{} of {:?} is {whole:?} instead of {expected:?}",
            self.field,
            self.within
        );
        self.pages_hold(fixture, who, expected).await
    }

    /// Checks that the list has exactly these items, in any order.
    pub(super) async fn holds_all(
        &self,
        fixture: &Fixture,
        who: &Who,
        mut expected: Vec<Id>,
    ) -> anyhow::Result<()> {
        let whole = self
            .walk(fixture, who, "first", 100, expected.len())
            .await?;
        let mut sorted = whole.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        ensure!(
            sorted == expected,
            "{} of {:?} is {sorted:?} instead of {expected:?}",
            self.field,
            self.within
        );
        self.pages_hold(fixture, who, &whole).await
    }

    /// Checks that small pages, read from either end, add up to the whole list.
    async fn pages_hold(&self, fixture: &Fixture, who: &Who, whole: &[Id]) -> anyhow::Result<()> {
        // Choose a size for which the last page is full in some lists and partial in others.
        let size = match whole.len() {
            0 => return Ok(()),
            length @ 1..=9 => length.div_ceil(2),
            _ => 7,
        };
        for side in ["first", "last"] {
            let walked = self.walk(fixture, who, side, size, whole.len()).await?;
            ensure!(
                walked == whole,
                "by pages of {side} {size}, {} of {:?} is {walked:?} instead of {whole:?}",
                self.field,
                self.within
            );
        }
        Ok(())
    }

    /// Reads the whole list in pages of this size from this side. Each page must report this total
    /// count.
    async fn walk(
        &self,
        fixture: &Fixture,
        who: &Who,
        side: &str,
        size: usize,
        length: usize,
    ) -> anyhow::Result<Vec<Id>> {
        let (mut walked, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let page = self.page(fixture, who, side, size, &cursor).await?;
            ensure!(
                page.total == json!(length),
                "{} of {:?} says that it has {}, not {length}",
                self.field,
                self.within,
                page.total
            );
            ensure!(
                page.ids.len() == size || !page.more,
                "a page of {} of {size} although there is more",
                page.ids.len()
            );
            if side == "first" {
                walked.extend(page.ids);
            } else {
                walked.splice(0..0, page.ids);
            }
            if !page.more {
                return Ok(walked);
            }
            cursor = page.cursor;
        }
    }

    async fn page(
        &self,
        fixture: &Fixture,
        who: &Who,
        side: &str,
        size: usize,
        cursor: &Value,
    ) -> anyhow::Result<Page> {
        let (beside, more, end) = match side {
            "first" => ("after", "hasNextPage", "endCursor"),
            _ => ("before", "hasPreviousPage", "startCursor"),
        };
        let Self {
            within,
            field,
            arguments,
        } = self;
        let mut list = String::new();
        write!(
            list,
            "{field}({side}: {size}, {beside}: $cursor{}{arguments}) {{ totalCount nodes {{ id }}
                pageInfo {{ {more} {end} }} }}",
            if arguments.is_empty() { "" } else { ", " }
        )?;
        if !within.is_empty() {
            list = format!("{within} {{ {list} }}");
        }
        let document = format!("query ($cursor: String) {{ {list} }}");
        let variables = json!({ "cursor": cursor });
        let mut found = fixture.ask(who, &document, variables).await?;
        for field in [within.as_str(), field] {
            let name = field.split('(').next().unwrap_or_default();
            if !name.is_empty() {
                found = found[name].take();
            }
        }
        let nodes = found["nodes"].as_array().context(document)?;
        let ids = nodes.iter().filter_map(|node| node["id"].as_str());
        Ok(Page {
            ids: ids.map(str::to_owned).collect(),
            total: found["totalCount"].clone(),
            more: found["pageInfo"][more] == true,
            cursor: found["pageInfo"][end].clone(),
        })
    }
}
