//! Issuing and revoking previews. A preview is a signed token that is not stored. The audit log
//! records that it was issued and by whom. The number of revocations is stored for each article.

use std::collections::HashMap;

use khabar_domain::ArticleId;
use uuid::Uuid;

use crate::feed::{EntityKind, Operation};
use crate::tables::secret;
use crate::{BatchKey, Doing, ReadSession, Result, WriteTx};

/// The number of times the previews of this article were revoked. Absent if they never were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GenerationOf(pub ArticleId);

impl BatchKey for GenerationOf {
    type Value = u32;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, u32>> {
        const QUERY: &str = "preview.generation";
        let mut sql = reader.sql();
        let among = sql.among("g.article_id", keys.iter().map(|key| key.0.uuid()));
        let text =
            format!("SELECT g.article_id, g.generation FROM preview_generation g WHERE {among}");
        let mut found = HashMap::with_capacity(keys.len());
        for row in reader.rows(QUERY, sql, text).await? {
            let article: Uuid = row.try_get("", "article_id").query(QUERY)?;
            let generation: i32 = row.try_get("", "generation").query(QUERY)?;
            found.insert(Self(article.into()), generation.unsigned_abs());
        }
        Ok(found)
    }
}

/// Records that a preview of this article is issued. If there is no signing key yet, creates one
/// from `bits`.
pub async fn give(writer: &mut WriteTx, article: ArticleId, bits: [u8; 32]) -> Result<()> {
    secret::make_for_previews(writer, bits).await?;
    // No cache tag is touched: nothing that readers see has changed.
    writer.note(EntityKind::Preview, article, Operation::Added, Vec::new());
    Ok(())
}

/// Revokes every preview of this article issued so far.
pub async fn revoke(writer: &mut WriteTx, article: ArticleId) -> Result<()> {
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
    writer.note(
        EntityKind::Preview,
        article,
        Operation::Withdrawn,
        Vec::new(),
    );
    Ok(())
}
