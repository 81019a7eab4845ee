//! `khabar demo`: a newsroom to look at.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_persistence::migration;

use super::{Place, database, serve};
use crate::config::Settings;

/// Serve a newsroom with stories and articles to look at, in a database of its own.
#[derive(Clone, Debug, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    place: Place,
    /// The folder to keep the demo's database in [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    data: Option<PathBuf>,
}

impl Demo {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        self.place.clone().flags()
    }
}

pub(super) async fn demo(demo: Demo, mut settings: Settings) -> anyhow::Result<()> {
    let mut temporary = None;
    if demo.place.database.database.is_none() {
        let folder = if let Some(folder) = demo.data {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("could not make the folder {}", folder.display()))?;
            folder
        } else {
            let made = tempfile::tempdir().context("could not make a temporary folder")?;
            temporary.insert(made).path().to_owned()
        };
        settings.database = format!("sqlite:{}", folder.join("demo.db").display());
        settings.replicas.clear();
    }
    let db = database::connect(&settings, true).await?;
    migration::up(&db).await?;
    crate::demo::fill(&db, SystemClock.now()).await?;
    serve::run(settings, db, "Khabar's demo newsroom is open").await?;
    if let Some(temporary) = temporary {
        temporary
            .close()
            .context("could not remove the temporary folder")?;
    }
    Ok(())
}
