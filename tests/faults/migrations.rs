//! `khabar migrate`: killed at any moment, run by several processes at once, and run by a database
//! role without the right to create tables.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::{TestDb, until};
use serde_json::Value;
use tempfile::TempDir;

use crate::newsroom;
use crate::server::Launch;

/// Returns the URL of a new database without tables.
async fn empty(of: &TestDb, folder: &TempDir, number: u64) -> anyhow::Result<String> {
    if of.name() == "SQLite" {
        let file = folder.path().join(format!("{number}.db"));
        return Ok(format!("sqlite:{}", file.display()));
    }
    let name = format!("empty_{}_{number}", std::process::id());
    of.administer(&format!("CREATE DATABASE {name}")).await?;
    with_name(of.url(), &name)
}

/// Returns the URL of another database in the cluster of `url`.
fn with_name(url: &str, name: &str) -> anyhow::Result<String> {
    let (rest, query) = url.split_once('?').context("no query")?;
    let (server, _) = rest.rsplit_once('/').context("no name")?;
    Ok(format!("{server}/{name}?{query}"))
}

/// Checks that every migration is applied and that the server answers.
async fn is_whole(url: &str) -> anyhow::Result<()> {
    let launch = Launch::over(url);
    let (ok, status, error) = launch.run(&["migrate", "status"]).await?;
    ensure!(ok, "{error}");
    ensure!(
        status.lines().all(|line| line.starts_with("applied  ")) && status.lines().count() > 7,
        "{status}"
    );
    let server = launch.start().await?;
    let asked = "{ editions { name } home { latest(first: 1) { nodes { headline } } } }";
    let response = server.client.post(asked, Value::Null).await?;
    ensure!(response.data()?["editions"] == serde_json::json!([]));
    server.kill().await
}

#[tokio::test]
async fn a_killed_migration_is_completed_by_the_next_run() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for db in TestDb::each().await? {
        // Measures a complete migration first, to spread the kills evenly over its duration.
        let killed = newsroom::rounds(12)?;
        let whole = empty(&db, &folder, killed).await?;
        let begun = std::time::Instant::now();
        let (ok, _, error) = Launch::over(&whole).run(&["migrate", "up"]).await?;
        ensure!(ok, "{error}");
        let takes = begun.elapsed();
        let mut interrupted = 0;
        for number in 0..killed {
            let url = empty(&db, &folder, number).await?;
            let launch = Launch::over(&url);
            // The first process is killed early, the last one shortly before it ends.
            let moment = takes.mul_f64(
                (f64::from(u32::try_from(number)?) + 0.5) / f64::from(u32::try_from(killed)?),
            );
            let mut child = launch
                .command(folder.path(), &["migrate", "up"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            if tokio::time::timeout(moment, child.wait()).await.is_err() {
                child.kill().await?;
                interrupted += 1;
            }
            let (ok, _, error) = launch.run(&["migrate", "up"]).await?;
            ensure!(ok, "{} killed after {moment:?}: {error}", db.name());
            is_whole(&url).await?;
        }
        ensure!(interrupted > 0, "none was killed in time");
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_migrations_run_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for db in TestDb::each().await? {
        for number in 0..newsroom::rounds(3)? {
            let url = empty(&db, &folder, 1_000_000 + number).await?;
            migrate_at_once(&url).await?;
        }
    }
    Ok(())
}

/// A PostgreSQL session can cache for a while that a table does not exist.
#[tokio::test]
async fn waiting_processes_see_the_migrated_schema() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    db.administer("DROP SCHEMA public CASCADE").await?;
    db.administer("CREATE SCHEMA public").await?;
    // Holds the migration lock until every process has read the schema and waits. The session that holds
    // it is terminated then, so its result is ignored.
    let lock = db.administer("SELECT pg_advisory_lock(118096054608242), pg_sleep(600)");
    let release = async {
        until("every process waits for the lock", || async {
            Ok(db.administer(WAITING).await?.trim() == PROCESSES.to_string())
        })
        .await?;
        db.administer(RELEASE).await
    };
    let migrated = async {
        until("the lock is held", || async {
            Ok(db.administer(HOLDING).await?.trim() == "1")
        })
        .await?;
        tokio::try_join!(migrate_at_once(db.url()), release)
    };
    let (_, migrated) = tokio::join!(lock, migrated);
    migrated?;
    Ok(())
}

const HOLDING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event = 'PgSleep'";
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'";
const RELEASE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event = 'PgSleep'";

/// The number of processes that migrate one database at the same time.
const PROCESSES: usize = 6;

/// Migrates one database with several processes at the same time. Each must succeed.
async fn migrate_at_once(url: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let launch = Launch::over(url);
    let mut running = Vec::new();
    for _ in 0..PROCESSES {
        let mut command = launch.command(folder.path(), &["migrate", "up"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        running.push(command.spawn()?);
    }
    for child in running {
        let ended = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output());
        let output = ended.await.context("one does not end")??;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{url}: {error}");
    }
    is_whole(url).await
}

#[tokio::test]
async fn serving_needs_no_ddl_privileges() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let role = format!("server_{}", std::process::id());
    let name = db.administer("SELECT current_database()").await?;
    for statement in [
        format!("CREATE ROLE {role} LOGIN"),
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
        format!(
            "REVOKE CREATE, TEMPORARY ON DATABASE {} FROM PUBLIC",
            name.trim()
        ),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"),
    ] {
        db.administer(&statement).await?;
    }
    let url = db
        .url()
        .replace("postgres://khabar@", &format!("postgres://{role}@"));
    let launch = Launch::over(&url);
    let (ok, status, error) = launch.run(&["migrate", "status"]).await?;
    ensure!(ok && !status.contains("pending"), "{status}{error}");
    // With no migration pending, `migrate up` needs no right to create.
    let (ok, _, error) = launch.run(&["migrate", "up"]).await?;
    ensure!(ok, "{error}");
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let server = launch.start().await?;
    let editor = server.client.with_token(&token);
    let written = "mutation { createArticle(input: {headline: \"عنوان\"}) { article { headline } userErrors { message } } }";
    let response = editor.post(written, Value::Null).await?;
    ensure!(
        response.data()?["createArticle"]["article"]["headline"] == "عنوان",
        "{response:?}"
    );
    // `migrate up` needs no right to write either.
    let write = format!("REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM {role}");
    db.administer(&write).await?;
    let launch = Launch::over(&url);
    let (ok, _, error) = launch.run(&["migrate", "up"]).await?;
    ensure!(ok, "{error}");
    // `migrate down` fails, because only the owner of a table may drop it.
    let launch = Launch::over(&url);
    let down = ["migrate", "down", "--steps", "99", "--yes"];
    let (ok, _, error) = launch.run(&down).await?;
    ensure!(!ok && error.contains("must be owner"), "{error}");
    server.kill().await
}

#[tokio::test]
async fn a_database_with_a_newer_schema_is_not_modified() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    db.administer("INSERT INTO seaql_migrations VALUES ('m9999_of_tomorrow', 0)")
        .await?;
    let launch = Launch::over(db.url());
    let (ok, status, error) = launch.run(&["migrate", "status"]).await?;
    ensure!(
        ok && status.contains("unknown  m9999_of_tomorrow"),
        "{status}{error}"
    );
    for line in [
        &["migrate", "up"][..],
        &["migrate", "down", "--yes"],
        &["serve"],
    ] {
        let (ok, _, error) = launch.run(line).await?;
        ensure!(!ok && error.contains("newer"), "{line:?}: {error}");
    }
    Ok(())
}
