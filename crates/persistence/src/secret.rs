//! Secrets as rows: what a fleet has to know in common and keep to itself. Each is made at its
//! first need, by whichever node needs it first.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{PreviewKey, PreviewKeys, derived};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

use crate::change::{Act, Noun};
use crate::row::broken;
use crate::{BatchKey, Doing, Reader, Result, Writer};

/// The name of the key of previews.
const PREVIEW: &str = "preview";

/// The name of the key of previews that it replaced.
const FORMER: &str = "preview-former";

/// The keys by which previews are signed; none was made while no preview was ever given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfPreviews;

impl BatchKey for OfPreviews {
    type Value = PreviewKeys;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, PreviewKeys>> {
        const DOING: &str = "read the keys of previews";
        let mut sql = reader.sql();
        let names = [sql.bind(PREVIEW), sql.bind(FORMER)].join(", ");
        let text = format!("SELECT name, value, retired_at FROM secret WHERE name IN ({names})");
        let (mut current, mut former) = (None, None);
        for row in reader.rows(DOING, sql, text).await? {
            let name: String = row.try_get("", "name").doing(DOING)?;
            let value: String = row.try_get("", "value").doing(DOING)?;
            let retired_at: Option<DateTime<Utc>> = row.try_get("", "retired_at").doing(DOING)?;
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

/// Makes the key of previews, of these bits, unless there is one. Of two that come at the same
/// time, one fails here.
pub(crate) async fn make_for_previews(writer: &Writer, bits: [u8; 32]) -> Result<()> {
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

async fn make(writer: &Writer, bits: [u8; 32]) -> Result<()> {
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

/// Replaces the key of previews by one of these bits. What the old one signed stays good until it ends,
/// or opens nothing from now on when it is revoked; what was signed by one before that opens nothing.
pub async fn rotate_previews(writer: &mut Writer, bits: [u8; 32], revoke: bool) -> Result<()> {
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
    // Nothing that anybody reads is different; the audit log hears of it.
    let key = derived("secret", &[PREVIEW]);
    writer.note(Noun::Preview, key, Act::Changed, Vec::new());
    Ok(())
}

fn parse(value: &str) -> Result<PreviewKey> {
    PreviewKey::parse(value).map_err(broken("secret", "value", PREVIEW))
}

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "secret")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub value: String,
        pub retired_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
