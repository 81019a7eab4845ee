//! `khabar cache`: showing the cache statistics of a running server, and clearing the caches.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use clap::{Args, Subcommand};
use http_body_util::{BodyExt as _, Limited};
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_persistence::{Author, change};

use super::{Database, database, print};
use crate::config::Settings;
use crate::http::client;

/// Show the cache statistics of a running server, or clear the caches of all servers
#[derive(Clone, Debug, Args)]
pub(super) struct Cache {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Print cache hits and misses, the current size, and invalidations by cause
    Stats {
        /// Base URL of the server [default: the listening address in the configuration]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Clear the caches of every server of this database, and every cache that they purge. Use this after
    /// changing the database by hand
    Clear {
        #[command(flatten)]
        database: Database,
    },
}

impl Cache {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        match &self.command {
            Command::Stats { .. } => Vec::new(),
            Command::Clear { database } => database.clone().flags(),
        }
    }
}

/// Maximum number of bytes to read from `/metrics`. The metrics of a busy server are smaller.
const MOST_BYTES: usize = 4 * 1024 * 1024;

pub(super) async fn cache(cache: Cache, settings: Settings) -> anyhow::Result<()> {
    match cache.command {
        Command::Stats { url } => stats(url, &settings).await,
        Command::Clear { .. } => clear(&settings).await,
    }
}

/// Clears all caches through the change feed, which every server follows. Requires only write access to
/// the database.
async fn clear(settings: &Settings) -> anyhow::Result<()> {
    let db = database::open(settings).await?;
    let author = Author::command("cache clear");
    let mut writer = db.writer(SystemClock.now()).await?.signed(author);
    change::clear_caches(&mut writer);
    writer.commit().await?;
    db.close().await?;
    print("every server of this database clears its cache as soon as it has read the change feed");
    Ok(())
}

async fn stats(url: Option<String>, settings: &Settings) -> anyhow::Result<()> {
    let listen = settings.metrics_listener()?.unwrap_or(settings.listen);
    let base = url.unwrap_or_else(|| format!("http://{listen}"));
    let url = format!("{}/metrics", base.trim_end_matches('/'));
    let text = fetch(&url)
        .await
        .with_context(|| format!("could not read {url}"))?;
    print(table(&Samples::read(&text)).trim_end());
    Ok(())
}

async fn fetch(url: &str) -> anyhow::Result<String> {
    let request = Request::get(url).body(Body::empty())?;
    let response = client()?.request(request).await?;
    let status = response.status();
    ensure!(status == StatusCode::OK, "the answer's status is {status}");
    let body = Limited::new(response.into_body(), MOST_BYTES).collect();
    let body = body.await.map_err(anyhow::Error::from_boxed)?.to_bytes();
    String::from_utf8(body.into()).context("it is not text")
}

/// Samples in the Prometheus exposition format, by metric name. Each is a pair of label text and value.
struct Samples<'a>(BTreeMap<&'a str, Vec<(&'a str, u64)>>);

impl<'a> Samples<'a> {
    /// Parses the samples whose values are whole numbers. All samples used here are, so others are skipped.
    fn read(text: &'a str) -> Self {
        let mut samples: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(value) = value.parse() else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}');
            samples.entry(name).or_default().push((labels, value));
        }
        Self(samples)
    }

    fn of(&self, name: &str) -> &[(&'a str, u64)] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a metric that has a single sample.
    fn only(&self, name: &str) -> Option<u64> {
        self.of(name).first().map(|(_, value)| *value)
    }

    /// The value of the sample with this `kind` label, or 0 if there is none.
    fn kind(&self, name: &str, kind: &str) -> u64 {
        let label = format!("kind=\"{kind}\"");
        let found = self.of(name).iter().find(|(labels, _)| *labels == label);
        found.map_or(0, |(_, value)| *value)
    }
}

/// Formats the samples as a human-readable table.
fn table(samples: &Samples<'_>) -> String {
    let mut out = String::new();
    if samples.only("khabar_cache_entries").is_none() {
        return "The server has no cache.".to_owned();
    }
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{:<16}{:>12}{:>12}{:>8}{:>12}",
        "", "hits", "misses", "rate", "stale"
    );
    for (kind, shown) in [("responses", "responses"), ("entities", "entities")] {
        let [hits, misses, stale] = ["hits", "misses", "stale_inserts"]
            .map(|what| samples.kind(&format!("khabar_cache_{what}_total"), kind));
        let rate = (hits * 100)
            .checked_div(hits + misses)
            .map_or("-".to_owned(), |rate| format!("{rate} %"));
        let _ = writeln!(out, "{shown:<16}{hits:>12}{misses:>12}{rate:>8}{stale:>12}");
    }
    let referred = samples.kind("khabar_cache_hits_total", "reference");
    let _ = writeln!(out, "{:<16}{referred:>12}", "reference data");
    let number = |name| samples.only(name).unwrap_or_default();
    let _ = writeln!(
        out,
        "\n{} entries in {:.1} MB; flushed {} times",
        number("khabar_cache_entries"),
        megabytes(number("khabar_cache_size_bytes")),
        number("khabar_cache_flushed_total"),
    );
    if let (Some(place), lag) = (
        samples.only("khabar_feed_position"),
        number("khabar_feed_lag_changes"),
    ) {
        let _ = writeln!(out, "change feed read up to {place}, {lag} changes behind");
    } else {
        let _ = writeln!(out, "the change feed cannot be read; the cache is not used");
    }
    let mut dropped = samples.of("khabar_cache_invalidated_total").to_vec();
    dropped.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    if !dropped.is_empty() {
        let _ = writeln!(out, "\ninvalidated by changes of:");
    }
    for (labels, count) in dropped {
        let kind: Vec<_> = labels.split('"').skip(1).step_by(2).collect();
        let kind = kind.join(":");
        let _ = writeln!(out, "{count:>12}  {}", kind.trim_end_matches(':'));
    }
    out
}

#[expect(
    clippy::cast_precision_loss,
    reason = "it is shown with one digit after the point"
)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_print_the_counters() {
        let text = "# HELP khabar_cache_hits What.\n\
                    khabar_cache_hits_total{kind=\"responses\"} 3\n\
                    khabar_cache_misses_total{kind=\"responses\"} 1\n\
                    khabar_cache_hits_total{kind=\"reference\"} 12\n\
                    khabar_cache_invalidated_total{entity=\"article\",facet=\"\"} 2\n\
                    khabar_cache_invalidated_total{entity=\"section\",facet=\"articles\"} 7\n\
                    khabar_cache_entries 5\n\
                    khabar_cache_size_bytes 2600000\n\
                    khabar_cache_flushed_total 0\n\
                    khabar_feed_position 9\n\
                    khabar_feed_lag_changes 2\n\
                    # EOF\n";
        let table = table(&Samples::read(text));
        for line in [
            "responses                  3           1    75 %           0",
            "entities                   0           0       -           0",
            "reference data            12",
            "5 entries in 2.6 MB; flushed 0 times",
            "change feed read up to 9, 2 changes behind",
            "           7  section:articles\n           2  article",
        ] {
            assert!(table.contains(line), "{line}\n{table}");
        }
    }

    #[test]
    fn stats_report_a_disabled_cache() {
        assert_eq!(table(&Samples::read("# EOF\n")), "The server has no cache.");
    }
}
