//! Accounts as rows: who has said who they are.

use std::collections::HashMap;

use khabar_domain::{AccountId, Name, derived};
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel};

use crate::cells::stored;
use crate::change::Noun;
use crate::row::{Row, broken, find_by, readable};
use crate::{BatchKey, Doing, Reader, Result, Saved, Writer, reserved_name};

impl Subject {
    /// The id of the account that an issuer's subject has: always the same, so that who reads needs
    /// no row.
    pub fn account(&self) -> AccountId {
        derived("account", &[&self.issuer, &self.subject]).into()
    }
}

/// The id of the account that our own tokens of this name share.
pub fn of_name(name: &Name) -> AccountId {
    derived("account", &[name.as_str()]).into()
}

/// Somebody who has said who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose account.
    pub id: AccountId,
    /// How they are called.
    pub name: Name,
    /// Who vouches for them, and under which name; absent where our own tokens do.
    pub subject: Option<Subject>,
}

/// How somebody is known to an issuer of tokens (RFC 7519, `iss` and `sub`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Who vouches.
    pub issuer: String,
    /// For whom.
    pub subject: String,
}

/// The account with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub AccountId);

impl BatchKey for ById {
    type Value = Account;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Account>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "find accounts",
            |sql| ("account t".to_owned(), sql.among("t.id", ids)),
            |found: &Account| Self(found.id),
        )
        .await
    }
}

/// The account with this id, for a write that depends on it.
pub async fn get(writer: &Writer, id: AccountId) -> Result<Option<Account>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer
        .find::<table::Entity, _>("find an account", by_id)
        .await
}

/// The account that an issuer knows by this subject, for a write that depends on it.
pub async fn of_subject(writer: &Writer, subject: &Subject) -> Result<Option<Account>> {
    let known = Condition::all()
        .add(table::Column::Issuer.eq(&subject.issuer))
        .add(table::Column::Subject.eq(&subject.subject));
    writer
        .find::<table::Entity, _>("find an account", known)
        .await
}

/// Adds an account, unless it is there. Of two that come at the same time, one fails here.
pub async fn ensure(writer: &mut Writer, account: &Account) -> Result<()> {
    match get(writer, account.id).await? {
        Some(_) => Ok(()),
        None => add(writer, account).await,
    }
}

/// Adds an account. Whatever else its transaction writes, the audit log has a row for it alone.
pub async fn add(writer: &mut Writer, account: &Account) -> Result<()> {
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
    reserved_name::reserve(writer, Noun::Account, account.id.uuid(), name).await?;
    writer.note_saved(Saved::Added, Noun::Account, account.id, Vec::new);
    Ok(())
}

stored!(table::Model: id, name, issuer, subject, created_at);

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

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub issuer: Option<String>,
        pub subject: Option<String>,
        pub created_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
