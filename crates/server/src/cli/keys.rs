//! `khabar keys`: rotating the newsroom's signing keys.

use clap::{Args, Subcommand};
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_persistence::{Author, secret};

use super::{Database, database, print};
use crate::config::Settings;
use khabar_service::random::bits;

/// Rotate the newsroom's signing keys.
#[derive(Clone, Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Sign previews with a new key from now on. Servers need no restart
    Rotate {
        /// Revoke all existing previews, for example because the key has leaked. Otherwise previews that
        /// were signed with the current key remain valid until they expire or until the next rotation
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        database: Database,
    },
}

impl Keys {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        match &self.command {
            Command::Rotate { database, .. } => database.clone().flags(),
        }
    }
}

pub(super) async fn keys(keys: Keys, settings: Settings) -> anyhow::Result<()> {
    let Command::Rotate { revoke, .. } = keys.command;
    let db = database::open(&settings).await?;
    let author = Author::command("keys rotate");
    let mut writer = db.writer(SystemClock.now()).await?.signed(author);
    secret::rotate_previews(&mut writer, bits(), revoke).await?;
    writer.commit().await?;
    print(if revoke {
        "previews are signed with a new key; all existing previews are revoked"
    } else {
        "previews are signed with a new key; existing previews remain valid until they expire"
    });
    db.close().await?;
    Ok(())
}
