//! A temporary PostgreSQL cluster, one per test process. It is removed when the process ends.

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

/// The PostgreSQL cluster of this process.
struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    /// Pipe that keeps the cluster running while it is open. The operating system closes it however
    /// the process ends.
    _life: ChildStdin,
}

/// The outcome of starting the cluster. `Absent` holds the reason why PostgreSQL is not available.
enum Started {
    Ready(Cluster),
    Absent(String),
}

static STARTED: OnceLock<Result<Started, String>> = OnceLock::new();
static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static MADE: AtomicUsize = AtomicUsize::new(0);

/// Creates a migrated database and returns its URL, or the reason why PostgreSQL is not available on
/// this machine.
pub(super) async fn database() -> anyhow::Result<Result<String, String>> {
    let started =
        tokio::task::spawn_blocking(|| STARTED.get_or_init(|| start().map_err(message_of)));
    let cluster = match started.await? {
        Ok(Started::Ready(cluster)) => cluster,
        Ok(Started::Absent(why)) => return Ok(Err(why.clone())),
        Err(why) => bail!("could not start PostgreSQL: {why}"),
    };
    // Migrations run once, and every test gets a copy.
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

/// Runs a statement with `psql` and returns its output. Fails if this process has no cluster.
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
        // A Ctrl-C in the terminal must stop only the tests, because the supervisor has to clean up.
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
fn message_of(error: anyhow::Error) -> String {
    format!("{error:#}")
}
