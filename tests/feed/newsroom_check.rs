//! Consistency checks of a whole newsroom, read through its archive.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use khabar_domain::Scope;
use khabar_persistence::{Db, archive, check};
use serde_json::Value;

use crate::soak::all;

/// Every row of every table.
pub(crate) struct AllRows(BTreeMap<String, Vec<Value>>);

impl AllRows {
    /// Reads everything that is currently stored.
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

    /// Returns the rows of a table.
    pub(crate) fn rows(&self, kind: &str) -> &[Value] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Returns the ids in a table.
    pub(crate) fn ids(&self, kind: &str) -> BTreeSet<String> {
        self.column(kind, "id")
    }

    fn column(&self, kind: &str, column: &str) -> BTreeSet<String> {
        let rows = self.rows(kind).iter();
        rows.filter_map(|row| row[column].as_str().map(str::to_owned))
            .collect()
    }
}

/// Checks that nothing is half stored:
///
/// - Every article has its body and its listings, and every listing an article that readers can see.
/// - The counts of articles, comments and replies are correct, and the ids in articles are those of their links.
/// - Everything that the feed reports exists, and everything that exists is reported by the feed.
pub(crate) async fn check(db: &Db) -> anyhow::Result<()> {
    // A killed process may leave a commit in progress. Everything reported before the snapshot must be
    // in it, and everything in the snapshot must be reported by the time the feed is read again.
    let before = all(db).await?;
    let whole = AllRows::of(db).await?;
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
        if row["direct"] == 0 {
            *counts.entry(list.as_str().context("no id")?).or_default() += 1;
        }
        if row["entity"] == "edition" {
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
    // Every row can be read, and the ids in articles are those of their links.
    let mut broken = Vec::new();
    let scope = Scope::reader(DateTime::UNIX_EPOCH);
    check::check(db, scope, |row| broken.push(row.to_string())).await?;
    ensure!(broken.is_empty(), "broken rows: {broken:?}");
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for change in &before {
        let write = change.write().context("a change is not known")?;
        let kind = write.entity.as_str().replace('-', "_");
        if !matches!(kind.as_str(), "home" | "related") {
            let there = ids.entry(kind.clone()).or_insert_with(|| whole.ids(&kind));
            let id = write.id.to_string();
            ensure!(there.contains(&id), "{change:?} tells of nothing");
        }
    }
    let announced: BTreeSet<_> = after
        .iter()
        .filter_map(|change| Some(change.write()?.id.to_string()))
        .collect();
    for kind in ["article", "section", "story", "person", "source", "topic"] {
        let missing: Vec<_> = whole.ids(kind).difference(&announced).cloned().collect();
        ensure!(missing.is_empty(), "the feed does not tell of {missing:?}");
    }
    Ok(())
}

/// Checks that articles and comments count exactly the comments visible under them.
fn comments_counted(whole: &AllRows) -> anyhow::Result<()> {
    let comments: BTreeMap<_, _> = whole
        .rows("comment")
        .iter()
        .map(|row| (row["id"].as_str(), row))
        .collect();
    // A comment is visible if it and all its ancestors are approved.
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
