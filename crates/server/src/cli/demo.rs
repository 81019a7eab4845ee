//! `khabar demo`: a server with sample content.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_domain::{Credential, Name, Role, Scope};
use khabar_persistence::token::ByHash;
use khabar_persistence::{BatchKey as _, Db, migration};

use super::{ServeArgs, database, serve};
use crate::config::Settings;
use crate::http::LOOPBACK;
use khabar_service::auth::{Issue, issue};

/// Serve a demo newsroom with sample stories and articles, in a separate database.
#[derive(Clone, Debug, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    args: ServeArgs,
    /// Folder for the demo's database [default: a temporary folder, removed on exit]
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    data: Option<PathBuf>,
}

impl Demo {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        self.args.clone().flags()
    }
}

pub(super) async fn demo(demo: Demo, mut settings: Settings) -> anyhow::Result<()> {
    let mut temporary = None;
    let mut token_file = None;
    if demo.args.database.database.is_none() {
        let folder = if let Some(folder) = demo.data {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("could not make the folder {}", folder.display()))?;
            token_file = Some(folder.join("editor.token"));
            folder
        } else {
            let created = tempfile::tempdir().context("could not make a temporary folder")?;
            temporary.insert(created).path().to_owned()
        };
        settings.database = format!("sqlite:{}", folder.join("demo.db").display());
        settings.replicas.clear();
    }
    if settings.http.cors.origins.is_empty() {
        // An app under development usually runs on another port of this machine.
        settings.http.cors.origins.push(LOOPBACK.to_owned());
    }
    let db = database::connect_to_serve(&settings, true).await?;
    migration::up(&db).await?;
    let now = SystemClock.now();
    crate::demo::fill(&db, now).await?;
    let token = editor(&db, now, token_file.as_deref()).await?;
    let greeting = "Khabar's demo newsroom is open";
    serve::run(settings, db, greeting, Some(&token)).await?;
    if let Some(temporary) = temporary {
        temporary
            .close()
            .context("could not remove the temporary folder")?;
    }
    Ok(())
}

/// Returns an editor's token. If the demo's folder is permanent (`--data`), the token is stored there and
/// reused, so that it remains valid in browser tabs that use it. Otherwise a new token is issued, which
/// expires after a day.
async fn editor(
    db: &Db,
    now: DateTime<Utc>,
    token_file: Option<&Path>,
) -> anyhow::Result<Credential> {
    if let Some(file) = token_file.filter(|file| file.exists()) {
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
        expires_at: token_file.is_none().then(|| now + TimeDelta::days(1)),
    };
    let credential = issue(db, now, what).await?.credential;
    if let Some(file) = token_file {
        write_token_file(file, &credential)
            .with_context(|| format!("could not write {}", file.display()))?;
    }
    Ok(credential)
}

/// The name of the editor whose token the demo issues.
const EDITOR: &str = "محرر التجربة";

async fn counts(db: &Db, now: DateTime<Utc>, credential: &Credential) -> anyhow::Result<bool> {
    let key = ByHash(credential.hash());
    let found = ByHash::fetch(&db.reader(Scope::reader(now)), std::slice::from_ref(&key)).await?;
    Ok(found.get(&key).is_some_and(|named| named.token.counts(now)))
}

/// Writes the token to a file that only its owner can read.
fn write_token_file(file: &Path, credential: &Credential) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file)?;
    // The mode given at opening applies to new files only.
    #[cfg(unix)]
    open.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    writeln!(open, "{}", credential.as_str())
}
