//! Migration of article URLs that earlier versions stored with lower-case percent-escapes. Lookups
//! use the normal form and do not find these URLs.

use chrono::DateTime;
use khabar_domain::WebUrl;
use uuid::Uuid;

use crate::{Db, Doing, Result};

const DOING: &str = "put the addresses of articles in their normal form";

/// Number of articles to read with one statement.
const AT_ONCE: usize = 500;

/// Converts stored URLs to their normal form. If another article already has the normal form, the
/// URL remains unchanged, and `khabar check` reports it.
pub(crate) async fn normalize(db: &Db) -> Result<()> {
    let writer = db.writer(DateTime::UNIX_EPOCH).await?;
    let mut last = Uuid::nil();
    loop {
        let mut sql = writer.sql();
        let text = format!(
            "SELECT id, canonical_url FROM article WHERE id > {} \
             AND canonical_url LIKE '%!%%' ESCAPE '!' ORDER BY id LIMIT {AT_ONCE}",
            sql.bind(last)
        );
        let rows = writer.rows(DOING, sql, text).await?;
        for row in &rows {
            last = row.try_get("", "id").doing(DOING)?;
            let stored: String = row.try_get("", "canonical_url").doing(DOING)?;
            let Some(url) = WebUrl::parse(&stored)
                .ok()
                .filter(|url| url.as_str() != stored)
            else {
                continue;
            };
            let mut sql = writer.sql();
            let (url, id) = (sql.bind(url.as_str()), sql.bind(last));
            let text = format!(
                "UPDATE article SET canonical_url = {url} WHERE id = {id} \
                 AND NOT EXISTS (SELECT 1 FROM article o WHERE o.canonical_url = {url})"
            );
            writer.run(DOING, sql, text).await?;
        }
        if rows.len() < AT_ONCE {
            break;
        }
    }
    writer.commit().await
}
