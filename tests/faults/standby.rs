//! A streaming-replication standby of the test PostgreSQL cluster. Tests can pause, stop and promote it.

use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use khabar_tests::harness::{TestDb, until};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A running standby, stopped and deleted on drop.
pub(crate) struct Standby {
    folder: String,
    port: u16,
    database: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _supervisor: Child,
}

impl Standby {
    /// Starts a standby of the cluster of this database.
    pub(crate) async fn of(db: &TestDb) -> anyhow::Result<Self> {
        Self::start(db, 5432, "").await
    }

    /// Starts a standby that also listens on this port of the loopback address.
    pub(crate) async fn on_port(db: &TestDb, port: u16) -> anyhow::Result<Self> {
        let options = format!("-c listen_addresses=127.0.0.1 -c port={port}");
        Self::start(db, port, &options).await
    }

    async fn start(db: &TestDb, port: u16, options: &str) -> anyhow::Result<Self> {
        let (address, primary) = db.url().split_once("?host=").context("no socket")?;
        let (_, database) = address.rsplit_once('/').context("no database")?;
        let mut supervisor = Command::new("sh")
            .args(["-c", include_str!("standby.sh"), "sh", primary, options])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("could not run sh")?;
        let input = supervisor.stdin.take().context("no input")?;
        let output = supervisor.stdout.take().context("no output")?;
        let mut output = BufReader::new(output).lines();
        let line = output.next_line().await?.unwrap_or_default();
        let Some(("ready", folder)) = line.split_once(' ') else {
            bail!("no standby: {line:?}");
        };
        Ok(Self {
            folder: folder.to_owned(),
            port,
            database: database.to_owned(),
            input,
            output,
            _supervisor: supervisor,
        })
    }

    /// Returns the URL of the database on the standby.
    pub(crate) fn url(&self) -> String {
        let Self {
            database,
            folder,
            port,
            ..
        } = self;
        format!("postgres://khabar@localhost:{port}/{database}?host={folder}")
    }

    /// Returns the folder of the data directory and the socket.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Sends a command to the standby: `stop` stops it immediately, `start` starts it again.
    pub(crate) async fn tell(&mut self, word: &str) -> anyhow::Result<()> {
        self.input.write_all(format!("{word}\n").as_bytes()).await?;
        let done = self.output.next_line().await?;
        ensure!(done.as_deref() == Some("done"), "{done:?}");
        Ok(())
    }

    /// Pauses replication. Returns the connection information for [`Standby::catch_up`].
    pub(crate) async fn hold_back(&self) -> anyhow::Result<String> {
        let from = self.ask("SHOW primary_conninfo").await?;
        self.ask("ALTER SYSTEM SET primary_conninfo = ''").await?;
        self.ask("SELECT pg_reload_conf()").await?;
        until("it receives nothing", || async {
            let receivers = self.ask("SELECT count(*) FROM pg_stat_wal_receiver");
            Ok(receivers.await?.trim() == "0")
        })
        .await?;
        Ok(from.trim().to_owned())
    }

    /// Resumes replication, so that the standby receives the missing changes.
    pub(crate) async fn catch_up(&self, from: &str) -> anyhow::Result<()> {
        let from = from.replace('\'', "''");
        self.ask(&format!("ALTER SYSTEM SET primary_conninfo = '{from}'"))
            .await?;
        self.ask("SELECT pg_reload_conf()").await?;
        Ok(())
    }

    /// Promotes the standby to a primary.
    pub(crate) async fn promote(&self) -> anyhow::Result<()> {
        let promoted = self.ask("SELECT pg_promote()").await?;
        ensure!(promoted.trim() == "t", "{promoted}");
        Ok(())
    }

    /// Returns the sequence number of the last change on the standby.
    pub(crate) async fn head(&self) -> anyhow::Result<i64> {
        let head = self.ask("SELECT seq FROM change_head").await?;
        Ok(head.trim().parse()?)
    }

    /// Runs an SQL statement on the standby and returns its output.
    pub(crate) async fn ask(&self, statement: &str) -> anyhow::Result<String> {
        let output = Command::new("psql")
            .args(["-X", "-A", "-t", "-c", statement, &self.url()])
            .output()
            .await
            .context("could not run psql")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{statement}: {error}");
        Ok(String::from_utf8(output.stdout)?)
    }
}
