//! Secrets as rows, shared by all nodes of a fleet. Each secret is created on first use, by whichever
//! node needs it first.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{PreviewKey, PreviewKeys, derived};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::feed::{EntityKind, Operation};
use crate::query::row::broken;
use crate::query::table::table;
use crate::{BatchKey, Doing, ReadSession, Result, WriteTx};

/// The name of the current preview key.
const PREVIEW: &str = "preview";

/// The name of the previous preview key.
const FORMER: &str = "preview-former";

/// Key for the preview signing keys. Nothing is found until the first preview is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfPreviews;

impl BatchKey for OfPreviews {
    type Value = PreviewKeys;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, PreviewKeys>> {
        const QUERY: &str = "preview.keys";
        let mut sql = reader.sql();
        let names = [sql.bind(PREVIEW), sql.bind(FORMER)].join(", ");
        let text = format!("SELECT name, value, retired_at FROM secret WHERE name IN ({names})");
        let (mut current, mut former) = (None, None);
        for row in reader.rows(QUERY, sql, text).await? {
            let name: String = row.try_get("", "name").query(QUERY)?;
            let value: String = row.try_get("", "value").query(QUERY)?;
            let retired_at: Option<DateTime<Utc>> = row.try_get("", "retired_at").query(QUERY)?;
            let key = parse(&value)?;
            match retired_at {
                None if name == PREVIEW => current = Some(key),
                Some(at) if name == FORMER => former = Some((key, at)),
                _ => (),
            }
        }
        let Some(current) = current else {
            return Ok(HashMap::new());
        };
        let found = PreviewKeys { current, former };
        Ok(keys.iter().map(|&asked| (asked, found.clone())).collect())
    }
}

/// Creates the preview key from these bits, unless there is one. If two writers do so concurrently, one
/// of them fails.
pub(crate) async fn make_for_previews(writer: &WriteTx, bits: [u8; 32]) -> Result<()> {
    let found = table::Entity::find_by_id(PREVIEW)
        .one(writer.connection())
        .await
        .doing(MAKING)?;
    match found {
        Some(_) => Ok(()),
        None => make(writer, bits).await,
    }
}

const MAKING: &str = "make the key of previews";

async fn make(writer: &WriteTx, bits: [u8; 32]) -> Result<()> {
    let row = table::Model {
        name: PREVIEW.to_owned(),
        value: PreviewKey::of(bits).to_text(),
        retired_at: None,
    };
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing(MAKING)?;
    Ok(())
}

/// Replaces the preview key with one created from these bits. Previews signed by the replaced key remain
/// valid until they expire, or become invalid at once if `revoke` is set. Previews signed by any earlier
/// key become invalid.
pub async fn rotate_previews(writer: &mut WriteTx, bits: [u8; 32], revoke: bool) -> Result<()> {
    const DOING: &str = "replace the key of previews";
    let mut sql = writer.sql();
    let text = format!("DELETE FROM secret WHERE name = {}", sql.bind(FORMER));
    writer.run(DOING, sql, text).await?;
    let mut sql = writer.sql();
    let text = if revoke {
        format!("DELETE FROM secret WHERE name = {}", sql.bind(PREVIEW))
    } else {
        format!(
            "UPDATE secret SET name = {}, retired_at = {} WHERE name = {}",
            sql.bind(FORMER),
            sql.bind(writer.at()),
            sql.bind(PREVIEW)
        )
    };
    writer.run(DOING, sql, text).await?;
    make(writer, bits).await?;
    // No cache tag is touched, as nothing that readers see has changed. The note is for the audit log.
    writer.note(
        EntityKind::Preview,
        preview_key_id(),
        Operation::Changed,
        Vec::new(),
    );
    Ok(())
}

/// Returns the id of the preview key in the audit log. It is not the id of an article, unlike the ids of
/// other entries about previews.
pub fn preview_key_id() -> Uuid {
    derived("secret", &[PREVIEW])
}

fn parse(value: &str) -> Result<PreviewKey> {
    PreviewKey::parse(value).map_err(broken("secret", "value", PREVIEW))
}

table! {
    mod table = "secret";
    key name: String;
    value: String,
    retired_at: Option<DateTimeUtc>,
}
