//! Giving out an API token by a command.

use chrono::{DateTime, Utc};
use khabar_domain::{Credential, Name, Rights, Role, TokenId, id};
use khabar_persistence::token::{self, Token};
use khabar_persistence::{Author, Db};

use super::bits;

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct Issue {
    /// How its bearer is called; tokens of the same name are the same account's.
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
    let mut writer = db.writer(at).await?.signed(Author::command("token create"));
    let credential = Credential::of(bits());
    let issue = token::Issue {
        id: TokenId::new(id::mint(at, u128::from_be_bytes(bits()))),
        name: what.name,
        role: what.role,
        rights: what.rights,
        expires_at: what.expires_at,
    };
    let token = token::issue(&mut writer, issue, &credential).await?;
    writer.commit().await?;
    Ok(Issued { credential, token })
}
