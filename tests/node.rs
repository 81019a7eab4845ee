//! Tests that need Node, on the real server with the demo newsroom. They run every audit of the GraphQL
//! over HTTP specification, and browser tests: the playground driven by keyboard, and pages from other
//! origins.
//!
//! Needs `node`, `npm ci` in `tests/node` and, for the browser tests, Chromium (path in `CHROMIUM`, by
//! default `/usr/bin/chromium`). A test is skipped if a requirement is missing. With
//! `KHABAR_REQUIRE_ALL=1` it fails instead.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use chrono::{TimeZone as _, Utc};
use khabar_domain::{Credential, Name, Role};
use khabar_persistence::{Db, Options, migration};
use khabar_server::config::Settings;
use khabar_server::{demo, router};
use khabar_service::auth::{Issue, issue};
use khabar_tests::harness::skip;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Headline of the lead article on the demo's front page.
const HEADLINE: &str = "أول سفينة حاويات ترسو في ميناء مرسى النور بعد ثلاث سنوات من التوسعة";

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_graphql_over_http_passes() -> anyhow::Result<()> {
    if let Some(missing) = missing(&[modules()]).await {
        return skip(&missing);
    }
    let server = Server::start().await?;
    let report = run("audits.mjs", &[&server.url("/graphql")]).await?;
    ensure!(report.ends_with("61 passed, 0 failed\n"), "{report}");
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_is_usable_by_keyboard() -> anyhow::Result<()> {
    if let Some(missing) = missing(&[modules(), chromium()]).await {
        return skip(&missing);
    }
    let server = Server::start().await?;
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("playground.png");
    let picture = picture
        .to_str()
        .context("the target folder's name is not UTF-8")?;
    let report = run("playground.mjs", &[&server.url("/"), HEADLINE, picture]).await?;
    ensure!(report.ends_with(&format!("found {HEADLINE}\n")), "{report}");
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_origins_can_use_the_api_in_a_browser() -> anyhow::Result<()> {
    if let Some(missing) = missing(&[modules(), chromium()]).await {
        return skip(&missing);
    }
    let mut settings = Settings::default();
    settings.http.cors.origins = vec!["loopback".to_owned()];
    let (server, token) = Server::start_with(settings).await?;
    let report = run("cors.mjs", &[&server.url("/graphql"), token.as_str()]).await?;
    ensure!(report.ends_with("5 passed, 0 failed\n"), "{report}");
    server.stop().await?;

    // No other origin is allowed by default, so the page fails.
    let server = Server::start().await?;
    let report = run("cors.mjs", &[&server.url("/graphql"), token.as_str()]).await;
    let failed = format!("{:#}", report.err().context("a page got through")?);
    ensure!(failed.contains("1 passed, 4 failed\n"), "{failed}");
    server.stop().await
}

/// The server as started by `khabar demo`, on its own port.
struct Server {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

impl Server {
    async fn start() -> anyhow::Result<Self> {
        Ok(Self::start_with(Settings::default()).await?.0)
    }

    /// Starts the server with these settings, and returns it with an editor's token.
    async fn start_with(settings: Settings) -> anyhow::Result<(Self, Credential)> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("demo.db");
        let db = Db::open(&Options::new(format!("sqlite:{}", file.display())).create()).await?;
        migration::up(&db).await?;
        let opened = Utc
            .with_ymd_and_hms(2025, 3, 1, 9, 0, 0)
            .single()
            .context("no such hour")?;
        demo::fill(&db, opened).await?;
        let editor = Issue {
            name: Name::parse("ليلى")?,
            role: Role::Editor,
            rights: None,
            expires_at: None,
        };
        let token = issue(&db, opened, editor).await?.credential;

        let db = db.caching(settings.cache.max_bytes).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            let stopped = async {
                // Dropping the sender stops the server as well.
                let _ = stopped.await;
            };
            router::serve(listener, &settings, db, stopped).await
        });
        let server = Self {
            address,
            stop,
            running,
            _folder: folder,
        };
        Ok((server, token))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn stop(self) -> anyhow::Result<()> {
        // If the server has already stopped, the join below returns the reason.
        let _ = self.stop.send(());
        self.running.await?
    }
}

/// Runs a script to completion and returns its output. On failure the output is in the error.
async fn run(script: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("node")
        .arg(scripts().join(script))
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .context("could not run node")?;
    let mut report = String::from_utf8_lossy(&output.stderr).into_owned();
    report.push_str(&String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "{script}:\n{report}");
    Ok(report)
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node")
}

fn modules() -> PathBuf {
    scripts().join("node_modules/graphql-http")
}

fn chromium() -> PathBuf {
    std::env::var_os("CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from)
}

/// Returns the first requirement that is missing on this machine, if any.
async fn missing(paths: &[PathBuf]) -> Option<String> {
    let node = Command::new("node").arg("--version").output().await;
    if !node.is_ok_and(|output| output.status.success()) {
        return Some("node is missing".to_owned());
    }
    paths
        .iter()
        .find(|path| !path.exists())
        .map(|path| format!("{} is missing", path.display()))
}
