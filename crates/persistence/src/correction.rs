//! Corrections: what was put right in an article after readers had seen it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{ArticleId, Scope};
use uuid::Uuid;

use crate::cache::Kept;
use crate::cells::{Cells, Taken};
use crate::change::{Noun, Part};
use crate::row::Row;
use crate::{BatchKey, Reader, Result, Writer};

/// One correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The version that it made.
    pub version: i32,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// What was put right, in words for readers.
    pub note: String,
}

/// The corrections of this article, the first one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of(pub ArticleId);

impl BatchKey for Of {
    type Value = Vec<Correction>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<Correction>>) -> Option<Kept> {
        let kept = Kept::of::<Self>(value).on(Noun::Article, self.0);
        Some(kept.part(Noun::Article, self.0, Part::Text))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<Correction>>> {
        const DOING: &str = "find the corrections of articles";
        let mut sql = reader.sql();
        let among = sql.among("c.article_id", keys.iter().map(|key| key.0.uuid()));
        let text = format!(
            "SELECT c.article_id, c.version, c.at, c.note FROM correction c WHERE {among} \
             ORDER BY c.article_id, c.version"
        );
        let mut found: HashMap<Self, Vec<Correction>> = HashMap::with_capacity(keys.len());
        for row in reader.rows(DOING, sql, text).await? {
            let mut cells = reader.cells(&row, DOING)?;
            let id: Uuid = cells.take()?;
            let correction = cells.perhaps::<Correction>()?;
            found.entry(Self(id.into())).or_default().extend(correction);
        }
        Ok(found)
    }
}

impl Taken for Correction {
    fn take(cells: &mut Cells<'_>) -> Result<Self> {
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

/// Adds a correction that made this version.
pub async fn add(writer: &Writer, article: ArticleId, version: i32, note: &str) -> Result<()> {
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
