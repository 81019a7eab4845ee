//! A scan over all articles, for whoever has to rebuild something from them.
//!
//! Reads the articles of every edition and status with their bodies, in the order of their IDs, one
//! statement a batch. No transaction spans it. An article that exists throughout is returned exactly once,
//! as it was when its batch was read. One that is added or removed meanwhile is returned at most once.

use std::fmt;

use chrono::DateTime;
use khabar_domain::{Article, ArticleId, Body, Scope};
use uuid::Uuid;

use super::{body, table};
use crate::query::cooperative::Pace;
use crate::query::decode::columns;
use crate::{Db, Result};

/// A scan over all articles. To resume it later, store [`Scan::position`] and pass it to [`Scan::after`].
///
/// Reads from the primary on connections that requests do not use. Articles that cannot be read are left
/// out and recorded as broken rows.
#[derive(Clone)]
pub struct Scan {
    db: Db,
    size: u16,
    position: Option<ArticleId>,
}

/// An article that a scan has read, with its body.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannedArticle {
    /// The article.
    pub article: Article,
    /// The body. Empty if none is stored.
    pub body: Body,
}

impl Scan {
    /// Creates a scan from the first article, in batches of at most `size` articles and at least one.
    pub fn new(db: &Db, size: u16) -> Self {
        Self {
            db: db.system(),
            size: size.max(1),
            position: None,
        }
    }

    /// Resumes after an article, which need no longer exist.
    #[must_use]
    pub fn after(self, position: ArticleId) -> Self {
        Self {
            position: Some(position),
            ..self
        }
    }

    /// Returns the last article that was read, or `None` before the first.
    pub fn position(&self) -> Option<ArticleId> {
        self.position
    }

    /// Reads the next batch. Returns `None` at the end. A batch is empty if none of its articles can be
    /// read. After an error, the batch can be read again.
    pub async fn next_batch(&mut self) -> Result<Option<Vec<ScannedArticle>>> {
        const QUERY: &str = "article.scan";
        // A reader for each batch, because a reader records every statement that it sends.
        let scope = Scope::reader(DateTime::UNIX_EPOCH);
        let reader = self.db.reader(scope).uncached();
        let mut sql = reader.sql();
        let condition = match self.position {
            Some(position) => format!("WHERE t.id > {}", sql.bind(position.uuid())),
            None => String::new(),
        };
        let text = format!(
            "SELECT t.id, b.blocks, {} FROM article t LEFT JOIN article_body b ON b.article_id = t.id \
             {condition} ORDER BY t.id LIMIT {}",
            columns::<table::Model>("t"),
            self.size
        );
        let rows = reader.rows(QUERY, sql, text).await?;
        let mut batch = Vec::with_capacity(rows.len());
        let mut position = None;
        let mut pace = Pace::new();
        for row in &rows {
            pace.step().await;
            let mut cells = reader.cells(row, QUERY)?;
            let id: Uuid = cells.take()?;
            position = Some(id.into());
            let blocks: Option<&str> = cells.take()?;
            let body = blocks.map_or_else(|| Ok(Body::default()), |blocks| body(id, blocks));
            let body = cells.unless_broken(body)?;
            let article = cells.perhaps::<table::Model>()?;
            let found = article.zip(body);
            batch.extend(found.map(|(article, body)| ScannedArticle { article, body }));
        }
        self.position = position.or(self.position);
        Ok(position.map(|_| batch))
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("size", &self.size)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
