//! The server under the storm: the `khabar` command beside this program.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_domain::{Name, Role};
use khabar_persistence::Db;
use khabar_server::identity::{Issue, issue};
use serde_json::{Value, json};

use crate::load::{self, Connection};

pub(super) struct Server {
    address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts it over a database.
    pub(super) async fn start(url: &str, listen: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let folder = program.parent().and_then(|folder| folder.parent());
        let khabar = folder.context("this program lies nowhere")?.join("khabar");
        let mut command = Command::new(&khabar);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KHABAR_")) {
            command.env_remove(name);
        }
        let mut child = command
            .args(["serve", "--listen", listen, "--database", url])
            // All readers come from this machine.
            .env("KHABAR_HTTP__CONNECTIONS_PER_ADDRESS", "4096")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("could not start {}", khabar.display()))?;
        let Some(output) = child.stdout.take() else {
            bail!("the server says nothing")
        };
        let said = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.find_map(|line| {
                let address = line.split("http://").nth(1)?.strip_suffix("/graphql")?;
                address.parse().ok()
            })
        });
        let address = said.await?.context("the server did not start")?;
        Ok(Self { address, child })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it at once, as a machine that is switched off does.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it where it was.
    pub(super) async fn again(&self, url: &str) -> anyhow::Result<Self> {
        Self::start(url, &self.address.to_string()).await
    }

    /// Asks as a reader.
    pub(super) async fn ask(&self, query: &str) -> anyhow::Result<Value> {
        let body = json!({ "query": query }).to_string();
        let mut connection = Connection::open(self.address).await?;
        connection.exchange(&load::post("/graphql", &body)).await?;
        Ok(serde_json::from_slice(connection.body())?)
    }

    /// How many statements operations have taken since it started.
    pub(super) async fn statements(&self) -> anyhow::Result<u64> {
        let mut connection = Connection::open(self.address).await?;
        connection.exchange(&load::get("/metrics")).await?;
        let text = std::str::from_utf8(connection.body())?;
        let lines = text.lines();
        let samples = lines.filter(|line| line.starts_with("khabar_statements_total{"));
        Ok(samples
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
            .sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.stop();
    }
}

/// A token to write with.
pub(super) async fn editors_token(db: &Db) -> anyhow::Result<String> {
    let now = SystemClock.now();
    let what = Issue {
        name: Name::parse("storm")?,
        role: Role::Editor,
        rights: None,
        expires_at: Some(now + TimeDelta::days(1)),
    };
    Ok(issue(db, now, what).await?.credential.as_str().to_owned())
}
