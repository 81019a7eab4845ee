//! Secrets as rows: what a fleet has to know in common and keep to itself. Each is made at its
//! first need, by whichever node needs it first.

use std::collections::HashMap;

use khabar_domain::PreviewKey;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

use crate::{BatchKey, Doing, Error, Reader, Result, Writer};

/// The name of the key of previews.
const PREVIEW: &str = "preview";

/// The key by which previews are signed; none was made while no preview was ever given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfPreviews;

impl BatchKey for OfPreviews {
    type Value = PreviewKey;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, PreviewKey>> {
        const DOING: &str = "read the key of previews";
        let mut sql = reader.sql();
        let name = sql.bind(PREVIEW);
        let text = format!("SELECT value FROM secret WHERE name = {name}");
        let rows = reader.rows(DOING, sql, text).await?;
        let Some(row) = rows.first() else {
            return Ok(HashMap::new());
        };
        let value: String = row.try_get("", "value").doing(DOING)?;
        let key = parse(&value)?;
        Ok(keys.iter().map(|&asked| (asked, key.clone())).collect())
    }
}

/// Makes the key of previews, of these bits, unless there is one. Of two that come at the same
/// time, one fails here.
pub(crate) async fn make_for_previews(writer: &Writer, bits: [u8; 32]) -> Result<()> {
    const DOING: &str = "make the key of previews";
    let found = table::Entity::find_by_id(PREVIEW)
        .one(writer.connection())
        .await
        .doing(DOING)?;
    if found.is_some() {
        return Ok(());
    }
    let row = table::Model {
        name: PREVIEW.to_owned(),
        value: PreviewKey::of(bits).to_text(),
    };
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing(DOING)?;
    Ok(())
}

fn parse(value: &str) -> Result<PreviewKey> {
    PreviewKey::parse(value).map_err(|invalid| Error::BrokenRow {
        table: "secret",
        column: "value",
        row: PREVIEW.to_owned(),
        problem: invalid.to_string(),
    })
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
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
