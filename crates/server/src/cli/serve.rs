//! `khabar serve`: the server, until it is told to stop.

use std::time::Duration;

use anyhow::Context;
use khabar_domain::Credential;
use khabar_persistence::Db;
use tokio::net::TcpListener;

use super::{database, say};
use crate::config::Settings;
use crate::{router, shutdown};

pub(super) async fn serve(settings: Settings) -> anyhow::Result<()> {
    let db = database::open_to_serve(&settings).await?;
    run(settings, db, "Khabar is serving", None).await
}

/// Listens, says where, and serves until the process is told to stop. A token that is said is one
/// to try the server with.
pub(super) async fn run(
    settings: Settings,
    db: Db,
    greeting: &str,
    token: Option<&Credential>,
) -> anyhow::Result<()> {
    let lease = Duration::from_millis(settings.cache.lease_ms);
    let db = db.caching_for(settings.cache.bytes, lease).await?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("could not listen on {}", settings.listen))?;
    let address = listener
        .local_addr()
        .context("could not learn the address")?;
    say(format_args!(
        "{greeting}\n  GraphQL     http://{address}/graphql"
    ));
    if settings.playground {
        say(format_args!("  Playground  http://{address}/playground"));
    }
    if let Some(token) = token.map(Credential::as_str) {
        say(format_args!(
            "  An editor's token, to write with: open the playground's Headers pane and put\n  \
             {{\"Authorization\": \"Bearer {token}\"}}"
        ));
    }
    router::serve(listener, &settings, db, shutdown::signal()).await
}
