//! `khabar check`: verifying that every row of the database can be read.

use anyhow::bail;
use clap::Args;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_domain::{Scope, Viewer};
use khabar_persistence::check;

use super::{Database, database, print};
use crate::config::Settings;

/// Read every row of the database as the API would, and report each broken row by table, column and
/// primary key. Exits with code 1 if there are any. Changes nothing, and can run alongside a server
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
        print(row);
    });
    let read = read.await?;
    db.close().await?;
    if broken > 0 {
        bail!("{broken} of {read} rows are broken");
    }
    print(format_args!("all {read} rows can be read"));
    Ok(())
}
