//! Failed commits are never acknowledged. Neither they nor later writes are lost or left half done.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::{Newsroom, TestDb, skip, until};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use crate::newsroom;
use crate::server::{Launch, Server};
use crate::unread::metric;
use crate::writing::{Editor, Outcome, has, missing_topics};

/// A small separate file system, unmounted when dropped.
struct Disk(TempDir);

impl Disk {
    /// Mounts a file system of this size in KiB. Returns `None` if it cannot be mounted.
    fn of(kilobytes: u32) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"])
            .arg(folder.path())
            .output();
        Ok(mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(folder)))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills all remaining space.
    fn fill(&self) -> anyhow::Result<()> {
        let mut ballast = std::fs::File::create(self.path().join("ballast"))?;
        let block = [7; 4_096];
        // Fails when the disk is full.
        while std::io::Write::write_all(&mut ballast, &block).is_ok() {}
        Ok(())
    }

    fn free(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.path().join("ballast"))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazy unmount: a killed process may still have files open.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Writes topics with these names in order. Adds the acknowledged names and returns the number refused.
async fn write(
    editor: &Editor,
    names: impl Iterator<Item = String>,
    acknowledged: &mut Vec<String>,
) -> anyhow::Result<usize> {
    let mut refused = 0;
    for name in names {
        match editor.add(&name).await? {
            Outcome::Acknowledged => acknowledged.push(name),
            Outcome::Refused => refused += 1,
        }
    }
    Ok(refused)
}

async fn ready(server: &Server) -> anyhow::Result<bool> {
    Ok(server.client.path("/health/ready").await?.status == 200)
}

#[tokio::test]
async fn a_full_disk_loses_no_acknowledged_write() -> anyhow::Result<()> {
    let Some(disk) = Disk::of(16 * 1_024)? else {
        return skip("a small file system cannot be mounted here");
    };
    let source = TestDb::sqlite().await?;
    let url = format!("sqlite:{}", disk.path().join("khabar.db").display());
    let file = source.url().trim_start_matches("sqlite:").to_owned();
    std::fs::copy(file, disk.path().join("khabar.db"))?;
    let db = TestDb::at(url).await?;
    Newsroom::small()?.save(db.db()).await?;
    let mut acknowledged = Vec::new();
    for turn in 0..newsroom::rounds(3)? {
        let server = Launch::over(db.url()).start().await?;
        let editor = Editor::of(&db, &server.client).await?;
        let names = |part: &'static str, count: usize| {
            (0..count).map(move |at| format!("موضوع-{part}-{turn}-{at}"))
        };
        ensure!(write(&editor, names("قبل", 5), &mut acknowledged).await? == 0);
        disk.fill()?;
        // The first writes may still fit into the last block of the write-ahead log.
        let refused = write(&editor, names("ممتلئ", 40), &mut acknowledged).await?;
        ensure!(refused > 0, "the disk was not full");
        ensure!(server.log.says("full"), "{:?}", server.log.lines());
        disk.free()?;
        let refused = write(&editor, names("بعد", 20), &mut acknowledged).await?;
        ensure!(refused == 0, "{refused} were refused with room to spare");
        ensure!(ready(&server).await?);
        server.kill().await?;

        let again = Launch::over(db.url()).start().await?;
        let lost = missing_topics(&again.client, &acknowledged).await?;
        ensure!(lost.is_empty(), "lost: {lost:?}");
        again.kill().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_commit_is_not_acknowledged() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    // A deferred constraint, checked at commit.
    db.administer(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.name LIKE 'مرفوض%' THEN RAISE EXCEPTION 'refused at commit' USING ERRCODE = '53100'; END IF;
           RETURN NEW; END $$;
         CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON topic DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION refuse();",
    )
    .await?;
    let server = Launch::over(db.url()).start().await?;
    let editor = Editor::of(&db, &server.client).await?;
    let mut acknowledged = Vec::new();
    for turn in 0..newsroom::rounds(10)? {
        let refused = editor.add(&format!("مرفوض-{turn}")).await?;
        ensure!(refused == Outcome::Refused, "turn {turn}");
        let names = (0..6).map(|at| format!("موضوع-{turn}-{at}"));
        ensure!(write(&editor, names, &mut acknowledged).await? == 0);
        ensure!(!has(&server.client, &format!("مرفوض-{turn}")).await?);
    }
    server.kill().await?;
    let again = Launch::over(db.url()).start().await?;
    let lost = missing_topics(&again.client, &acknowledged).await?;
    ensure!(lost.is_empty(), "lost: {lost:?}");
    Ok(())
}

/// The rows of the feed vanish without an error, as those of a commit that is acknowledged and never
/// stored.
#[tokio::test]
async fn a_commit_that_is_not_found_in_the_feed_is_not_acknowledged() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let (lose, stop) = if db.name() == "SQLite" {
            (
                "CREATE TRIGGER lose BEFORE INSERT ON change BEGIN SELECT RAISE(IGNORE); END",
                "DROP TRIGGER lose",
            )
        } else {
            (
                "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
                 CREATE TRIGGER lose BEFORE INSERT ON change FOR EACH ROW EXECUTE FUNCTION lose()",
                "DROP TRIGGER lose ON change",
            )
        };
        let server = Launch::over(db.url()).start().await?;
        let editor = Editor::of(&db, &server.client).await?;
        db.execute_sql(lose).await?;
        for turn in 0..3 {
            let refused = editor.add(&format!("ضائع-{turn}")).await?;
            ensure!(refused == Outcome::Refused, "{}, turn {turn}", db.name());
        }
        db.execute_sql(stop).await?;
        ensure!(editor.add("محفوظ").await? == Outcome::Acknowledged);
        ensure!(has(&server.client, "محفوظ").await?);
    }
    Ok(())
}

#[tokio::test]
async fn disconnecting_clients_leave_no_transaction_open() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url())
            .set("write_connections", 2)
            .start()
            .await?;
        let editor = Editor::of(&db, &server.client).await?;
        for turn in 0..60_u64 {
            let name = format!("رحل-{turn}");
            let sent = editor.send(&name);
            // The timeouts range from before the transaction begins to after it ends.
            let patience = std::time::Duration::from_micros(turn * turn * 8);
            let _ = tokio::time::timeout(patience, sent).await;
        }
        for turn in 0..20 {
            let response = editor.send(&format!("بقي-{turn}")).await?;
            ensure!(response.code().is_empty(), "{}: {response:?}", db.name());
        }
        if db.name() == "PostgreSQL" {
            let left = db
                .administer(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name LIKE 'khabar%' AND state LIKE 'idle in transaction%'",
                )
                .await?;
            ensure!(left.trim() == "0", "{left} are left in a transaction");
        }
        let feed = db.db().feed().bounds().await.context("no feed")?;
        let sent = server
            .client
            .post("{ topics: __typename }", Value::Null)
            .await?;
        ensure!(feed.head > 0 && sent.status == 200);
    }
    Ok(())
}

#[tokio::test]
async fn a_write_whose_client_has_left_is_completed() -> anyhow::Result<()> {
    const CONNECTIONS: &str = "khabar_http_connections ";
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    // No timeout ends the write before the lock is released.
    let server = Launch::over(db.url())
        .set("database_timeouts.lock_ms", 3_600_000)
        .set("database_timeouts.write_ms", 3_600_000)
        .start()
        .await?;
    let others = metric(&server, CONNECTIONS).await?;
    let mut forgotten = newsroom::locked(&db, "topic").await?;
    let query = "mutation { createTopic(input: {name: \"رحل\"}) { topic { id } } }";
    let body = json!({ "query": query }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut writer = server.client.raw().await?;
    writer.write_all(request.as_bytes()).await?;
    newsroom::is_awaited(&db, "topic").await?;
    drop(writer);
    until("the server knows that the client has left", || async {
        Ok(metric(&server, CONNECTIONS).await? == others)
    })
    .await?;
    forgotten.kill().await?;
    until("the write is there", || has(&server.client, "رحل")).await
}
