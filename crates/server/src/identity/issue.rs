//! Giving out an API token.

use chrono::{DateTime, Utc};
use khabar_domain::{Credential, Name, Rights, Role, TokenId, id};
use khabar_persistence::account::{self, Account};
use khabar_persistence::token::{self, Token};
use khabar_persistence::{Author, Db};

use super::bits;

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct Issue {
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

/// A token that was given out: the only moment at which the newsroom knows it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What its bearer is to have.
    pub credential: Credential,
    /// What is kept of it.
    pub token: Token,
}

/// Gives out a token.
pub async fn issue(db: &Db, at: DateTime<Utc>, what: Issue) -> khabar_persistence::Result<Issued> {
    let writer = db.writer(at).await?.signed(Author::command("token create"));
    let account = Account {
        id: account::of_name(&what.name),
        name: what.name,
        subject: None,
    };
    account::ensure(&writer, &account).await?;
    let credential = Credential::of(bits());
    let token = Token {
        id: TokenId::new(id::mint(at, u128::from_be_bytes(bits()))),
        account: account.id,
        role: what.role,
        rights: what.rights,
        created_at: at,
        expires_at: what.expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    token::add(&writer, &token, credential.hash()).await?;
    writer.commit().await?;
    Ok(Issued { credential, token })
}
