//! Storage of API tokens: their accounts, roles, rights, expiry and last use.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::{AccountId, Credential, Invalid, Name, Right, Rights, Role, TokenId, Viewer};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryResult};
use uuid::Uuid;

use crate::feed::{CacheTag, EntityKind, Operation};
use crate::query::count;
use crate::query::cursor::Source;
use crate::query::decode::{DecodeRow, Row, RowDecoder, columns};
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::{broken, readable};
use crate::query::table::table;
use crate::session::batch::grouped;
use crate::tables::account::{self, Account};
use crate::{BatchKey, Doing, Page, ReadSession, Result, Slice, Tally, WriteTx};

/// An API token, without its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The id of the token.
    pub id: TokenId,
    /// The account that the token belongs to.
    pub account: AccountId,
    /// The role of the bearer in the newsroom.
    pub role: Role,
    /// The rights that the token is limited to. `None` if it has all rights of its role.
    pub rights: Option<Rights>,
    /// The time when the token was issued.
    pub created_at: DateTime<Utc>,
    /// The time from which the token is invalid. `None` if it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time when the token was revoked. `None` if it was not.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The time of the last use, accurate to the minute. `None` if the token was never used.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Token {
    /// Whether the token is valid at this time: neither revoked nor expired.
    pub fn counts(&self, at: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| at < expires)
    }

    /// Returns the viewer that the token authenticates, with the rights that it is limited to.
    pub fn viewer(&self) -> Viewer {
        let viewer = Viewer::of(self.account, self.role);
        self.rights.map_or(viewer, |rights| viewer.narrowed(rights))
    }

    /// Whether a use at this time has to be recorded. Uses are recorded at most once a minute, so that
    /// most reads cause no write.
    pub fn is_use_to_note(&self, at: DateTime<Utc>) -> bool {
        self.last_used_at
            .is_none_or(|last| at - last >= Duration::minutes(1))
    }
}

/// A token and the name of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOfAccount {
    /// The token.
    pub token: Token,
    /// The name of the token's account.
    pub name: Name,
}

/// The key for reading a token by the hash of its credential (see [`khabar_domain::Credential::hash`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByHash(pub String);

impl BatchKey for ByHash {
    type Value = TokenOfAccount;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, TokenOfAccount>> {
        const QUERY: &str = "token.by_id";
        let mut sql = reader.sql();
        let hashes = keys.iter().map(|key| key.0.clone()).collect();
        let condition = sql.among_texts("t.hash", hashes);
        let text = select(&format!("WHERE {condition}"));
        let mut found = HashMap::with_capacity(keys.len());
        for row in reader.rows(QUERY, sql, text).await? {
            let hash: String = row.try_get("", "hash").query(QUERY)?;
            let token = named(reader, QUERY, &row)?;
            found.extend(token.map(|token| (Self(hash), token)));
        }
        Ok(found)
    }
}

/// The key for reading a token by id. Finds nothing unless the viewer has [`Right::Grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub TokenId);

impl BatchKey for ById {
    type Value = TokenOfAccount;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, TokenOfAccount>> {
        const QUERY: &str = "token.by_id";
        if !reader.scope().viewer.may(Right::Grant) {
            return Ok(HashMap::new());
        }
        let mut sql = reader.sql();
        let condition = sql.among("t.id", keys.iter().map(|key| key.0.uuid()));
        let text = select(&format!("WHERE {condition}"));
        let rows = reader.rows(QUERY, sql, text).await?;
        let found = rows
            .iter()
            .filter_map(|row| named(reader, QUERY, row).transpose());
        found
            .map(|found| found.map(|found| (Self(found.token.id), found)))
            .collect()
    }
}

/// The key for a page of all tokens ever issued, newest first. Finds nothing unless the viewer has
/// [`Right::Grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AllTokens(pub Page);

impl BatchKey for AllTokens {
    type Value = Slice<TokenOfAccount>;

    async fn fetch(
        reader: &ReadSession,
        keys: &[Self],
    ) -> Result<HashMap<Self, Slice<TokenOfAccount>>> {
        let mut found = HashMap::with_capacity(keys.len());
        if !reader.scope().viewer.may(Right::Grant) {
            return Ok(found);
        }
        let select = format!("{}, {NAME}", columns::<table::Model>("t"));
        for (page, keys) in grouped(keys, |key| key.0) {
            let lists = KeysetQuery {
                query: "token.list",
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

impl PageKey for AllTokens {
    type Item = TokenOfAccount;

    fn check(&self) -> Result<(), Invalid> {
        self.0.check(&NEWEST)
    }
}

/// The key for the number of tokens ever issued. Finds nothing unless the viewer has
/// [`Right::Grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountAllTokens;

impl BatchKey for CountAllTokens {
    type Value = Tally;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        const QUERY: &str = "token.count";
        if !reader.scope().viewer.may(Right::Grant) {
            return Ok(HashMap::new());
        }
        let count = count::whole(reader, QUERY, "token").await?;
        Ok(keys.iter().map(|key| (*key, count)).collect())
    }
}

const NEWEST: Order = Order {
    source: Source::Tokens,
    column: "created_at",
    id: "id",
    sorts: SortKind::Times,
    descending: true,
};

/// Returns all tokens ever issued, newest first, without checking the viewer's rights.
pub async fn every(reader: &ReadSession) -> Result<Vec<TokenOfAccount>> {
    const QUERY: &str = "token.every";
    let text = select("ORDER BY t.created_at DESC, t.id DESC");
    let rows = reader.rows(QUERY, reader.sql(), text).await?;
    rows.iter()
        .filter_map(|row| named(reader, QUERY, row).transpose())
        .collect()
}

/// The properties of a token to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The id of the token.
    pub id: TokenId,
    /// The name of the bearer. Tokens with equal names belong to one account, so a token that replaces
    /// an old one still gives access to the drafts written with the old one.
    pub name: Name,
    /// The role of the bearer in the newsroom.
    pub role: Role,
    /// The rights to limit the token to. `None` gives it all rights of its role.
    pub rights: Option<Rights>,
    /// The time from which the token is invalid. `None` if it never expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Issues a token. Only the hash of its credential is stored. Returns an error if the token would be
/// limited to rights that its role does not allow.
pub async fn issue(writer: &mut WriteTx, issue: Issue, credential: &Credential) -> Result<Token> {
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

/// Inserts a token with the hash of its credential.
async fn add(writer: &mut WriteTx, token: &Token, hash: String) -> Result<()> {
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
    writer.note(
        EntityKind::Token,
        token.id,
        Operation::Added,
        vec![CacheTag::one(EntityKind::Token, token.id)],
    );
    Ok(())
}

/// The outcome of revoking a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The token was revoked by this call.
    Now,
    /// The token had already been revoked.
    Before,
    /// No token has this id.
    Unknown,
}

/// Revokes a token, unless it is already revoked.
pub async fn revoke(writer: &mut WriteTx, id: TokenId) -> Result<Revoked> {
    const DOING: &str = "revoke an API token";
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE token SET revoked_at = {} WHERE id = {} AND revoked_at IS NULL",
        sql.bind(writer.at()),
        sql.bind(id.uuid())
    );
    if writer.run(DOING, sql, text).await? > 0 {
        writer.note(
            EntityKind::Token,
            id,
            Operation::Withdrawn,
            vec![CacheTag::one(EntityKind::Token, id)],
        );
        return Ok(Revoked::Now);
    }
    let by_id = table::Column::Id.eq(id.uuid());
    let known = writer.find::<table::Entity, _>(DOING, by_id).await?;
    Ok(known.map_or(Revoked::Unknown, |_| Revoked::Before))
}

/// Records the time at which a token was used, unless a later use is already recorded. The change feed
/// and the audit log do not include this, because reading is not a write by the bearer.
pub async fn used(writer: &WriteTx, id: TokenId) -> Result<()> {
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

/// The column of the account that is read with a token.
const NAME: &str = "a.name";

/// The join from a token to its account.
const ACCOUNT: &str = "JOIN account a ON a.id = t.account_id";

fn named(reader: &ReadSession, doing: &str, row: &QueryResult) -> Result<Option<TokenOfAccount>> {
    reader.cells(row, doing)?.perhaps::<Whole>()
}

/// The row of a token and the name of its account.
struct Whole {
    token: table::Model,
    name: String,
}

impl DecodeRow for Whole {
    fn take(cells: &mut RowDecoder<'_>) -> Result<Self> {
        Ok(Self {
            token: DecodeRow::take(cells)?,
            name: cells.take()?,
        })
    }
}

impl Row for Whole {
    const TABLE: &'static str = "token";
    type Means = TokenOfAccount;

    fn read(self) -> Result<TokenOfAccount> {
        let broken = broken("account", "name", self.token.account_id);
        Ok(TokenOfAccount {
            name: Name::parse(&self.name).map_err(broken)?,
            token: self.token.read()?,
        })
    }
}

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

table! {
    mod table = "token";
    key id: Uuid;
    account_id: Uuid,
    hash: String,
    role: String,
    rights: Option<String>,
    created_at: DateTimeUtc,
    expires_at: Option<DateTimeUtc>,
    revoked_at: Option<DateTimeUtc>,
    last_used_at: Option<DateTimeUtc>,
}
