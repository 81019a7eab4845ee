//! Corrections made to articles after readers had seen them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{ArticleId, Scope};
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{EntityKind, Facet};
use crate::query::decode::{DecodeRow, Row, RowDecoder};
use crate::query::table::{Table, declaration};
use crate::{BatchKey, ReadSession, Result, WriteTx};

/// A correction of an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The article version that the correction created.
    pub version: i32,
    /// The time of the correction.
    pub at: DateTime<Utc>,
    /// The description of the correction, written for readers.
    pub note: String,
}

/// The corrections of an article, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of(pub ArticleId);

impl BatchKey for Of {
    type Value = Vec<Correction>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Correction>>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value).on(EntityKind::Article, self.0);
        Some(meta.part(EntityKind::Article, self.0, Facet::Text))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Correction>>> {
        const QUERY: &str = "correction.of_article";
        let mut sql = reader.sql();
        let among = sql.among("c.article_id", keys.iter().map(|key| key.0.uuid()));
        let text = format!(
            "SELECT c.article_id, c.version, c.at, c.note FROM correction c WHERE {among} \
             ORDER BY c.article_id, c.version"
        );
        let mut found: HashMap<Self, Vec<Correction>> = HashMap::with_capacity(keys.len());
        for row in reader.rows(QUERY, sql, text).await? {
            let mut cells = reader.cells(&row, QUERY)?;
            let id: Uuid = cells.take()?;
            let correction = cells.perhaps::<Correction>()?;
            found.entry(Self(id.into())).or_default().extend(correction);
        }
        Ok(found)
    }
}

impl Cacheable for Correction {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.text(&self.note);
    }
}

impl DecodeRow for Correction {
    fn take(cells: &mut RowDecoder<'_>) -> Result<Self> {
        Ok(Self {
            version: cells.take()?,
            at: cells.take()?,
            note: cells.take()?,
        })
    }
}

impl Row for Correction {
    const TABLE: &'static str = "correction";
    type Means = Self;

    fn read(self) -> Result<Self> {
        Ok(self)
    }
}

/// Adds a correction that created this version.
pub async fn add(writer: &WriteTx, article: ArticleId, version: i32, note: &str) -> Result<()> {
    let mut sql = writer.sql();
    let values = [
        sql.bind(article.uuid()),
        sql.bind(version),
        sql.bind(writer.at()),
        sql.bind(note),
    ];
    let text = format!(
        "INSERT INTO correction (article_id, version, at, note) VALUES ({})",
        values.join(", ")
    );
    writer.run("keep a correction", sql, text).await?;
    Ok(())
}

/// The table of corrections.
pub(crate) const TABLE: Table = declaration! {
    "correction";
    key article_id: Uuid, version: i32;
    at: DateTime<Utc>,
    note: String,
};
