//! Previews being given out and taken back. A preview is a signed text that nobody keeps; what is
//! written down is that it was given, and by whom, and how often an article's were taken back.

use std::collections::HashMap;

use khabar_domain::ArticleId;
use uuid::Uuid;

use crate::change::{Act, Noun};
use crate::{BatchKey, Doing, Reader, Result, Writer, secret};

/// How often the previews of this article were taken back; absent when they never were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GenerationOf(pub ArticleId);

impl BatchKey for GenerationOf {
    type Value = u32;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, u32>> {
        const DOING: &str = "find out which previews were taken back";
        let mut sql = reader.sql();
        let among = sql.among("g.article_id", keys.iter().map(|key| key.0.uuid()));
        let text =
            format!("SELECT g.article_id, g.generation FROM preview_generation g WHERE {among}");
        let mut found = HashMap::with_capacity(keys.len());
        for row in reader.rows(DOING, sql, text).await? {
            let article: Uuid = row.try_get("", "article_id").doing(DOING)?;
            let generation: i32 = row.try_get("", "generation").doing(DOING)?;
            found.insert(Self(article.into()), generation.unsigned_abs());
        }
        Ok(found)
    }
}

/// Writes down that a preview of this article is given out, and makes the key that signs it, of
/// these bits, unless there is one.
pub async fn give(writer: &mut Writer, article: ArticleId, bits: [u8; 32]) -> Result<()> {
    secret::make_for_previews(writer, bits).await?;
    // Nothing that anybody reads is different.
    writer.note(Noun::Preview, article, Act::Added, Vec::new());
    Ok(())
}

/// Takes back every preview of this article that was given out so far.
pub async fn revoke(writer: &mut Writer, article: ArticleId) -> Result<()> {
    let mut sql = writer.sql();
    let values = [
        sql.bind(article.uuid()),
        "1".to_owned(),
        sql.bind(writer.at()),
    ]
    .join(", ");
    let text = format!(
        "INSERT INTO preview_generation (article_id, generation, at) VALUES ({values}) \
         ON CONFLICT (article_id) DO UPDATE SET generation = preview_generation.generation + 1, at = excluded.at"
    );
    writer.run("take previews back", sql, text).await?;
    writer.note(Noun::Preview, article, Act::Withdrawn, Vec::new());
    Ok(())
}
