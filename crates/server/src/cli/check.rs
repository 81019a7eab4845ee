//! `khabar check`: whether every row of the database can be read.

use anyhow::bail;
use clap::Args;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_domain::{Scope, Viewer};
use khabar_persistence::check;

use super::{Database, database, say};
use crate::config::Settings;

/// Read every row of the database as answers read it, and name each that cannot be read by table,
/// column and primary key; the exit code is 1 when there is one. It changes nothing, and may run
/// beside a server
#[derive(Clone, Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    database: Database,
}

impl Check {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        self.database.clone().flags()
    }
}

pub(super) async fn check(_: Check, settings: Settings) -> anyhow::Result<()> {
    let db = database::open(&settings).await?;
    let scope = Scope {
        viewer: Viewer::default(),
        as_of: SystemClock.now(),
    };
    let mut broken = 0_u64;
    let read = check::check(&db, scope, |row| {
        broken += 1;
        say(row);
    });
    let read = read.await?;
    db.close().await?;
    if broken > 0 {
        bail!("{broken} of {read} rows cannot be read");
    }
    say(format_args!("all {read} rows can be read"));
    Ok(())
}
