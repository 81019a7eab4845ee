//! `khabar migrate`: applying, listing and reverting database migrations.

use anyhow::bail;
use clap::{Args, Subcommand};
use khabar_persistence::Db;
use khabar_persistence::migration::{self, Loss};

use super::{Database, consent, database, eprint, print};
use crate::config::Settings;

/// Apply database migrations, show their status, or revert them.
#[derive(Clone, Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Apply all pending migrations, and create the SQLite file if it does not exist
    Up(Database),
    /// List all migrations and their states
    Status(Database),
    /// Revert the most recent migrations, and delete all data stored in the tables and columns they created
    Down {
        /// Number of migrations to revert
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Delete the data without asking for confirmation
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        database: Database,
    },
}

impl Migrate {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        match &self.command {
            Command::Up(database) | Command::Status(database) | Command::Down { database, .. } => {
                database.clone().flags()
            }
        }
    }
}

pub(super) async fn migrate(migrate: Migrate, settings: Settings) -> anyhow::Result<()> {
    let up = matches!(migrate.command, Command::Up(_));
    let db = database::connect(&settings, up).await?;
    match migrate.command {
        Command::Up(_) => migration::up(&db).await?,
        Command::Down { steps, yes, .. } => down(&db, steps, yes).await?,
        Command::Status(_) => {}
    }
    for step in migration::status(&db).await? {
        print(format_args!("{}  {}", step.state.as_str(), step.name));
    }
    db.close().await?;
    Ok(())
}

async fn down(db: &Db, steps: u32, yes: bool) -> anyhow::Result<()> {
    let (steps, losses) = migration::losses(db, steps).await?;
    if steps == 0 {
        return Ok(());
    }
    let what = match losses.len() {
        0 => ", and with them no table and no column.",
        _ => " and destroys what is stored in:",
    };
    eprint(format_args!("This reverts {steps} migration(s){what}"));
    for Loss {
        table,
        column,
        rows,
    } in losses
    {
        let column = column.map(|column| format!(", column {column}"));
        eprint(format_args!(
            "{rows:>9} row(s)  {table}{}",
            column.unwrap_or_default()
        ));
    }
    if !yes && !consent::given()? {
        bail!("nothing was reverted");
    }
    Ok(migration::down(db, steps).await?)
}
