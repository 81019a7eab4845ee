//! The server under the storm: the `khabar` command in the directory above that of this program.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_domain::{Name, Role};
use khabar_persistence::Db;
use khabar_service::auth::{Issue, issue};
use serde_json::{Value, json};

use crate::load::{self, Connection};

pub(super) struct Server {
    address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts a server on a database.
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
            // All readers connect from one address.
            .env("KHABAR_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "4096")
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

    /// Kills the server at once, as when a machine is switched off.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts the server again, on its previous address.
    pub(super) async fn again(&self, url: &str) -> anyhow::Result<Self> {
        Self::start(url, &self.address.to_string()).await
    }

    /// Executes a query as an anonymous reader.
    pub(super) async fn ask(&self, query: &str) -> anyhow::Result<Value> {
        let body = json!({ "query": query }).to_string();
        let mut connection = Connection::open(self.address).await?;
        connection.exchange(&load::post("/graphql", &body)).await?;
        Ok(serde_json::from_slice(connection.body())?)
    }

    /// Returns the number of SQL statements executed by operations since the server started.
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
        // The server may have exited already.
        let _ = self.stop();
    }
}

/// Issues a token with the role of an editor, valid for one day.
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
