//! `khabar migrate`: the database's tables, step by step.

use anyhow::bail;
use clap::{Args, Subcommand};
use khabar_persistence::Db;
use khabar_persistence::migration::{self, Loss};

use super::{Database, consent, database, note, say};
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
        /// Destroy what is stored there without asking
        #[arg(long)]
        yes: bool,
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
        Way::Down { steps, yes, .. } => down(&db, steps, yes).await?,
        Way::Status(_) => {}
    }
    for step in migration::status(&db).await? {
        say(format_args!("{}  {}", step.state.as_str(), step.name));
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
    note(format_args!("This takes back {steps} migration(s){what}"));
    for Loss {
        table,
        column,
        rows,
    } in losses
    {
        let column = column.map(|column| format!(", column {column}"));
        note(format_args!(
            "{rows:>9} row(s)  {table}{}",
            column.unwrap_or_default()
        ));
    }
    if !yes && !consent::given()? {
        bail!("nothing was taken back");
    }
    Ok(migration::down(db, steps).await?)
}
