//! API tokens as rows: whose they are, what they allow, until when, and that they were used.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::{AccountId, Invalid, Name, Rights, Role, TokenId, Viewer};
use sea_orm::{ActiveModelTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryResult};

use crate::row::{Row, broken};
use crate::sql::columns;
use crate::{BatchKey, Doing, Reader, Result, Writer};

/// A token, without what its bearer has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Which token.
    pub id: TokenId,
    /// Whose it is.
    pub account: AccountId,
    /// What its bearer is to the newsroom.
    pub role: Role,
    /// The rights that it is narrowed to; absent when it has all of its role's.
    pub rights: Option<Rights>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it no longer counts.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Token {
    /// Whether it counts at this moment.
    pub fn counts(&self, at: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| at < expires)
    }

    /// Who brings it.
    pub fn viewer(&self) -> Viewer {
        let viewer = Viewer::of(self.account, self.role);
        self.rights.map_or(viewer, |rights| viewer.narrowed(rights))
    }

    /// Whether its use at this moment is worth writing down: once a minute at most, so that reads
    /// stay reads.
    pub fn is_use_to_note(&self, at: DateTime<Utc>) -> bool {
        self.last_used_at
            .is_none_or(|last| at - last >= Duration::minutes(1))
    }
}

/// A token and how its account is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The token.
    pub token: Token,
    /// How whoever brings it is called.
    pub name: Name,
}

/// The token that hashes to this (see [`khabar_domain::Credential::hash`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByHash(pub String);

impl BatchKey for ByHash {
    type Value = Named;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Named>> {
        const DOING: &str = "find API tokens";
        let mut sql = reader.sql();
        let hashes = keys.iter().map(|key| key.0.clone()).collect();
        let condition = sql.among_texts("t.hash", hashes);
        let text = select(&format!("WHERE {condition}"));
        let mut found = HashMap::with_capacity(keys.len());
        for row in reader.rows(DOING, sql, text).await? {
            let hash: String = row.try_get("", "hash").doing(DOING)?;
            found.insert(Self(hash), named(DOING, &row)?);
        }
        Ok(found)
    }
}

/// Every token that was ever made, the newest first.
pub async fn every(reader: &Reader) -> Result<Vec<Named>> {
    const DOING: &str = "list the API tokens";
    let text = select("ORDER BY t.created_at DESC, t.id DESC");
    let rows = reader.rows(DOING, reader.sql(), text).await?;
    rows.iter().map(|row| named(DOING, row)).collect()
}

/// Adds a token that hashes to this.
pub async fn add(writer: &Writer, token: &Token, hash: String) -> Result<()> {
    let row = table::Model {
        id: token.id.uuid(),
        account_id: token.account.uuid(),
        hash,
        role: token.role.as_str().to_owned(),
        rights: token.rights.map(|rights| {
            let words: Vec<_> = rights.each().map(khabar_domain::Right::as_str).collect();
            serde_json::Value::from(words).to_string()
        }),
        created_at: token.created_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        last_used_at: token.last_used_at,
    };
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing("add an API token")?;
    Ok(())
}

/// Takes a token back; tells whether there was one that was not taken back before.
pub async fn revoke(writer: &Writer, id: TokenId) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE token SET revoked_at = {} WHERE id = {} AND revoked_at IS NULL",
        sql.bind(writer.at()),
        sql.bind(id.uuid())
    );
    Ok(writer.run("revoke an API token", sql, text).await? > 0)
}

/// Writes down that a token was used, unless a later use is written down.
pub async fn used(writer: &Writer, id: TokenId) -> Result<()> {
    let mut sql = writer.sql();
    let at = sql.bind(writer.at());
    let text = format!(
        "UPDATE token SET last_used_at = {at} WHERE id = {} \
         AND (last_used_at IS NULL OR last_used_at < {at})",
        sql.bind(id.uuid())
    );
    writer
        .run("note the use of an API token", sql, text)
        .await?;
    Ok(())
}

fn select(which: &str) -> String {
    format!(
        "SELECT {}, a.name AS _name FROM token t JOIN account a ON a.id = t.account_id {which}",
        columns::<table::Entity>("t")
    )
}

fn named(doing: &str, row: &QueryResult) -> Result<Named> {
    let name: String = row.try_get("", "_name").doing(doing)?;
    let token = table::Model::from_query_result(row, "").doing(doing)?;
    let name = Name::parse(&name).map_err(broken("account", "name", token.account_id))?;
    Ok(Named {
        token: token.read()?,
        name,
    })
}

impl Row for table::Model {
    type Means = Token;

    fn read(self) -> Result<Token> {
        let broken = |column| broken("token", column, self.id);
        let rights = self.rights.map(|rights| {
            let words: Vec<String> = serde_json::from_str(&rights)
                .map_err(|error| Invalid::new("the rights", error.to_string()))?;
            Rights::parse(words.iter().map(String::as_str))
        });
        Ok(Token {
            id: self.id.into(),
            account: self.account_id.into(),
            role: Role::parse(&self.role).map_err(broken("role"))?,
            rights: rights.transpose().map_err(broken("rights"))?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            last_used_at: self.last_used_at,
        })
    }
}

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub hash: String,
        pub role: String,
        pub rights: Option<String>,
        pub created_at: DateTimeUtc,
        pub expires_at: Option<DateTimeUtc>,
        pub revoked_at: Option<DateTimeUtc>,
        pub last_used_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
