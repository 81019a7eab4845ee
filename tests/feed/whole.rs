//! A newsroom as a whole, read by its archive: whether everything in it belongs together.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use khabar_persistence::{Db, archive};
use serde_json::Value;

use crate::soak::all;

/// Every row of every table.
pub(crate) struct Whole(BTreeMap<String, Vec<Value>>);

impl Whole {
    /// All that there is at this moment.
    pub(crate) async fn of(db: &Db) -> anyhow::Result<Self> {
        let mut text = Vec::new();
        archive::export(db, &mut text).await?;
        let mut tables: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for line in String::from_utf8(text)?.lines() {
            let line: BTreeMap<String, Value> = serde_json::from_str(line)?;
            for (kind, row) in line {
                tables.entry(kind).or_default().push(row);
            }
        }
        Ok(Self(tables))
    }

    /// The rows of a table.
    pub(crate) fn rows(&self, kind: &str) -> &[Value] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The ids of what a table holds.
    pub(crate) fn ids(&self, kind: &str) -> BTreeSet<String> {
        self.column(kind, "id")
    }

    fn column(&self, kind: &str, column: &str) -> BTreeSet<String> {
        let rows = self.rows(kind).iter();
        rows.filter_map(|row| row[column].as_str().map(str::to_owned))
            .collect()
    }
}

/// Makes sure that there is no half of anything: no article without its body or its places, no
/// place without an article that readers see, no count of articles, comments or answers that
/// disagrees, nothing that the feed tells of and that is not there, and nothing that it does not
/// tell of.
pub(crate) async fn check(db: &Db) -> anyhow::Result<()> {
    // Who is killed may leave a commit under way: what was told before is there afterwards, and
    // what is there was told later at the latest.
    let before = all(db).await?;
    let whole = Whole::of(db).await?;
    let after = all(db).await?;

    let articles = whole.ids("article");
    ensure!(
        articles == whole.column("article_body", "article_id"),
        "articles and bodies differ"
    );
    let published: BTreeSet<_> = whole
        .rows("article")
        .iter()
        .filter(|row| row["status"] == "published")
        .filter_map(|row| row["id"].as_str())
        .collect();
    let mut listed = BTreeSet::new();
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for row in whole.rows("listing") {
        let (list, article) = (&row["list_id"], &row["article_id"]);
        let article = article.as_str().context("no id")?;
        ensure!(published.contains(article), "{row} lists what nobody sees");
        if row["own"] == 0 {
            *counts.entry(list.as_str().context("no id")?).or_default() += 1;
        }
        if row["noun"] == "edition" {
            listed.insert(article);
        }
    }
    ensure!(
        listed == published,
        "an article is not in its edition's list"
    );
    for kind in ["edition", "section", "story", "person", "source", "topic"] {
        for row in whole.rows(kind) {
            let id = row["id"].as_str().context("no id")?;
            let count = counts.get(id).copied().unwrap_or(0);
            ensure!(row["article_count"] == count, "{kind}: {row}, of {count}");
        }
    }
    comments_counted(&whole)?;
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for change in &before {
        let kind = change.noun.replace('-', "_");
        if !matches!(kind.as_str(), "home" | "related") {
            let there = ids.entry(kind.clone()).or_insert_with(|| whole.ids(&kind));
            let id = change.noun_id.to_string();
            ensure!(there.contains(&id), "{change:?} tells of nothing");
        }
    }
    let told: BTreeSet<_> = after
        .iter()
        .map(|change| change.noun_id.to_string())
        .collect();
    for kind in ["article", "section", "story", "person", "source", "topic"] {
        let untold: Vec<_> = whole.ids(kind).difference(&told).cloned().collect();
        ensure!(untold.is_empty(), "the feed does not tell of {untold:?}");
    }
    Ok(())
}

/// What is shown under an article or a comment is as many as it counts.
fn comments_counted(whole: &Whole) -> anyhow::Result<()> {
    let comments: BTreeMap<_, _> = whole
        .rows("comment")
        .iter()
        .map(|row| (row["id"].as_str(), row))
        .collect();
    // A comment is shown when it is approved and so is every comment above it.
    let is_shown = |row: &Value| {
        let mut above = Some(row);
        while let Some(row) = above {
            if row["status"] != "approved" {
                return false;
            }
            let parent = row["parent_id"].as_str();
            above = parent.and_then(|id| comments.get(&Some(id)).copied());
        }
        true
    };
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for row in comments.values().filter(|row| is_shown(row)) {
        for column in ["article_id", "parent_id"] {
            if let Some(id) = row[column].as_str() {
                *counts.entry(id).or_default() += 1;
            }
        }
    }
    for (kind, column) in [("article", "comment_count"), ("comment", "reply_count")] {
        for row in whole.rows(kind) {
            let id = row["id"].as_str().context("no id")?;
            let count = counts.get(id).copied().unwrap_or(0);
            ensure!(row[column] == count, "{kind}: {row}, of {count}");
        }
    }
    Ok(())
}
