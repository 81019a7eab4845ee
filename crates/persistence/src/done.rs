//! What is done already: writes that a client named by a `clientMutationId`, so that one that is
//! sent again happens once.

use chrono::{DateTime, Utc};
use khabar_domain::Invalid;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::{Doing, Reader, Result, Writer};

/// What the [`writer`](Named::writer) of a client without an account begins with; their address follows.
pub const ANONYMOUS: &str = "anonymous ";

/// A write as its client names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Whose name it is: the names of one client mean nothing to another.
    pub writer: String,
    /// The client's name for it.
    pub client_mutation_id: String,
    /// What is asked for.
    pub action: String,
    /// SHA-256 of what the client gave, in hexadecimal.
    pub input: String,
}

/// What a write has brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The id of what it was about.
    pub noun_id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What could not be done although the rest was, as whoever wrote it put it into JSON; absent
    /// when all of it was done.
    pub errors: Option<String>,
}

/// What this write has brought about already. Refused: the name of another write.
pub async fn find(writer: &Writer, named: &Named) -> Result<Option<Outcome>> {
    let key = (named.writer.clone(), named.client_mutation_id.clone());
    let found = table::Entity::find_by_id(key)
        .one(writer.connection())
        .await
        .doing("find what is done already")?;
    match found {
        None => Ok(None),
        Some(row) if row.action == named.action && row.input == named.input => {
            let (noun_id, at, errors) = (row.noun_id, row.at, row.errors);
            Ok(Some(Outcome {
                noun_id,
                at,
                errors,
            }))
        }
        Some(_) => Err(Invalid::new(
            "the clientMutationId",
            "was used for another write: give each write its own",
        )
        .into()),
    }
}

/// Whether a write of this name is done already, as far as a reader can tell, whatever it was.
pub async fn is_known(reader: &Reader, named: &Named) -> Result<bool> {
    let mut sql = reader.sql();
    let text = format!(
        "SELECT at FROM done WHERE writer = {} AND client_mutation_id = {}",
        sql.bind(named.writer.as_str()),
        sql.bind(named.client_mutation_id.as_str())
    );
    let rows = reader.rows("find what is done already", sql, text).await?;
    Ok(!rows.is_empty())
}

/// Remembers what it has brought about. Of two that come at the same time, one fails here.
pub async fn remember(writer: &Writer, named: &Named, outcome: Outcome) -> Result<()> {
    let row = table::Model {
        writer: named.writer.clone(),
        client_mutation_id: named.client_mutation_id.clone(),
        at: outcome.at,
        action: named.action.clone(),
        input: named.input.clone(),
        noun_id: outcome.noun_id,
        errors: outcome.errors,
    };
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing("remember what is done")?;
    Ok(())
}

/// Forgets what was done before this moment.
pub async fn forget(writer: &Writer, before: DateTime<Utc>) -> Result<u64> {
    let gone = table::Entity::delete_many()
        .filter(table::Column::At.lt(before))
        .exec(writer.connection())
        .await
        .doing("forget what is done")?;
    Ok(gone.rows_affected)
}

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "done")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub writer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_mutation_id: String,
        pub at: DateTimeUtc,
        pub action: String,
        pub input: String,
        pub noun_id: Uuid,
        pub errors: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
