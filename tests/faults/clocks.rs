//! Clock differences: the database's clock is authoritative, and a node reports when its own differs.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_tests::harness::{TestDb, until};
use serde_json::json;

use crate::newsroom;
use crate::server::Launch;

const CREATE: &str = "mutation ($input: CreateArticleInput!) {
  createArticle(input: $input) { article { id } userErrors { message } }
}";
const SUBMIT: &str = "mutation ($input: SubmitArticleInput!) {
  submitArticle(input: $input) { article { id } userErrors { message } }
}";
const SCHEDULE: &str = "mutation ($input: ScheduleArticleInput!) {
  scheduleArticle(input: $input) { article { status } userErrors { message } }
}";
const READ: &str = "query ($id: ID!) { article(id: $id) { status publishedAt } }";

/// Sets the database's clock an hour ahead, for new connections.
async fn an_hour_ahead(db: &TestDb) -> anyhow::Result<()> {
    let function = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS \
        'SELECT pg_catalog.clock_timestamp() + interval ''1 hour'''";
    db.administer(function).await?;
    let first = "DO 'BEGIN EXECUTE format(''ALTER DATABASE %I SET search_path = public, pg_catalog'', \
        current_database()); END'";
    db.administer(first).await?;
    Ok(())
}

#[tokio::test]
async fn publishing_follows_the_database_clock() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    an_hour_ahead(&db).await?;
    let server = Launch::over(db.url()).start().await?;
    let complaint = "s behind the database's";
    until("the log tells", || async { Ok(server.log.says(complaint)) }).await?;
    let ready = server.client.path("/health/ready").await?;
    ensure!(
        ready.status == 200 && ready.text.contains(complaint),
        "{ready:?}"
    );

    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let editor = server.client.with_token(&token);
    let input = json!({"headline": "خبر", "body": [{"paragraph": {"text": "نص الخبر."}}]});
    let created = editor
        .post(CREATE, json!({ "input": input }))
        .await?
        .data()?;
    let id = created["createArticle"]["article"]["id"].clone();
    ensure!(id.is_string(), "{created}");
    editor.post(SUBMIT, json!({"input": {"id": id}})).await?;
    // Scheduled three seconds ahead by the database's clock, an hour ahead by this machine's clock.
    let hour = SystemClock.now() + chrono::TimeDelta::hours(1);
    let at = hour + chrono::TimeDelta::seconds(3);
    let input = json!({"id": id, "at": at.to_rfc3339()});
    let scheduled = editor
        .post(SCHEDULE, json!({ "input": input }))
        .await?
        .data()?;
    let status = &scheduled["scheduleArticle"]["article"]["status"];
    ensure!(status == "SCHEDULED", "{scheduled}");
    let read = || async {
        let response = server.client.post(READ, json!({ "id": id })).await?;
        response.data()
    };
    until("the article is published", || async {
        Ok(!read().await?["article"].is_null())
    })
    .await?;
    let published = read().await?;
    let published_at = published["article"]["publishedAt"]
        .as_str()
        .context("no time")?;
    let published_at: chrono::DateTime<chrono::Utc> = published_at.parse()?;
    ensure!(
        published_at >= at && published_at - at < chrono::TimeDelta::seconds(30),
        "{published_at}, due {at}"
    );
    server.kill().await
}

#[tokio::test]
async fn an_accurate_clock_is_not_reported() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let ready = server.client.path("/health/ready").await?;
        ensure!(ready.status == 200 && ready.text == "ready\n", "{ready:?}");
        ensure!(!server.log.says("clock"), "{:?}", server.log.lines());
        server.kill().await?;
    }
    Ok(())
}
