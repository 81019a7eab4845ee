//! Waiting for the database: a blocked request does not block unrelated ones, and strangers cannot
//! make others wait.

use anyhow::ensure;
use khabar_persistence::change::Position;
use khabar_tests::harness::until;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use crate::newsroom;
use crate::proxy::{Network, Proxy};
use crate::server::Launch;
use crate::writing::{Editor, rename, section};

const NAMES: &str = "{ sections { id name } }";
const POST: &str = "mutation ($input: PostCommentInput!) {
    postComment(input: $input) { comment { id } userErrors { code } } }";
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
    let article = "{ articles(first: 1) { nodes { id } } }";
    let article = here.client.post(article, Value::Null).await?.data()?;
    let article = &article["articles"]["nodes"][0]["id"];
    let mut forgotten = newsroom::locked(&db, "topic").await?;

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
    // The cache goes on as well: only a node that follows the feed tells a position.
    until("the node hears of it", || async {
        let response = here.client.get(NAMES).await?;
        Ok(response.text.contains(&new) && !response.header("khabar-position").is_empty())
    })
    .await?;
    // The primary tells whether a guest's write was done before. No connection that writes is needed.
    let comment =
        json!({"article": article, "text": "تعليق", "name": "قارئ", "idempotencyKey": "a"});
    let refused = here.client.post(POST, json!({ "input": comment })).await?;
    ensure!(refused.code() == "UNAUTHENTICATED", "{refused:?}");
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
    forgotten.kill().await?;
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

#[tokio::test]
async fn those_who_wait_for_a_position_are_few() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let (proxy, through) = Proxy::before(db.url()).await?;
    let server = Launch::over(through)
        .set("graphql.request_timeout_ms", 3_000)
        .start()
        .await?;
    let response = server.client.get(NAMES).await?;
    let position: Position = response.header("khabar-position").parse()?;
    let beyond = Position {
        seq: position.seq + 1_000,
        ..position
    };
    // Each position stays unknown while the database is silent.
    proxy.set(Network::Stalls);
    let mut strangers = JoinSet::new();
    for _ in 0..200 {
        let (client, position) = (server.client.clone(), beyond.to_string());
        strangers.spawn(async move {
            let headers = [("khabar-position", position.as_str())];
            client.get_with(&headers, NAMES).await
        });
    }
    for response in strangers.join_all().await {
        let response = response?;
        ensure!(response.status == 503, "{response:?}");
    }
    let words = "could not wait for a position";
    ensure!(server.log.says(words), "{:?}", server.log.lines());
    server.kill().await
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_ends() -> anyhow::Result<()> {
    const HELD: &str = "l.mode = 'AccessExclusiveLock' AND l.granted";
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    // No timeout ends the statement in time to help.
    let server = Launch::over(db.url())
        .set("database_timeouts.read_ms", 3_600_000)
        .set("database_timeouts.lock_ms", 3_600_000)
        .set("graphql.request_timeout_ms", 3_600_000)
        .start()
        .await?;
    let editor = Editor::of(&db, &server.client).await?;
    let mut forgotten = newsroom::locked(&db, "revision").await?;
    if let Some(input) = forgotten.stdin.as_mut() {
        let lock = b"LOCK TABLE revision IN ACCESS EXCLUSIVE MODE;\n";
        input.write_all(lock).await?;
        input.flush().await?;
    }
    until("the table cannot be read", || {
        newsroom::has_lock(&db, "revision", HELD)
    })
    .await?;
    let reading = tokio::spawn(async move {
        let versions = "{ articles(first: 1) { nodes { revisions { nodes { version } } } } }";
        editor.client().post(versions, Value::Null).await
    });
    newsroom::is_awaited(&db, "revision").await?;
    reading.abort();
    until("the statement has ended", || async {
        Ok(!newsroom::has_lock(&db, "revision", "NOT l.granted").await?)
    })
    .await?;
    forgotten.kill().await?;
    server.kill().await
}
