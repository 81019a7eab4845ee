//! `khabar demo`: a newsroom to look at.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_domain::{Credential, Name, Role, Scope};
use khabar_persistence::token::ByHash;
use khabar_persistence::{BatchKey as _, Db, migration};

use super::{Place, database, serve};
use crate::config::Settings;
use crate::http::LOOPBACK;
use crate::identity::{Issue, issue};

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
    let mut kept = None;
    if demo.place.database.database.is_none() {
        let folder = if let Some(folder) = demo.data {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("could not make the folder {}", folder.display()))?;
            kept = Some(folder.join("editor.token"));
            folder
        } else {
            let made = tempfile::tempdir().context("could not make a temporary folder")?;
            temporary.insert(made).path().to_owned()
        };
        settings.database = format!("sqlite:{}", folder.join("demo.db").display());
        settings.replicas.clear();
    }
    if settings.http.cors.origins.is_empty() {
        // Whoever tries it with an app of theirs runs that on a port of this machine.
        settings.http.cors.origins.push(LOOPBACK.to_owned());
    }
    let db = database::connect_to_serve(&settings, true).await?;
    migration::up(&db).await?;
    let now = SystemClock.now();
    crate::demo::fill(&db, now).await?;
    let token = editor(&db, now, kept.as_deref()).await?;
    let greeting = "Khabar's demo newsroom is open";
    serve::run(settings, db, greeting, Some(&token)).await?;
    if let Some(temporary) = temporary {
        temporary
            .close()
            .context("could not remove the temporary folder")?;
    }
    Ok(())
}

/// A token to write with. Where the demo's folder is kept, so is the token, so that it stays good in
/// the tabs where somebody put it; otherwise a new one is made, which ends after a day.
async fn editor(db: &Db, now: DateTime<Utc>, kept: Option<&Path>) -> anyhow::Result<Credential> {
    if let Some(file) = kept.filter(|file| file.exists()) {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("could not read {}", file.display()))?;
        if let Ok(credential) = Credential::parse(text.trim())
            && counts(db, now, &credential).await?
        {
            return Ok(credential);
        }
    }
    let what = Issue {
        name: Name::parse(EDITOR)?,
        role: Role::Editor,
        rights: None,
        expires_at: kept.is_none().then(|| now + TimeDelta::days(1)),
    };
    let credential = issue(db, now, what).await?.credential;
    if let Some(file) = kept {
        keep(file, &credential).with_context(|| format!("could not write {}", file.display()))?;
    }
    Ok(credential)
}

/// Who writes in the demo.
const EDITOR: &str = "محرر التجربة";

async fn counts(db: &Db, now: DateTime<Utc>, credential: &Credential) -> anyhow::Result<bool> {
    let key = ByHash(credential.hash());
    let found = ByHash::fetch(&db.reader(Scope::reader(now)), std::slice::from_ref(&key)).await?;
    Ok(found.get(&key).is_some_and(|named| named.token.counts(now)))
}

/// Writes it where nobody else may read it.
fn keep(file: &Path, credential: &Credential) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file)?;
    // One that was there keeps what it had.
    #[cfg(unix)]
    open.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    writeln!(open, "{}", credential.as_str())
}
