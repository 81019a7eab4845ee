//! The built program as a separate process, which tests start, query, freeze and kill.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;

/// The maximum duration of one step of a test.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// The number of most recent log lines retained for tests.
const LOG_LINES: usize = 2_000;

/// A builder for starting the program.
pub(crate) struct Launch {
    database: String,
    command: &'static str,
    settings: Vec<(String, String)>,
    prefix: Vec<String>,
}

impl Launch {
    /// Creates a launch of `khabar serve` with the given database and the default settings.
    pub(crate) fn over(database: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            command: "serve",
            settings: Vec::new(),
            prefix: Vec::new(),
        }
    }

    /// Creates a launch of `khabar demo`, which has its own database.
    pub(crate) fn demo() -> Self {
        Self {
            command: "demo",
            ..Self::over("")
        }
    }

    /// Sets a configuration value by its dotted key, as in `khabar.toml`: `cache.max_bytes`.
    #[must_use]
    pub(crate) fn set(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        let name = format!("KHABAR_{}", key.to_uppercase().replace('.', "__"));
        self.settings.push((name, value.to_string()));
        self
    }

    /// Runs the program through another one, such as
    /// `["sh", "-c", "ulimit -n 64; exec \"$@\"", "-"]`.
    #[must_use]
    pub(crate) fn through(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Builds a `khabar` command with these arguments and settings, to be run in `folder`.
    pub(crate) fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_khabar").to_owned();
        let mut words = self.prefix.iter().cloned().chain([program]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(arguments).current_dir(folder);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KHABAR_")) {
            command.env_remove(name);
        }
        if !self.database.is_empty() {
            command.env("KHABAR_DATABASE", &self.database);
        }
        command
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts the server and waits until it prints its address.
    pub(crate) async fn start(self) -> anyhow::Result<Server> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(folder.path(), &[self.command, "--listen", "127.0.0.1:0"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start khabar")?;
        let log = Log::default();
        let errors = child.stderr.take().context("no standard error")?;
        tokio::spawn(log.clone().follow(BufReader::new(errors)));
        let out = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let address = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, rest)) = line.split_once("http://")
                    && let Some(address) = rest.strip_suffix("/graphql")
                {
                    return Ok(address.parse()?);
                }
            }
            bail!("the server ended without serving: {:?}", log.lines())
        };
        let address = tokio::time::timeout(DEADLINE, address)
            .await
            .context("the server does not start")??;
        // Keeps reading, because a full pipe would block the program.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Server {
            child,
            address,
            client: Client::new(address)?,
            log,
            _folder: folder,
        })
    }

    /// Runs a command to completion. Returns whether it succeeded, its standard output and its standard
    /// error.
    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<(bool, String, String)> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(folder.path(), arguments);
        let output = tokio::time::timeout(DEADLINE, command.output());
        let output = output.await.context("the command does not end")??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        ))
    }
}

/// A running server, killed on drop.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    pub(crate) log: Log,
    _folder: TempDir,
}

impl Server {
    /// Returns the process id.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Sends a signal by name: `TERM`, `STOP` or `CONT`.
    pub(crate) async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.pid()?.to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status()
            .await?;
        ensure!(sent.success(), "could not send SIG{name} to {pid}");
        Ok(())
    }

    /// Sends SIGKILL and waits until the process has ended.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until the process ends. Returns its exit code, or `None` if a signal killed it.
    pub(crate) async fn ended(&mut self, within: Duration) -> anyhow::Result<Option<i32>> {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        Ok(ended.context("the server goes on")??.code())
    }

    /// Returns the resident memory in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    /// Returns the peak resident memory in bytes.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, of: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find(|line| line.starts_with(of));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        let kilobytes: u64 = kilobytes.with_context(|| format!("no {of}"))?.parse()?;
        Ok(kilobytes * 1_024)
    }
}

/// The most recent lines of the server's log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    async fn follow(self, mut errors: BufReader<tokio::process::ChildStderr>) {
        let mut line = Vec::new();
        while let Ok(1..) = errors.read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LOG_LINES {
                lines.pop_front();
            }
            lines.push_back(text);
            line.clear();
        }
    }

    /// Returns the lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    /// Returns whether any line contains these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.lines().iter().any(|line| line.contains(words))
    }
}
