//! Creation of API tokens from the command line.

use chrono::{DateTime, Utc};
use khabar_domain::{Credential, Name, Rights, Role, TokenId, id};
use khabar_persistence::token::{self, Token};
use khabar_persistence::{Author, Db};

use crate::random::bits;

/// The properties of a new API token.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The name of the account. Tokens with the same name belong to the same account.
    pub name: Name,
    /// The role of the bearer in the newsroom.
    pub role: Role,
    /// The rights that the token is restricted to. `None` for all rights of the role.
    pub rights: Option<Rights>,
    /// The time at which the token expires. `None` if it never does.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A newly created token. The credential is not stored, so it is available only now.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The credential to hand to the bearer.
    pub credential: Credential,
    /// The stored token record.
    pub token: Token,
}

/// Creates and stores an API token.
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
