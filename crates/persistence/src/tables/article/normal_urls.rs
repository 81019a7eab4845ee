//! The normal form of stored article URLs. Lookups use it, and do not find the URLs that earlier versions
//! stored with lower-case percent-escapes.

use chrono::DateTime;
use khabar_domain::{Invalid, WebUrl};
use uuid::Uuid;

use super::table;
use crate::query::decode::{DecodeRow as _, Row as _, RowDecoder};
use crate::query::row::broken;
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

/// Reads an article and checks that its canonical URL is stored in normal form, because articles are
/// looked up by the stored URL.
pub(crate) fn read_normalized(cells: &mut RowDecoder<'_>) -> Result<()> {
    let row = table::Model::take(cells)?;
    if let Some(url) = &row.canonical_url
        && WebUrl::parse(url).is_ok_and(|read| read.as_str() != url)
    {
        let problem = Invalid::new("the URL", "is not stored in its normal form");
        return Err(broken("article", "canonical_url", row.id)(problem));
    }
    row.read().map(drop)
}
