//! Opening the configured database, and checking that its migrations are applied.

use anyhow::{Context, bail};
use khabar_persistence::migration::{self, State};
use khabar_persistence::{Db, Options, Timeouts};

use crate::config::Settings;

/// Opens the database for a command that needs its tables, without statement time-outs. The embedded
/// default database is created and migrated if necessary. Any other database must already be migrated.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Db> {
    let db = connect(settings, settings.is_embedded()).await?;
    with_tables(settings, db).await
}

/// Opens the database for the server, with the configured time-outs. Otherwise like [`open`].
pub(super) async fn open_to_serve(settings: &Settings) -> anyhow::Result<Db> {
    let db = connect_to_serve(settings, settings.is_embedded()).await?;
    with_tables(settings, db).await
}

async fn with_tables(settings: &Settings, db: Db) -> anyhow::Result<Db> {
    if settings.is_embedded() {
        migration::up(&db).await?;
        return Ok(db);
    }
    let steps = migration::status(&db).await?;
    let count = |state| steps.iter().filter(|step| step.state == state).count();
    let url = khabar_persistence::db::without_password(&settings.database);
    if count(State::Unknown) > 0 {
        bail!("the database {url} was migrated by a newer version of Khabar; use that version");
    }
    let lacking = steps.len() - count(State::Applied);
    if lacking > 0 {
        let way = match count(State::PartlyReverted) {
            0 => "up",
            _ => "down --steps 1",
        };
        bail!(
            "the database {url} lacks {lacking} migration(s); run: khabar migrate {way} --database {url}"
        );
    }
    Ok(db)
}

/// Opens the database for a command, without checking its migrations. `create` creates a missing SQLite
/// file.
pub(super) async fn connect(settings: &Settings, create: bool) -> anyhow::Result<Db> {
    connect_with(settings, create, Timeouts::patient()).await
}

/// Opens the database for the server, without checking its migrations. `create` creates a missing SQLite
/// file.
pub(super) async fn connect_to_serve(settings: &Settings, create: bool) -> anyhow::Result<Db> {
    connect_with(settings, create, settings.database_timeouts.timeouts()).await
}

async fn connect_with(settings: &Settings, create: bool, timeouts: Timeouts) -> anyhow::Result<Db> {
    let options = Options {
        url: settings.database.clone(),
        replicas: settings.replicas.clone(),
        read_connections: settings.read_connections,
        write_connections: settings.write_connections,
        create,
        timeouts,
    };
    Db::open(&options)
        .await
        .context("the database cannot be used")
}
