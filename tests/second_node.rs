//! The second process of `writing/integrity/consistency.rs`. It serves a newsroom that other processes write
//! to, through a cache whose steps are delayed at random, until its standard input is closed.

#[path = "writing/integrity/fault_injection.rs"]
mod fault_injection;

use std::io::{self, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use khabar_domain::clock::FixedClock;
use khabar_persistence::{Db, Options};
use khabar_server::config::Settings;
use khabar_server::{http, router};
use khabar_tests::harness::newsroom;
use tokio::net::TcpListener;

use self::fault_injection::{Meddler, Mistake};

/// Size of the cache in bytes.
const KEEPS: usize = 64 << 20;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("which database?")?;
    let seed = arguments.next().context("which seed?")?.parse()?;
    khabar_server::runtime::runtime()?.block_on(serve(&url, seed))
}

async fn serve(url: &str, seed: u64) -> anyhow::Result<()> {
    let db = Db::open(&Options::new(url)).await?.caching(KEEPS).await?;
    let cache = db.cache().context("no cache")?;
    cache.meddle(Meddler::new(seed, Mistake::None));
    let mut settings = Settings::default();
    // The limit used by the tests that compare its answers.
    settings.limits.complexity = 1_000_000;
    let clock = Arc::new(FixedClock(newsroom::now()));
    let router = router::routes(&settings, db, clock)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let ends = async {
        let read = || io::copy(&mut io::stdin(), &mut io::sink());
        // End of input and a read error both stop the server.
        let _ = tokio::task::spawn_blocking(read).await;
    };
    http::serve(listener, router, settings.http, ends).await?;
    Ok(())
}
