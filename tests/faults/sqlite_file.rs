//! The SQLite file: replaced or removed while the server has it open, and the size of its WAL.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;
use khabar_tests::harness::{TestDb, until};

use crate::client::HttpResponse;
use crate::large_responses::{editor, large_body, publish};
use crate::newsroom;
use crate::server::{Launch, Server};
use crate::writing::{Editor, Outcome, missing_topics};

/// The size that the write-ahead log may retain, in bytes.
const LOG: u64 = 8 << 20;

/// The number of writes that are acknowledged before the file is replaced.
const BEFORE: usize = 10;

/// The number of acknowledged writes after which the server has certainly not noticed.
const MOST: usize = 3_000;

fn path(db: &TestDb, end: &str) -> PathBuf {
    format!("{}{end}", db.url().trim_start_matches("sqlite:")).into()
}

async fn ready(server: &Server) -> anyhow::Result<HttpResponse> {
    server.client.path("/health/ready").await
}

/// Checks that no write is acknowledged, that no query is answered from the lost file, and that the
/// health check and the log report the reason.
async fn is_noticed(server: &Server, editor: &Editor, name: &str) -> anyhow::Result<()> {
    for turn in 0..3 {
        let response = editor.send(&format!("{name}-{turn}")).await?;
        ensure!(response.code() == "UNAVAILABLE", "{response:?}");
    }
    let readiness = ready(server).await?;
    ensure!(
        readiness.status == 503 && readiness.text.contains("deleted, moved or replaced"),
        "{readiness:?}"
    );
    ensure!(
        server.log.says("database_file_lost"),
        "{:?}",
        server.log.lines()
    );
    until("nothing is read from it", || async {
        let response = server.client.get("{ sections { name } }").await?;
        Ok(response.status == 503 && response.code() == "UNAVAILABLE")
    })
    .await
}

#[tokio::test]
async fn a_missing_or_replaced_sqlite_file_is_detected() -> anyhow::Result<()> {
    for end in ["", "-wal"] {
        let db = newsroom::sqlite().await?;
        let server = Launch::over(db.url()).start().await?;
        let editor = Editor::of(&db, &server.client).await?;
        ensure!(editor.add("قبل").await? == Outcome::Acknowledged);
        let (file, away) = (path(&db, end), path(&db, ".away"));

        std::fs::rename(&file, &away)?;
        is_noticed(&server, &editor, "محذوف").await?;
        // Puts a copy in its place, as when a backup is restored.
        std::fs::copy(&away, &file)?;
        is_noticed(&server, &editor, "بديل").await?;

        std::fs::rename(&away, &file)?;
        until("it is ready again", || async {
            Ok(ready(&server).await?.status == 200)
        })
        .await?;
        ensure!(editor.add("بعد").await? == Outcome::Acknowledged);
        server.kill().await?;
        let again = Launch::over(db.url()).start().await?;
        let names = ["قبل".to_owned(), "بعد".to_owned()];
        let lost = missing_topics(&again.client, &names).await?;
        ensure!(lost.is_empty(), "{end:?}, lost: {lost:?}");
        again.kill().await?;
    }
    Ok(())
}

/// Replaces the file with a backup during a stream of writes. Every acknowledged write must be in the
/// original file.
#[tokio::test]
async fn no_write_to_a_deleted_file_is_acknowledged() -> anyhow::Result<()> {
    for _ in 0..newsroom::rounds(2)? {
        replace_while_writing().await?;
    }
    Ok(())
}

async fn replace_while_writing() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    let editor = Editor::of(&db, &server.client).await?;
    let (file, away) = (path(&db, ""), path(&db, ".away"));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let writing = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        let mut refused = 0;
        while refused < 20 && acknowledged.len() < MOST {
            let name = format!("موضوع-{}-{refused}", acknowledged.len());
            match editor.add(&name).await? {
                Outcome::Acknowledged => {
                    acknowledged.push(name);
                    counter.store(acknowledged.len(), Ordering::Relaxed);
                }
                Outcome::Refused => refused += 1,
            }
        }
        ensure!(refused == 20, "the server has not noticed");
        anyhow::Ok(acknowledged)
    });
    until("writes are acknowledged", || async {
        Ok(count.load(Ordering::Relaxed) >= BEFORE)
    })
    .await?;
    std::fs::copy(&file, path(&db, ".backup"))?;
    std::fs::rename(&file, &away)?;
    std::fs::rename(path(&db, ".backup"), &file)?;
    let acknowledged = writing.await??;
    server.kill().await?;
    // The write-ahead log belongs to the original file.
    std::fs::rename(&away, &file)?;
    let again = Launch::over(db.url()).start().await?;
    let lost = missing_topics(&again.client, &acknowledged).await?;
    ensure!(lost.is_empty(), "lost: {lost:?}");
    again.kill().await
}

fn length(file: &Path) -> anyhow::Result<u64> {
    Ok(std::fs::metadata(file)?.len())
}

#[tokio::test]
async fn the_write_ahead_log_is_truncated() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    let writes = editor(&db, &server.client).await?;
    let body = large_body("word");
    let log = path(&db, "-wal");
    // A long read, such as a backup, prevents checkpoints from resetting the log.
    let reading = db.reading().await?;
    for _ in 0..20 {
        publish(&writes, &body).await?;
        if length(&log)? > 2 * LOG {
            break;
        }
    }
    ensure!(length(&log)? > 2 * LOG, "{} bytes", length(&log)?);
    drop(reading);
    until("the log is small", || async { Ok(length(&log)? <= LOG) }).await?;
    publish(&writes, &body[..1]).await?;
    server.kill().await
}
