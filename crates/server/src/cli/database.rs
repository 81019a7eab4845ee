//! Opening the database that the settings name, and what to do when it lacks its tables.

use anyhow::{Context, bail};
use khabar_persistence::migration::{self, State};
use khabar_persistence::{Db, Options, Timeouts};

use crate::config::Settings;

/// Opens the database for a command that needs its tables, and takes as long as it takes. The embedded
/// default is made and migrated when it has to be; any other must have been migrated by its owner.
pub(super) async fn open(settings: &Settings) -> anyhow::Result<Db> {
    let db = connect(settings, settings.is_embedded()).await?;
    with_tables(settings, db).await
}

/// Opens the database for the server, which keeps to the time-outs of its settings.
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
    let count = |wanted| steps.iter().filter(|step| step.state == wanted).count();
    let url = khabar_persistence::db::without_password(&settings.database);
    if count(State::Unknown) > 0 {
        bail!("a newer version of Khabar has migrated the database {url}; run that one");
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

/// Opens the database as it is, for a command; `create` makes a SQLite file that is not there.
pub(super) async fn connect(settings: &Settings, create: bool) -> anyhow::Result<Db> {
    connect_with(settings, create, Timeouts::patient()).await
}

/// Opens the database as it is, for the server.
pub(super) async fn connect_to_serve(settings: &Settings, create: bool) -> anyhow::Result<Db> {
    connect_with(settings, create, settings.database_timeouts.timeouts()).await
}

async fn connect_with(settings: &Settings, create: bool, timeouts: Timeouts) -> anyhow::Result<Db> {
    let options = Options {
        url: settings.database.clone(),
        replicas: settings.replicas.clone(),
        readers: settings.readers,
        writers: settings.writers,
        create,
        timeouts,
    };
    Db::open(&options)
        .await
        .context("the database cannot be used")
}
