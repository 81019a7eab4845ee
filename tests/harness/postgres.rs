//! A throwaway PostgreSQL cluster: one for each process of tests, gone when the process is.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail, ensure};
use khabar_persistence::{Db, Options, migration};
use tokio::sync::OnceCell;

/// The cluster of this process.
struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    /// While this is open, the cluster lives; the system closes it however the process ends.
    _life: ChildStdin,
}

/// What became of starting it.
enum Started {
    Ready(Cluster),
    Absent(String),
}

static STARTED: OnceLock<Result<Started, String>> = OnceLock::new();
static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A new migrated database's address, or why there can be none on this machine.
pub(super) async fn database() -> anyhow::Result<Result<String, String>> {
    let started = tokio::task::spawn_blocking(|| STARTED.get_or_init(|| start().map_err(said)));
    let cluster = match started.await? {
        Ok(Started::Ready(cluster)) => cluster,
        Ok(Started::Absent(why)) => return Ok(Err(why.clone())),
        Err(why) => bail!("could not start PostgreSQL: {why}"),
    };
    // Migrated once; every test gets a copy.
    let template = TEMPLATE
        .get_or_try_init(|| async {
            let name = cluster.create(&[]).await?;
            let db = Db::open(&Options::new(cluster.url(&name))).await?;
            migration::up(&db).await?;
            db.close().await?;
            anyhow::Ok(name)
        })
        .await?;
    let name = cluster.create(&["-T", template]).await?;
    Ok(Ok(cluster.url(&name)))
}

/// What a statement answers, by `psql`.
pub(super) async fn psql(url: &str, statement: &str) -> anyhow::Result<String> {
    let Some(Ok(Started::Ready(cluster))) = STARTED.get() else {
        bail!("there is no PostgreSQL of this process");
    };
    let output = tokio::process::Command::new(cluster.programs.join("psql"))
        .args(["-X", "-A", "-t", "-c", statement, url])
        .output()
        .await
        .context("could not run psql")?;
    ensure!(
        output.status.success(),
        "{statement}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

impl Cluster {
    async fn create(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        let output = tokio::process::Command::new(self.programs.join("createdb"))
            .args(["-U", "khabar", "-h"])
            .arg(&self.folder)
            .args(["-p", "5432"])
            .args(arguments)
            .arg(&name)
            .output()
            .await
            .context("could not run createdb")?;
        ensure!(
            output.status.success(),
            "could not create a database: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(name)
    }

    fn url(&self, name: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://khabar@localhost:5432/{name}?host={folder}")
    }
}

fn start() -> anyhow::Result<Started> {
    let mut supervisor = Command::new("sh")
        .args(["-c", include_str!("postgres.sh")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A Ctrl-C in the terminal is for the tests; the supervisor then still has to clean up.
        .process_group(0)
        .spawn()
        .context("could not run sh")?;
    let life = supervisor.stdin.take().context("sh has no input")?;
    let output = supervisor.stdout.take().context("sh has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    match line.trim_end().split_once(' ') {
        Some(("ready", folder)) => {
            let folder = PathBuf::from(folder);
            let programs = fs::read_to_string(folder.join("bin"))?;
            Ok(Started::Ready(Cluster {
                programs: programs.trim_end().into(),
                folder,
                _life: life,
            }))
        }
        Some(("absent", why)) => Ok(Started::Absent(why.to_owned())),
        _ => bail!("{line:?}"),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in `map_err`, which passes by value"
)]
fn said(error: anyhow::Error) -> String {
    format!("{error:#}")
}
