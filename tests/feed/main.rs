//! The change feed and the archive: what is written is told to everybody once and in order, is not
//! lost or halved when a process is killed, and can be carried from one database to another.

mod archive;
mod killed;
mod process;
mod retention;
mod soak;
mod waiting;
mod whole;

use chrono::{DateTime, Utc};
use khabar_domain::{Edition, Source, SourceId, derived};
use khabar_persistence::{Db, source};
use khabar_tests::harness::{make, newsroom};

/// How long anything is waited for before a test gives up: it is not what is tested.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);

/// The edition in which these tests write.
fn edition() -> anyhow::Result<Edition> {
    Ok(make::edition("ar", "خبر السنديان", "ar")?)
}

/// Writes that edition.
async fn open(db: &Db) -> anyhow::Result<()> {
    let mut writer = db.writer(newsroom::now()).await?;
    khabar_persistence::edition::save(&mut writer, &edition()?).await?;
    Ok(writer.commit().await?)
}

/// A source of this name.
fn agency(name: &str) -> anyhow::Result<Source> {
    Ok(Source {
        id: SourceId::new(derived("source", &["feed", name])),
        ..make::source(&edition()?, name)?
    })
}

/// Writes a source: one row in the feed.
async fn write(db: &Db, at: DateTime<Utc>, name: &str) -> anyhow::Result<()> {
    let mut writer = db.writer(at).await?;
    source::save(&mut writer, &agency(name)?).await?;
    Ok(writer.commit().await?)
}
