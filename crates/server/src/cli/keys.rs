//! `khabar keys`: what the newsroom signs by.

use clap::{Args, Subcommand};
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_persistence::{Author, secret};

use super::{Database, database, say};
use crate::config::Settings;
use crate::identity;

/// Replace the keys that the newsroom signs by.
#[derive(Clone, Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Sign previews by a new key from now on; servers need not be started again
    Rotate {
        /// Take back what was signed so far, as when the key has come into wrong hands; otherwise it
        /// stays good until it ends
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
    secret::rotate_previews(&mut writer, identity::bits(), revoke).await?;
    writer.commit().await?;
    say(if revoke {
        "previews are signed by a new key; those given out so far open nothing"
    } else {
        "previews are signed by a new key; those given out so far stay good until they end"
    });
    db.close().await?;
    Ok(())
}
