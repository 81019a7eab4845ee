//! Tests of the change feed and the archive. Every change is delivered once and in order, no change is
//! lost or half stored if a process is killed, and a newsroom can be moved between databases.

mod archive;
mod child;
mod consumer;
mod crash_recovery;
mod newsroom_check;
mod pages;
mod retention;
mod scan;
mod soak;
mod waiting;

use chrono::{DateTime, Utc};
use khabar_domain::{Edition, Source, SourceId, derived};
use khabar_persistence::{Db, source};
use khabar_tests::harness::{builders, newsroom};

/// Returns the edition in which these tests write.
fn edition() -> anyhow::Result<Edition> {
    Ok(builders::edition("ar", "خبر السنديان", "ar")?)
}

/// Saves that edition.
async fn open(db: &Db) -> anyhow::Result<()> {
    let mut writer = db.writer(newsroom::now()).await?;
    khabar_persistence::edition::save(&mut writer, &edition()?).await?;
    Ok(writer.commit().await?)
}

/// Returns a source with the given name.
fn agency(name: &str) -> anyhow::Result<Source> {
    Ok(Source {
        id: SourceId::new(derived("source", &["feed", name])),
        ..builders::source(&edition()?, name)?
    })
}

/// Saves a source, which adds one row to the feed.
async fn write(db: &Db, at: DateTime<Utc>, name: &str) -> anyhow::Result<()> {
    let mut writer = db.writer(at).await?;
    source::save(&mut writer, &agency(name)?).await?;
    Ok(writer.commit().await?)
}
