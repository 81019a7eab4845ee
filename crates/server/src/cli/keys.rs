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
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
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
        match &self.what {
            What::Rotate { database, .. } => database.clone().flags(),
        }
    }
}

pub(super) async fn keys(keys: Keys, settings: Settings) -> anyhow::Result<()> {
    let What::Rotate { revoke, .. } = keys.what;
    let db = database::open(&settings).await?;
    let author = Author::command("keys rotate");
    let mut writer = db.writer(SystemClock.now()).await?.signed(author);
    secret::rotate_previews(&mut writer, bits(), revoke).await?;
    writer.commit().await?;
    print(if revoke {
        "previews are signed by a new key; those given out so far open nothing"
    } else {
        "previews are signed by a new key; those given out so far stay good until they end"
    });
    db.close().await?;
    Ok(())
}
