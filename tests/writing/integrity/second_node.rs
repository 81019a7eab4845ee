//! Another process that serves the same newsroom.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use khabar_domain::clock::FixedClock;
use khabar_persistence::{Db, Options};
use khabar_server::config::Settings;
use khabar_server::{http, router};
use khabar_tests::harness::process::{Process, report, role};
use khabar_tests::harness::{MAX_WAIT, TestApp, newsroom};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

use super::random_delays::RandomDelays;
use crate::high_limits;

/// Size of the cache in bytes.
const CACHE: usize = 64 << 20;

/// The running process. Dropping this value stops it.
pub(super) struct SecondNode {
    _process: Process,
    address: SocketAddr,
}

impl SecondNode {
    /// Starts the process on the database of an app, with the steps of its cache delayed at random.
    pub(super) async fn start(app: &TestApp, seed: u64) -> anyhow::Result<Self> {
        let (sender, mut reports) = unbounded_channel();
        let arguments = [app.db().url(), &seed.to_string()];
        let process = Process::start("integrity::second_node::serves", &arguments, 0, sender)?;
        let first = tokio::time::timeout(MAX_WAIT, reports.recv()).await;
        let first = first.context("the second node does not start")?;
        let Some(address) = first.and_then(|report| report.line) else {
            bail!("the second node ended without serving");
        };
        Ok(Self {
            _process: process,
            address: address.parse()?,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Entry point of the process: serves until it is killed. In an ordinary test run, it does nothing.
#[test]
fn serves() -> anyhow::Result<()> {
    let Some(arguments) = role()? else {
        return Ok(());
    };
    let [url, seed] = arguments.as_slice() else {
        bail!("a database and a seed are expected: {arguments:?}");
    };
    khabar_server::runtime::runtime()?.block_on(serve(url, seed.parse()?))
}

async fn serve(url: &str, seed: u64) -> anyhow::Result<()> {
    let db = Db::open(&Options::new(url)).await?.caching(CACHE).await?;
    let cache = db.cache().context("no cache")?;
    cache.install_failpoints(RandomDelays::new(seed));
    let settings = Settings {
        limits: high_limits(),
        ..Settings::default()
    };
    let clock = Arc::new(FixedClock(newsroom::now()));
    let router = router::routes(&settings, db, clock)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    report(format_args!("{}", listener.local_addr()?))?;
    http::serve(listener, router, settings.http, std::future::pending()).await?;
    Ok(())
}
