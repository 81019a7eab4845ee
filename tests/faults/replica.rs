//! Replicas that lag or are down, and a failover that loses writes.

use anyhow::ensure;
use khabar_domain::Role;
use khabar_persistence::change::Position;
use khabar_tests::harness::until;
use serde_json::{Value, json};

use crate::newsroom;
use crate::proxy::{Network, Proxy};
use crate::server::Launch;
use crate::standby::Standby;
use crate::writing::{Editor, Outcome, has, rename, section};

const NAMES: &str = "{ sections { id name } }";
/// A query for an editor's drafts, which are never cached.
const DRAFTS: &str = "{ unpublishedArticles(first: 50) { nodes { headline } } }";
const DRAFT: &str = "mutation ($headline: String!) {
    createArticle(input: {edition: \"ar\", headline: $headline}) {
        article { id } userErrors { message } } }";

#[tokio::test]
async fn lagging_and_dead_replicas_are_skipped() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let mut standby = Standby::of(&db).await?;
    for bytes in ["0", "16000000"] {
        let launch = || {
            Launch::over(db.url())
                .set("replicas", standby.url())
                .set("cache.max_bytes", bytes)
        };
        let here = launch().start().await?;
        let there = launch().start().await?;
        let editor = Editor::of(&db, &here.client).await?;
        let elsewhere = editor.at(&there.client);
        let from = standby.hold_back().await?;
        for turn in 0..10 {
            // An editor reads their own writes without sending a position.
            let headline = format!("مسودة {bytes} {turn}");
            let written = editor.client().post(DRAFT, json!({"headline": headline}));
            let written = written.await?;
            ensure!(
                written.data()?["createArticle"]["article"]["id"].is_string(),
                "{written:?}"
            );
            let drafts = editor.client().post(DRAFTS, Value::Null).await?;
            ensure!(drafts.text.contains(&headline), "{bytes}: {drafts:?}");
            // Another node returns them if the position is sent.
            let position = written.header("khabar-position");
            let headers = [("khabar-position", position)];
            let drafts = elsewhere.client().post_with(&headers, DRAFTS, Value::Null);
            let drafts = drafts.await?;
            ensure!(drafts.text.contains(&headline), "{bytes}: {drafts:?}");
            let found: Position = drafts.header("khabar-position").parse()?;
            let asked: Position = position.parse()?;
            ensure!(
                found.epoch == asked.epoch && found.seq >= asked.seq,
                "{found} < {asked}"
            );
            // A response has everything up to its position, though nobody asked for one.
            let drafts = elsewhere.client().post(DRAFTS, Value::Null).await?;
            let found: Position = drafts.header("khabar-position").parse()?;
            ensure!(
                found.seq < asked.seq || drafts.text.contains(&headline),
                "{bytes}: {drafts:?}"
            );
        }
        standby.catch_up(&from).await?;
        let head = db.db().feed().bounds().await?.head;
        until("the replica has caught up", || async {
            Ok(standby.head().await? >= head)
        })
        .await?;

        // The nodes know by now that the replica has all there is, so that nothing but its response tells
        // them that it is down.
        let drafts = async || {
            for editor in [&editor, &elsewhere] {
                let drafts = editor.client().post(DRAFTS, Value::Null).await?;
                ensure!(drafts.status == 200, "{bytes}: {drafts:?}");
            }
            anyhow::Ok(())
        };
        drafts().await?;
        standby.tell("stop").await?;
        drafts().await?;
        for turn in 0..10 {
            let (id, _) = section(&here.client).await?;
            let name = format!("قسم {bytes} {turn}");
            ensure!(rename(&editor, &id, &name).await?.code().is_empty());
            for client in [&here.client, &there.client] {
                until("it is read on the primary", || async {
                    let response = client.post(NAMES, Value::Null).await?;
                    ensure!(response.status == 200, "{response:?}");
                    Ok(response.text.contains(&name))
                })
                .await?;
            }
        }
        ensure!(here.client.path("/health/ready").await?.status == 200);
        standby.tell("start").await?;
        until("the replica is read again", || async {
            ensure!(editor.client().post(DRAFTS, Value::Null).await?.status == 200);
            let text = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'khabar'";
            Ok(standby.ask(text).await?.trim() != "0")
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn writes_lost_by_a_failover_leave_no_trace_in_caches() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let standby = Standby::of(&db).await?;
    let (proxy, through) = Proxy::before(db.url()).await?;
    let late = Launch::over(&through).start().await?;
    let editor = Editor::of(&db, &late.client).await?;
    let (id, old) = section(&late.client).await?;
    let head = db.db().feed().bounds().await?.head;
    until("the standby has all", || async {
        Ok(standby.head().await? >= head)
    })
    .await?;
    standby.hold_back().await?;

    // These writes do not reach the standby.
    let lost = format!("{old} المفقود");
    let mut position = String::new();
    for _ in 0..3 {
        let response = rename(&editor, &id, &lost).await?;
        ensure!(response.code().is_empty(), "{response:?}");
        position = response.header("khabar-position").to_owned();
    }
    ensure!(editor.add("موضوع-مفقود").await? == Outcome::Acknowledged);
    ensure!(late.client.get(NAMES).await?.text.contains(&lost));

    // The late node is cut off while the standby is promoted and a new node writes more changes, past
    // the positions that were issued before.
    proxy.set(Network::Stalls);
    standby.promote().await?;
    let next = Launch::over(standby.url()).start().await?;
    let successor = editor.at(&next.client);
    ensure!(!has(&next.client, "موضوع-مفقود").await?, "nothing was lost");
    for at in 0..30 {
        ensure!(successor.add(&format!("موضوع-بعد-{at}")).await? == Outcome::Acknowledged);
    }
    proxy.lead_to(&standby.url())?;
    proxy.set(Network::Refuses);
    until("the late node has no connection left", || async {
        Ok(late.client.get(NAMES).await?.status == 503)
    })
    .await?;
    proxy.set(Network::Passes);
    // The node may response from its cache until the lease expires. Then it reads the new epoch.
    let before: Position = position.parse()?;
    until("the late node answers in the new epoch", || async {
        let response = late.client.get(NAMES).await?;
        let found = response.header("khabar-position").parse::<Position>();
        Ok(response.status == 200 && found.is_ok_and(|found| found.epoch != before.epoch))
    })
    .await?;
    for client in [&late.client, &next.client] {
        let response = client.get(NAMES).await?;
        ensure!(
            response.text.contains(&old) && !response.text.contains(&lost),
            "{response:?}"
        );
        // A client that sends a lost position receives the current state.
        let headers = [("khabar-position", position.as_str())];
        // The connections that look up positions may still be those of the old primary.
        until("positions are looked up in the new primary", || async {
            Ok(client.get_with(&headers, NAMES).await?.status != 503)
        })
        .await?;
        let response = client.get_with(&headers, NAMES).await?;
        ensure!(
            response.status == 200 && !response.text.contains(&lost),
            "{response:?}"
        );
        let now: Position = response.header("khabar-position").parse()?;
        // The old primary may have got further than the new one.
        let further = Position {
            seq: now.seq + 1_000,
            ..before
        };
        let further = further.to_string();
        let headers = [("khabar-position", further.as_str())];
        let response = client.get_with(&headers, NAMES).await?;
        ensure!(response.status == 200, "{response:?}");
        ensure!(
            before.epoch != now.epoch,
            "{before} and {now} are of one epoch"
        );
    }
    // The late node can write again, and the other node sees the change.
    let renamed = format!("{old} الجديد");
    until("the late node can write", || async {
        let response = rename(&editor, &id, &renamed).await?;
        // Its connections may still be those of the old primary: nothing was done then.
        ensure!(
            ["", "UNAVAILABLE"].contains(&&*response.code()),
            "{response:?}"
        );
        Ok(response.code().is_empty())
    })
    .await?;
    until("the other node hears of it", || async {
        Ok(next.client.get(NAMES).await?.text.contains(&renamed))
    })
    .await
}

/// The address of the database leads to another server, while connections to the former one stay open.
#[tokio::test]
async fn connections_to_a_server_that_only_reads_are_given_up() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let standby = Standby::of(&db).await?;
    let (proxy, through) = Proxy::before(db.url()).await?;
    proxy.lead_to(&standby.url())?;
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let head = db.db().feed().bounds().await?.head;
    until("the standby has all", || async {
        Ok(standby.head().await? >= head)
    })
    .await?;
    // A single connection is used again for every write, unless it is given up.
    let server = Launch::over(through)
        .set("write_connections", 1)
        .start()
        .await?;
    let editor = Editor::with(&server.client, &token);
    ensure!(editor.add("موضوع-مرفوض").await? == Outcome::Refused);
    proxy.lead_to(db.url())?;
    until("the primary is written", || async {
        Ok(editor.add("موضوع-مقبول").await? == Outcome::Acknowledged)
    })
    .await
}
