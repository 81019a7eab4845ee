//! `khabar migrate`: the database's tables, step by step.

use clap::{Args, Subcommand};
use khabar_persistence::migration;

use super::{Database, database, say};
use crate::config::Settings;

/// Bring a database's tables up to date, show what it lacks, or take steps back.
#[derive(Clone, Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    way: Way,
}

#[derive(Clone, Debug, Subcommand)]
enum Way {
    /// Apply every migration that the database lacks (a SQLite file is made if there is none)
    Up(Database),
    /// List the migrations and whether the database has them
    Status(Database),
    /// Take back the last migrations, with all that is stored in what they made
    Down {
        /// How many to take back
        #[arg(long, default_value_t = 1)]
        steps: u32,
        #[command(flatten)]
        database: Database,
    },
}

impl Migrate {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        match &self.way {
            Way::Up(database) | Way::Status(database) | Way::Down { database, .. } => {
                database.clone().flags()
            }
        }
    }
}

pub(super) async fn migrate(migrate: Migrate, settings: Settings) -> anyhow::Result<()> {
    let up = matches!(migrate.way, Way::Up(_));
    let db = database::connect(&settings, up).await?;
    match migrate.way {
        Way::Up(_) => migration::up(&db).await?,
        Way::Down { steps, .. } => migration::down(&db, steps).await?,
        Way::Status(_) => {}
    }
    for step in migration::status(&db).await? {
        say(format_args!(
            "{}  {}",
            if step.applied { "applied" } else { "pending" },
            step.name
        ));
    }
    db.close().await?;
    Ok(())
}
