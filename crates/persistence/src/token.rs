//! API tokens as rows: whose they are, what they allow, until when, and that they were used.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::{AccountId, Credential, Invalid, Name, Right, Rights, Role, TokenId, Viewer};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryResult};
use uuid::Uuid;

use crate::account::{self, Account};
use crate::batch::grouped;
use crate::cells::{Cells, Taken, columns, stored};
use crate::change::{Act, Noun};
use crate::page::{Lists, Order, Paged, Sorts};
use crate::row::{Row, broken, readable};
use crate::{BatchKey, Doing, Page, Reader, Result, Slice, Tally, Writer, tally};

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

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Named>> {
        const DOING: &str = "find API tokens";
        let mut sql = reader.sql();
        let hashes = keys.iter().map(|key| key.0.clone()).collect();
        let condition = sql.among_texts("t.hash", hashes);
        let text = select(&format!("WHERE {condition}"));
        let mut found = HashMap::with_capacity(keys.len());
        for row in reader.rows(DOING, sql, text).await? {
            let hash: String = row.try_get("", "hash").doing(DOING)?;
            let token = named(reader, DOING, &row)?;
            found.extend(token.map(|token| (Self(hash), token)));
        }
        Ok(found)
    }
}

/// The token with this id, for those who may give tokens out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub TokenId);

impl BatchKey for ById {
    type Value = Named;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Named>> {
        const DOING: &str = "find API tokens";
        if !reader.scope().viewer.may(Right::Grant) {
            return Ok(HashMap::new());
        }
        let mut sql = reader.sql();
        let condition = sql.among("t.id", keys.iter().map(|key| key.0.uuid()));
        let text = select(&format!("WHERE {condition}"));
        let rows = reader.rows(DOING, sql, text).await?;
        let found = rows
            .iter()
            .filter_map(|row| named(reader, DOING, row).transpose());
        found
            .map(|found| found.map(|found| (Self(found.token.id), found)))
            .collect()
    }
}

/// A page of every token that was ever made, the newest first, for those who may give tokens out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Given(pub Page);

impl BatchKey for Given {
    type Value = Slice<Named>;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Named>>> {
        let mut found = HashMap::with_capacity(keys.len());
        if !reader.scope().viewer.may(Right::Grant) {
            return Ok(found);
        }
        let select = format!("{}, {NAME}", columns::<table::Model>("t"));
        for (page, keys) in grouped(keys, |key| key.0) {
            let lists = Lists {
                doing: "page through the API tokens",
                table: "token",
                parent: None,
                order: &NEWEST,
                select: &select,
                join: ACCOUNT,
            };
            let parents = vec![Uuid::nil(); keys.len()];
            let slices = lists
                .page::<Whole>(reader, &parents, page, |_| String::new())
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl Paged for Given {
    type Item = Named;

    fn check(&self) -> Result<(), Invalid> {
        self.0.check(&NEWEST)
    }
}

/// How many tokens were ever made, for those who may give tokens out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountGiven;

impl BatchKey for CountGiven {
    type Value = Tally;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        const DOING: &str = "count the API tokens";
        if !reader.scope().viewer.may(Right::Grant) {
            return Ok(HashMap::new());
        }
        let count = tally::whole(reader, DOING, "token").await?;
        Ok(keys.iter().map(|key| (*key, count)).collect())
    }
}

const NEWEST: Order = Order {
    tag: 42,
    column: "created_at",
    id: "id",
    sorts: Sorts::Times,
    descending: true,
};

/// Every token that was ever made, the newest first.
pub async fn every(reader: &Reader) -> Result<Vec<Named>> {
    const DOING: &str = "list the API tokens";
    let text = select("ORDER BY t.created_at DESC, t.id DESC");
    let rows = reader.rows(DOING, reader.sql(), text).await?;
    rows.iter()
        .filter_map(|row| named(reader, DOING, row).transpose())
        .collect()
}

/// What a new token is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Which token.
    pub id: TokenId,
    /// How its bearer is called. Tokens of the same name are the same account's, so that a new token
    /// in the place of an old one still opens the drafts that were written with that.
    pub name: Name,
    /// What its bearer is to the newsroom.
    pub role: Role,
    /// The rights that it is narrowed to, if it is.
    pub rights: Option<Rights>,
    /// From when on it no longer counts, if ever.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Gives out a token: of its credential nothing is kept but the hash. Refused: to narrow it to what
/// its role does not allow.
pub async fn issue(writer: &mut Writer, issue: Issue, credential: &Credential) -> Result<Token> {
    issue.role.narrowed(issue.rights)?;
    let account = Account {
        id: account::of_name(&issue.name),
        name: issue.name,
        subject: None,
    };
    let token = Token {
        id: issue.id,
        account: account.id,
        role: issue.role,
        rights: issue.rights,
        created_at: writer.at(),
        expires_at: issue.expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    account::ensure(writer, &account).await?;
    add(writer, &token, credential.hash()).await?;
    Ok(token)
}

/// Adds a token that hashes to this.
async fn add(writer: &mut Writer, token: &Token, hash: String) -> Result<()> {
    let row = table::Model {
        id: token.id.uuid(),
        account_id: token.account.uuid(),
        hash,
        role: token.role.as_str().to_owned(),
        rights: token.rights.map(|rights| {
            let words: Vec<_> = rights.each().map(Right::as_str).collect();
            serde_json::Value::from(words).to_string()
        }),
        created_at: token.created_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        last_used_at: token.last_used_at,
    };
    readable(&row)?;
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing("add an API token")?;
    writer.note(Noun::Token, token.id, Act::Added, keys(token.id));
    Ok(())
}

/// What came of taking a token back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It no longer counts.
    Now,
    /// It was taken back before.
    Before,
    /// There is no such token.
    Unknown,
}

/// Takes a token back.
pub async fn revoke(writer: &mut Writer, id: TokenId) -> Result<Revoked> {
    const DOING: &str = "revoke an API token";
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE token SET revoked_at = {} WHERE id = {} AND revoked_at IS NULL",
        sql.bind(writer.at()),
        sql.bind(id.uuid())
    );
    if writer.run(DOING, sql, text).await? > 0 {
        writer.note(Noun::Token, id, Act::Withdrawn, keys(id));
        return Ok(Revoked::Now);
    }
    let by_id = table::Column::Id.eq(id.uuid());
    let known = writer.find::<table::Entity, _>(DOING, by_id).await?;
    Ok(known.map_or(Revoked::Unknown, |_| Revoked::Before))
}

/// The reading key of the list of all tokens.
pub(crate) const LIST: &str = "tokens";

/// The reading keys that a token touches: its own, and that of all tokens' list.
fn keys(id: TokenId) -> Vec<String> {
    vec![Noun::Token.key(id), LIST.to_owned()]
}

/// Writes down that a token was used, unless a later use is written down. That somebody reads is no
/// write of theirs: neither the change feed nor the audit log hears of it.
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
        "SELECT {}, {NAME} FROM token t {ACCOUNT} {which}",
        columns::<table::Model>("t")
    )
}

/// What is read of a token's account.
const NAME: &str = "a.name";

/// How it is found.
const ACCOUNT: &str = "JOIN account a ON a.id = t.account_id";

fn named(reader: &Reader, doing: &str, row: &QueryResult) -> Result<Option<Named>> {
    reader.cells(row, doing)?.perhaps::<Whole>()
}

/// A token's row and its account's name.
struct Whole {
    token: table::Model,
    name: String,
}

impl Taken for Whole {
    fn take(cells: &mut Cells<'_>) -> Result<Self> {
        Ok(Self {
            token: Taken::take(cells)?,
            name: cells.take()?,
        })
    }
}

impl Row for Whole {
    const TABLE: &'static str = "token";
    type Means = Named;

    fn read(self) -> Result<Named> {
        let broken = broken("account", "name", self.token.account_id);
        Ok(Named {
            name: Name::parse(&self.name).map_err(broken)?,
            token: self.token.read()?,
        })
    }
}

stored!(table::Model: id, account_id, hash, role, rights, created_at, expires_at, revoked_at, last_used_at);

impl Row for table::Model {
    const TABLE: &'static str = "token";
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
pub(crate) mod table {
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
