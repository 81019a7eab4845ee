//! Network faults between a node and its database (lost packets, refused connections), and the
//! responses of the node during them.

use std::time::{Duration, Instant};

use anyhow::ensure;
use khabar_tests::harness::until;
use serde_json::{Value, json};

use crate::newsroom;
use crate::proxy::{Network, Proxy};
use crate::server::Launch;
use crate::writing::{Editor, Outcome, has, rename, section};

const NAMES: &str = "{ sections { id name } }";

/// A duration longer than the lease of the cache plus the timeout of a read. `docs/operating.md` guarantees
/// durations here, and the process under test measures them by its own clock, so that this test has to.
const HONEST: Duration = Duration::from_secs(12);
/// The guaranteed response time of health, metrics and token checks, plus a margin for busy machines.
const PROMPT: Duration = Duration::from_secs(4);

#[tokio::test]
async fn no_stale_response_during_packet_loss() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    for fault in [Network::Stalls, Network::Refuses] {
        let (proxy, through) = Proxy::before(db.url()).await?;
        let cut = Launch::over(through).start().await?;
        let other = Launch::over(db.url()).start().await?;
        let editor = Editor::of(&db, &other.client).await?;
        let (id, old) = section(&cut.client).await?;
        // Repeats the query so that the complete response is cached.
        for _ in 0..3 {
            ensure!(cut.client.get(NAMES).await?.status == 200);
        }
        proxy.set(fault);
        let begun = Instant::now();
        let new = format!("{old} ٢");
        ensure!(rename(&editor, &id, &new).await?.code().is_empty());
        // The old name may be served until the lease expires. After that the node answers 503.
        let mut stale_for = Duration::ZERO;
        loop {
            let asked = begun.elapsed();
            let response = cut.client.get(NAMES).await?;
            if response.status == 503 {
                ensure!(response.code() == "UNAVAILABLE", "{response:?}");
                ensure!(
                    response.header("khabar-position").is_empty(),
                    "{response:?}"
                );
                ensure!(response.header("cache-control").contains("no-store"));
                break;
            }
            ensure!(response.status == 200, "{response:?}");
            stale_for = asked;
            ensure!(stale_for < HONEST, "old answers without end: {response:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ensure!(
            stale_for < Duration::from_secs(4),
            "old after {stale_for:?}"
        );
        let posted = cut.client.post(NAMES, Value::Null).await?;
        ensure!(posted.status == 503, "{posted:?}");
        ensure!(
            cut.log.says("change_feed_unavailable"),
            "{:?}",
            cut.log.lines()
        );

        // Health, metrics and token checks still respond in time.
        let token = "khb_0000000000000000000000000000000000000000000";
        let stranger = cut.client.with_token(token);
        for response in [
            prompt(cut.client.path("/health/ready")).await?,
            prompt(stranger.get(NAMES)).await?,
        ] {
            ensure!([401, 503].contains(&response.status), "{response:?}");
        }
        ensure!(prompt(cut.client.path("/health/ready")).await?.status == 503);
        ensure!(prompt(cut.client.path("/metrics")).await?.status == 200);
        ensure!(prompt(cut.client.path("/health/live")).await?.status == 200);

        proxy.set(Network::Passes);
        until("the node answers again, as things are now", || async {
            let response = cut.client.get(NAMES).await?;
            Ok(response.status == 200 && response.text.contains(&new))
        })
        .await?;
        let position =
            |response: &crate::client::HttpResponse| response.header("khabar-position").to_owned();
        until("positions are sent again", || async {
            Ok(!position(&cut.client.get(NAMES).await?).is_empty())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn stale_responses_are_served_only_if_configured() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let (proxy, through) = Proxy::before(db.url()).await?;
    let server = Launch::over(through)
        .set("cache.stale_if_error_ms", 3_600_000)
        .start()
        .await?;
    let token = newsroom::token(&db, "ليلى", khabar_domain::Role::Editor).await?;
    let before = server.client.get(NAMES).await?;
    ensure!(before.header("age").is_empty() && before.header("warning").is_empty());
    proxy.set(Network::Refuses);
    until("the lease is over", || async {
        let response = server.client.get(NAMES).await?;
        ensure!(response.status == 200, "{response:?}");
        Ok(!response.header("age").is_empty())
    })
    .await?;
    let stale = server.client.get(NAMES).await?;
    ensure!(stale.data()? == before.data()?, "{stale:?}");
    ensure!(stale.header("warning").starts_with("110"), "{stale:?}");
    ensure!(
        stale.header("cache-control").contains("no-store"),
        "{stale:?}"
    );
    ensure!(stale.header("khabar-position").is_empty(), "{stale:?}");
    // Queries that are not cached fail with 503, and so do requests with a token.
    let other = server.client.get("{ sections { slug } }").await?;
    ensure!(other.status == 503, "{other:?}");
    let editor = server.client.with_token(&token).get(NAMES).await?;
    ensure!(editor.status == 503, "{editor:?}");
    Ok(())
}

async fn prompt<F>(asked: F) -> anyhow::Result<crate::client::HttpResponse>
where
    F: Future<Output = anyhow::Result<crate::client::HttpResponse>>,
{
    let begun = Instant::now();
    let response = asked.await?;
    ensure!(
        begun.elapsed() < PROMPT,
        "{:?}: {response:?}",
        begun.elapsed()
    );
    Ok(response)
}

#[tokio::test]
async fn a_frozen_node_does_not_block_other_nodes() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let other = Launch::over(db.url()).start().await?;
    let editor = Editor::of(&db, &other.client).await?;
    for turn in 0..newsroom::rounds(4)? {
        let frozen = Launch::over(db.url()).start().await?;
        let writers = (0..8).map(|writer| {
            let editor = editor.at(&frozen.client);
            tokio::spawn(async move {
                for at in 0.. {
                    if editor
                        .send(&format!("ج-{turn}-{writer}-{at}"))
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let first = format!("ج-{turn}-0-0");
        until("the node writes", || has(&other.client, &first)).await?;
        frozen.signal("STOP").await?;
        // Longer than the idle timeout of a transaction, and far shorter than 90 seconds.
        let written = tokio::time::timeout(Duration::from_secs(20), async {
            for at in 0..5 {
                let response = editor.send(&format!("حر-{turn}-{at}")).await?;
                ensure!(response.code().is_empty(), "{response:?}");
            }
            Ok(())
        });
        written
            .await
            .map_err(|_| anyhow::anyhow!("the fleet stands still"))??;
        frozen.signal("CONT").await?;
        for writer in writers {
            writer.abort();
        }
        frozen.kill().await?;
    }
    Ok(())
}

/// The node freezes between locking the head of the feed and the end of its transaction.
#[tokio::test]
async fn a_node_that_freezes_while_it_commits_holds_nobody_up() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let other = Launch::over(db.url()).start().await?;
    let editor = Editor::of(&db, &other.client).await?;
    // No timeout ends the session of the frozen node in time to help.
    let frozen = Launch::over(db.url())
        .set("database_timeouts.idle_in_transaction_ms", 3_600_000)
        .set("database_timeouts.lock_ms", 3_600_000)
        .start()
        .await?;
    let mut head = newsroom::locked(&db, "change_head").await?;
    let writer = editor.at(&frozen.client);
    let writing = tokio::spawn(async move { writer.send("متجمد").await });
    newsroom::is_awaited(&db, "change_head").await?;
    frozen.signal("STOP").await?;
    head.kill().await?;
    ensure!(editor.add("حر").await? == Outcome::Acknowledged);
    // The commit was under way, and the database finishes it without the node.
    until("the frozen node's write is there", || {
        has(&other.client, "متجمد")
    })
    .await?;
    writing.abort();
    Ok(())
}

/// The node freezes after it has locked a row and before it commits.
#[tokio::test]
async fn what_a_frozen_node_has_locked_is_free_again() -> anyhow::Result<()> {
    const MOVE: &str = "mutation ($input: UpdateSectionInput!) {
        updateSection(input: $input) { section { slug } userErrors { message } } }";
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let other = Launch::over(db.url()).start().await?;
    let editor = Editor::of(&db, &other.client).await?;
    let (id, old) = section(&other.client).await?;
    let frozen = Launch::over(db.url())
        .set("database_timeouts.lock_ms", 3_600_000)
        .start()
        .await?;
    // The section is written and locked, and then its former slug.
    let mut redirects = newsroom::locked(&db, "redirect").await?;
    let writer = editor.at(&frozen.client);
    let input = json!({"input": {"id": id, "slug": "عنوان-متجمد"}});
    let writing = tokio::spawn(async move { writer.client().post(MOVE, input).await });
    newsroom::is_awaited(&db, "redirect").await?;
    frozen.signal("STOP").await?;
    redirects.kill().await?;
    let new = format!("{old} الحر");
    until("the section can be written", || async {
        let response = rename(&editor, &id, &new).await?;
        ensure!(
            ["", "UNAVAILABLE"].contains(&&*response.code()),
            "{response:?}"
        );
        Ok(response.code().is_empty())
    })
    .await?;
    writing.abort();
    Ok(())
}
