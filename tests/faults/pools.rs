//! Waiting for the database: a blocked request does not block unrelated ones, and strangers cannot
//! make others wait.

use anyhow::ensure;
use khabar_persistence::change::Position;
use khabar_tests::harness::until;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::newsroom;
use crate::server::Launch;
use crate::writing::{Editor, rename, section};

const NAMES: &str = "{ sections { id name } }";
const UNKNOWN: &str = "khb_0000000000000000000000000000000000000000000";

#[tokio::test]
async fn writes_waiting_for_a_lock_do_not_block_others() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let here = Launch::over(db.url()).start().await?;
    let there = Launch::over(db.url()).start().await?;
    let editor = Editor::of(&db, &here.client).await?;
    let (id, old) = section(&here.client).await?;
    for _ in 0..3 {
        here.client.get(NAMES).await?;
    }
    // A forgotten transaction in a psql session locks the topic table and its rows.
    let mut prompt = Command::new("psql")
        .args(["-X", "-q", db.url()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let lock = "BEGIN; SELECT 1 FROM topic FOR UPDATE; LOCK TABLE topic IN EXCLUSIVE MODE;\n";
    if let Some(input) = prompt.stdin.as_mut() {
        input.write_all(lock.as_bytes()).await?;
        input.flush().await?;
    }
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                 WHERE c.relname = 'topic' AND l.mode = 'ExclusiveLock' AND l.granted";
    until("the table is locked", || async {
        Ok(db.administer(locks).await?.trim() == "1")
    })
    .await?;

    let waiting: Vec<_> = (0..8)
        .map(|at| {
            let editor = editor.clone();
            tokio::spawn(async move { editor.send(&format!("ينتظر {at}")).await })
        })
        .collect();
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event_type = 'Lock'";
    until("writes wait", || async {
        Ok(db.administer(waits).await?.trim().parse::<u32>()? >= 4)
    })
    .await?;

    // Meanwhile writes of another node arrive, unknown tokens are refused and the node is ready.
    let new = format!("{old} ٣");
    let elsewhere = editor.at(&there.client);
    ensure!(rename(&elsewhere, &id, &new).await?.code().is_empty());
    until("the node hears of it", || async {
        Ok(here.client.get(NAMES).await?.text.contains(&new))
    })
    .await?;
    let stranger = here.client.with_token(UNKNOWN).get(NAMES).await?;
    ensure!((stranger.status, stranger.code().as_str()) == (401, "UNAUTHENTICATED"));
    ensure!(here.client.path("/health/ready").await?.status == 200);
    ensure!(
        waiting.iter().all(|write| !write.is_finished()),
        "the others were answered only after a write had given up"
    );

    // No write waits for ever, and each one fails with an error code.
    for waiting in waiting {
        let response = waiting.await??;
        ensure!(response.code() == "UNAVAILABLE", "{response:?}");
    }
    prompt.kill().await?;
    let response = editor.send("يكتب").await?;
    ensure!(response.code().is_empty(), "{response:?}");
    Ok(())
}

#[tokio::test]
async fn forged_positions_do_not_delay_other_requests() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let editor = Editor::of(&db, &server.client).await?;
        let response = server.client.get(NAMES).await?;
        let position: Position = response.header("khabar-position").parse()?;
        let beyond = Position {
            // Further than the scheduler gets meanwhile.
            seq: position.seq + 1_000,
            ..position
        };
        for beyond in [
            beyond.to_string(),
            Position {
                seq: i64::MAX,
                ..position
            }
            .to_string(),
        ] {
            let headers = [("khabar-position", beyond.as_str())];
            for response in [
                server.client.get_with(&headers, NAMES).await?,
                server
                    .client
                    .post_with(&headers, NAMES, Value::Null)
                    .await?,
                editor
                    .client()
                    .post_with(&headers, NAMES, Value::Null)
                    .await?,
            ] {
                ensure!(
                    (response.status, response.code().as_str()) == (400, "BAD_USER_INPUT"),
                    "{}, {beyond}: {response:?}",
                    db.name()
                );
            }
        }
        // 200 clients repeat such requests while an editor saves.
        let strangers: Vec<_> = (0..200_i64)
            .map(|at| {
                let client = server.client.clone();
                tokio::spawn(async move {
                    let (epoch, seq) = (position.epoch + at % 2, position.seq + 1 + at);
                    let header = Position { epoch, seq }.to_string();
                    loop {
                        let headers = [("khabar-position", header.as_str())];
                        let query = json!({});
                        let response = client.post_with(&headers, NAMES, query).await?;
                        ensure!([200, 400, 503].contains(&response.status), "{response:?}");
                    }
                    #[expect(unreachable_code, reason = "the task's type is that of its errors")]
                    anyhow::Ok(())
                })
            })
            .collect();
        for at in 0..20 {
            let response = editor.send(&format!("حفظ {at}")).await?;
            ensure!(response.code().is_empty(), "{response:?}");
        }
        for stranger in strangers {
            ensure!(!stranger.is_finished(), "{:?}", stranger.await);
            stranger.abort();
        }
    }
    Ok(())
}
