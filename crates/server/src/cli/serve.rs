//! `khabar serve`: running the server until it receives a stop signal.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;
use khabar_domain::Credential;
use khabar_persistence::Db;
use tokio::net::TcpListener;

use super::{database, print_banner};
use crate::config::Settings;
use crate::{http, router, shutdown};

pub(super) async fn serve(settings: Settings) -> anyhow::Result<()> {
    let db = database::open_to_serve(&settings).await?;
    run(settings, db, "Khabar is serving", None).await
}

/// Binds the listener, prints the server's URLs, and serves until the process receives a stop signal.
/// If `token` is given, it is printed too, for trying out the API.
pub(super) async fn run(
    settings: Settings,
    db: Db,
    greeting: &str,
    token: Option<&Credential>,
) -> anyhow::Result<()> {
    http::raise_limit();
    let lease = Duration::from_millis(settings.cache.lease_ms);
    let db = db.caching_for(settings.cache.max_bytes, lease).await?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("could not listen on {}", settings.listen))?;
    let address = listener
        .local_addr()
        .context("could not learn the address")?;
    let mut banner = format!("{greeting}\n  GraphQL     http://{address}/graphql");
    if settings.playground {
        let _ = write!(banner, "\n  Playground  http://{address}/playground");
    }
    if let Some(token) = token.map(Credential::as_str) {
        let _ = write!(
            banner,
            "\n  An editor's token, to write with: open the playground's Headers pane and put\n  \
             {{\"Authorization\": \"Bearer {token}\"}}"
        );
    }
    let grace = Duration::from_millis(settings.http.shutdown_grace_ms);
    let shutdown = shutdown::signal(grace);
    print_banner(banner);
    router::serve(listener, &settings, db, shutdown).await
}
