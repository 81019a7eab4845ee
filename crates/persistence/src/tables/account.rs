//! Accounts as database rows: identified users.

use std::collections::HashMap;

use khabar_domain::{AccountId, Name, derived};
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel};

use crate::feed::EntityKind;
use crate::query::decode::Row;
use crate::query::lookup::find_by;
use crate::query::row::{broken, readable};
use crate::query::table::table;
use crate::tables::reserved_name;
use crate::{BatchKey, Doing, ReadSession, Result, Saved, WriteTx};

impl Subject {
    /// Returns the account id of this subject. It is derived from issuer and subject, so readers do
    /// not need to look up a row.
    pub fn account(&self) -> AccountId {
        derived("account", &[&self.issuer, &self.subject]).into()
    }
}

/// Returns the id of the account shared by all of Khabar's own tokens with this name.
pub fn of_name(name: &Name) -> AccountId {
    derived("account", &[name.as_str()]).into()
}

/// An identified user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account id.
    pub id: AccountId,
    /// The user's name.
    pub name: Name,
    /// The user's identity at an external token issuer. Absent for users of Khabar's own tokens.
    pub subject: Option<Subject>,
}

/// A user's identity at a token issuer (RFC 7519, `iss` and `sub`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The issuer (`iss`).
    pub issuer: String,
    /// The subject (`sub`), as the issuer identifies the user.
    pub subject: String,
}

/// Key that finds an account by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub AccountId);

impl BatchKey for ById {
    type Value = Account;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Account>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "account.by_id",
            |sql| ("account t".to_owned(), sql.among("t.id", ids)),
            |found: &Account| Self(found.id),
        )
        .await
    }
}

/// Returns the account with this id, for a write that depends on it.
pub async fn get(writer: &WriteTx, id: AccountId) -> Result<Option<Account>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer
        .find::<table::Entity, _>("find an account", by_id)
        .await
}

/// Returns the account with this issuer and subject, for a write that depends on it.
pub async fn of_subject(writer: &WriteTx, subject: &Subject) -> Result<Option<Account>> {
    let known = Condition::all()
        .add(table::Column::Issuer.eq(&subject.issuer))
        .add(table::Column::Subject.eq(&subject.subject));
    writer
        .find::<table::Entity, _>("find an account", known)
        .await
}

/// Adds an account unless it exists already. If two transactions add it concurrently, one of them
/// fails.
pub async fn ensure(writer: &mut WriteTx, account: &Account) -> Result<()> {
    match get(writer, account.id).await? {
        Some(_) => Ok(()),
        None => add(writer, account).await,
    }
}

/// Adds an account. It gets its own row in the audit log, whatever else the transaction writes.
pub async fn add(writer: &mut WriteTx, account: &Account) -> Result<()> {
    let (issuer, subject) = account
        .subject
        .clone()
        .map(|known| (known.issuer, known.subject))
        .unzip();
    let row = table::Model {
        id: account.id.uuid(),
        name: account.name.as_str().to_owned(),
        issuer,
        subject,
        created_at: writer.at(),
    };
    readable(&row)?;
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing("add an account")?;
    let name = account.name.as_str();
    reserved_name::reserve(writer, EntityKind::Account, account.id.uuid(), name).await?;
    writer.note_saved(Saved::Added, EntityKind::Account, account.id, Vec::new);
    Ok(())
}

impl Row for table::Model {
    const TABLE: &'static str = "account";
    type Means = Account;

    fn read(self) -> Result<Account> {
        let name = Name::parse(&self.name).map_err(broken("account", "name", self.id))?;
        let known = self.issuer.zip(self.subject);
        Ok(Account {
            id: self.id.into(),
            name,
            subject: known.map(|(issuer, subject)| Subject { issuer, subject }),
        })
    }
}

table! {
    mod table = "account";
    key id: Uuid;
    name: String,
    issuer: Option<String>,
    subject: Option<String>,
    created_at: DateTimeUtc,
}
