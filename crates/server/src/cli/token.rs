//! `khabar token`: managing the API tokens that grant access to the newsroom.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use khabar_domain::clock::{Clock, SystemClock};
use khabar_domain::{Name, Right, Rights, Role, Scope, TokenId};
use khabar_persistence::token::{self, Revoked, TokenOfAccount};
use khabar_persistence::{Author, Db};
use uuid::Uuid;

use super::{Database, database, eprint, print};
use crate::config::Settings;
use khabar_service::auth::{Issue, issue};

/// Create, list, or revoke API tokens.
#[derive(Clone, Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Create a token. It is printed to standard output once, and stored only as a hash
    Create {
        /// Name of the token's bearer. Tokens with equal names share their drafts
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Role of the bearer: reader, contributor, moderator, editor or admin
        #[arg(long, value_name = "ROLE", value_parser = role)]
        role: Role,
        /// Comma-separated subset of the role's rights: comment, write, publish, arrange, moderate, audit,
        /// grant [default: all rights of the role]
        #[arg(long, value_name = "A,B", value_parser = parse_right, value_delimiter = ',')]
        rights: Option<Vec<Right>>,
        /// Lifetime of the token, such as 90d, 12h or 30m [default: until it is revoked]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        expires: Option<TimeDelta>,
        #[command(flatten)]
        database: Database,
    },
    /// List all tokens, newest first
    List(Database),
    /// Revoke a token. Servers refuse it within seconds
    Revoke {
        /// ID of the token, as shown by `khabar token list`
        #[arg(value_name = "ID")]
        id: Uuid,
        #[command(flatten)]
        database: Database,
    },
}

impl Token {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        match &self.command {
            Command::Create { database, .. }
            | Command::List(database)
            | Command::Revoke { database, .. } => database.clone().flags(),
        }
    }
}

pub(super) async fn token(token: Token, settings: Settings) -> anyhow::Result<()> {
    let db = database::open(&settings).await?;
    let now = SystemClock.now();
    match token.command {
        Command::Create {
            name,
            role,
            rights,
            expires,
            ..
        } => {
            let rights = rights.as_deref().map(Rights::of);
            let issue = Issue {
                name: Name::parse(&name)?,
                role,
                rights,
                expires_at: expires.map(|expires| now + expires),
            };
            create(&db, now, issue).await?;
        }
        Command::List(_) => {
            let tokens = token::every(&db.reader(Scope::reader(now))).await?;
            print(table(&tokens, now).trim_end());
        }
        Command::Revoke { id, .. } => {
            let mut writer = db
                .writer(now)
                .await?
                .signed(Author::command("token revoke"));
            let revoked = token::revoke(&mut writer, TokenId::new(id)).await?;
            writer.commit().await?;
            match revoked {
                Revoked::Now => print(format_args!("revoked  {id}")),
                Revoked::Before => bail!("the token {id} is already revoked"),
                Revoked::Unknown => bail!("there is no token {id}"),
            }
        }
    }
    db.close().await?;
    Ok(())
}

async fn create(db: &Db, now: DateTime<Utc>, request: Issue) -> anyhow::Result<()> {
    let name = request.name.clone();
    let issued = issue(db, now, request).await?;
    let token = issued.token;
    for (label, value) in [
        ("id", token.id.uuid().to_string()),
        ("name", name.as_str().to_owned()),
        ("role", token.role.as_str().to_owned()),
        ("rights", listed(token.viewer().rights)),
        (
            "expires",
            token.expires_at.map_or_else(|| "never".to_owned(), minute),
        ),
    ] {
        eprint(format_args!("{label:8} {value}"));
    }
    eprint("This is the token; it is not shown again:");
    // Only the token goes to standard output, so that `$(khabar token create …)` captures it.
    print(issued.credential.as_str());
    Ok(())
}

/// Formats the tokens as a human-readable table with aligned columns.
fn table(tokens: &[TokenOfAccount], now: DateTime<Utc>) -> String {
    let mut rows = vec![
        [
            "ID",
            "NAME",
            "ROLE",
            "RIGHTS",
            "CREATED",
            "STATE",
            "LAST USED",
        ]
        .map(str::to_owned),
    ];
    rows.extend(tokens.iter().map(|TokenOfAccount { token, name }| {
        let state = match (token.revoked_at, token.expires_at) {
            (Some(at), _) => format!("revoked {}", minute(at)),
            (None, Some(at)) if at <= now => format!("expired {}", minute(at)),
            (None, Some(at)) => format!("until {}", minute(at)),
            (None, None) => "counts".to_owned(),
        };
        [
            token.id.uuid().to_string(),
            name.as_str().to_owned(),
            token.role.as_str().to_owned(),
            token
                .rights
                .map_or_else(|| "all".to_owned(), |_| listed(token.viewer().rights)),
            minute(token.created_at),
            state,
            token
                .last_used_at
                .map_or_else(|| "never".to_owned(), minute),
        ]
    }));
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn listed(rights: Rights) -> String {
    let words: Vec<_> = rights.each().map(Right::as_str).collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(",")
    }
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

fn role(text: &str) -> Result<Role, khabar_domain::Invalid> {
    Role::parse(text)
}

fn parse_right(text: &str) -> Result<Right, khabar_domain::Invalid> {
    Right::parse(text)
}

/// Parses a duration such as `90d`, `12h` or `30m`. The minimum is one minute, the maximum [`LONGEST`].
fn duration(text: &str) -> anyhow::Result<TimeDelta> {
    const FORM: &str = "it is to be a number and d, h or m: 90d";
    let unit = text.chars().last().context(FORM)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().context(FORM)?;
    let duration = match unit {
        'd' => TimeDelta::try_days(number),
        'h' => TimeDelta::try_hours(number),
        'm' => TimeDelta::try_minutes(number),
        _ => bail!(FORM),
    };
    let duration = duration.filter(|it| (TimeDelta::minutes(1)..=LONGEST).contains(it));
    duration.context("it must be between one minute and ten years")
}

/// Maximum lifetime of a token that expires: ten years. A token that should last longer can be created
/// without an expiry.
const LONGEST: TimeDelta = TimeDelta::days(3_653);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_parsed_strictly() {
        assert_eq!(duration("90d").unwrap(), TimeDelta::days(90));
        assert_eq!(duration("12h").unwrap(), TimeDelta::hours(12));
        assert_eq!(duration("30m").unwrap(), TimeDelta::minutes(30));
        for text in [
            "",
            "d",
            "90",
            "90y",
            "0d",
            "-1d",
            "9999999999999999d",
            "4000d",
            "٩د",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
