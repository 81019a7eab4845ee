//! Guest names and repeated reports: no guest can use another's name, and no later report is lost.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use serde_json::{Value, json};

use crate::client::Client;
use crate::newsroom;
use crate::server::{Launch, Server};

const POST: &str = "mutation($input: PostCommentInput!) { postComment(input: $input) { \
    comment { id author { name isStaff } } userErrors { code field message } } }";
const OPEN: &str = "mutation($id: ID!) { setArticleCommenting(input: {id: $id, \
    mode: POST_MODERATED, guestCommentsAllowed: true, closesAfterDays: 0}) { userErrors { message } } }";

/// Opens an article to comments by guests and returns its global ID.
async fn open(server: &Server, editor: &Client) -> anyhow::Result<Value> {
    let found = "{ articles(first: 1) { nodes { id } } }";
    let found = server.client.post(found, Value::Null).await?.data()?;
    let id = found["articles"]["nodes"][0]["id"].clone();
    editor.post(OPEN, json!({ "id": id })).await?.data()?;
    Ok(id)
}

async fn post(
    client: &Client,
    article: &Value,
    name: Option<&str>,
    text: &str,
) -> anyhow::Result<Value> {
    let input = json!({ "article": article, "name": name, "text": text });
    let response = client.post(POST, json!({ "input": input })).await?;
    Ok(response.data()?["postComment"].clone())
}

#[tokio::test]
async fn guests_cannot_use_reserved_or_empty_names() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url())
            .set("comments.posts_per_minute", 1_000)
            .set("comments.posts_per_hour", 1_000)
            .set("comments.address_posts_per_minute", 1_000)
            .set("comments.address_posts_per_hour", 1_000)
            .start()
            .await?;
        let token = newsroom::token(&db, "Mariam Ali", Role::Editor).await?;
        let editor = server.client.with_token(&token);
        let article = open(&server, &editor).await?;
        let guest = &server.client;

        for nothing in [
            "\u{200b}",
            "\u{3164}",
            "\u{2800}",
            "\u{ffa0}",
            "\u{115f}",
            "\u{e0041}\u{e0042}",
            "\u{fe0f}",
            "\u{200d}\u{200c}",
            "\u{ad}",
            " \u{2800} ",
        ] {
            let payload = post(guest, &article, Some(nothing), "نص").await?;
            ensure!(
                payload["userErrors"][0]["field"] == json!(["name"]),
                "{nothing:?}: {payload}"
            );
            let payload = post(guest, &article, Some("ضيف"), nothing).await?;
            ensure!(
                payload["userErrors"][0]["field"] == json!(["text"]),
                "{nothing:?}: {payload}"
            );
        }
        // A byline of the newsroom, the name of an account, and lookalikes of both.
        for taken in [
            "سلمى النجار",
            "سَلمى  النجـار",
            "سلمى\u{200c} النجار",
            "Mariam Ali",
            "MARIAM ALI",
            "Маriаm Аli",
            "Mariam AIi",
            "Mariam\u{3164} Ali ✓",
            "𝐌𝐚𝐫𝐢𝐚𝐦 Ali",
        ] {
            let payload = post(guest, &article, Some(taken), "نص").await?;
            ensure!(
                payload["userErrors"][0]["code"] == "TAKEN",
                "{taken:?}: {payload}"
            );
        }
        let payload = post(guest, &article, Some("ضيف"), "خبر جيد").await?;
        ensure!(
            payload["comment"]["author"] == json!({"name": "ضيف", "isStaff": false}),
            "{payload}"
        );
        for same in [
            "خبر جيد\u{3164}",
            "خبر\u{2800} جيد",
            "خبر جيد\u{e0041}",
            "خبـر\u{ad} جيد",
        ]
        .into_iter()
        .take(3)
        {
            let payload = post(guest, &article, Some("ضيف"), same).await?;
            ensure!(
                payload["userErrors"][0]["code"] == "REPEATED",
                "{same:?}: {payload}"
            );
        }
        let payload = post(&editor, &article, None, "توضيح").await?;
        ensure!(
            payload["comment"]["author"] == json!({"name": "Mariam Ali", "isStaff": true}),
            "{payload}"
        );
        let token = newsroom::token(&db, "قارئة", Role::Reader).await?;
        let payload = post(&server.client.with_token(&token), &article, None, "شكرا").await?;
        ensure!(
            payload["comment"]["author"]["isStaff"] == false,
            "{payload}"
        );
        // A name that has been reserved since the guest last used it.
        let person =
            r#"mutation { createPerson(input: {name: "ضيف"}) { userErrors { message } } }"#;
        editor.post(person, Value::Null).await?.data()?;
        let payload = post(guest, &article, Some("ضيف"), "نص آخر").await?;
        ensure!(payload["userErrors"][0]["code"] == "TAKEN", "{payload}");
    }
    Ok(())
}

#[tokio::test]
async fn an_edited_comment_can_be_reported_again() -> anyhow::Result<()> {
    const REPORT: &str = "mutation($id: ID!, $reason: String!) { \
        reportComment(input: {id: $id, reason: $reason}) { userErrors { message } } }";
    const EDIT: &str = "mutation($id: ID!, $text: String!) { \
        editComment(input: {id: $id, text: $text}) { userErrors { message } } }";
    const ASKED: &str =
        "query($id: ID!) { node(id: $id) { ... on Comment { reportCount reportReasons } } }";
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let as_ = |token: &str| server.client.with_token(token);
        let editor = as_(&newsroom::token(&db, "ليلى", Role::Editor).await?);
        let moderator = as_(&newsroom::token(&db, "مها", Role::Moderator).await?);
        let writer = as_(&newsroom::token(&db, "سالم", Role::Reader).await?);
        let reader = as_(&newsroom::token(&db, "هند", Role::Reader).await?);
        let article = open(&server, &editor).await?;
        let payload = post(&writer, &article, None, "كلام").await?;
        let id = payload["comment"]["id"].clone();
        ensure!(id.is_string(), "{payload}");
        let report = |reason: &'static str| {
            let (reader, id) = (reader.clone(), id.clone());
            async move {
                let payload = reader
                    .post(REPORT, json!({ "id": id, "reason": reason }))
                    .await?;
                payload.data().context("not reported")
            }
        };
        let count = || async {
            let payload = moderator.post(ASKED, json!({ "id": id })).await?.data()?;
            anyhow::Ok(payload["node"].clone())
        };
        report("سباب").await?;
        report("سباب مرة أخرى").await?;
        ensure!(count().await? == json!({"reportCount": 1, "reportReasons": ["سباب"]}));
        writer
            .post(EDIT, json!({ "id": id, "text": "كلام أسوأ" }))
            .await?
            .data()?;
        report("أسوأ").await?;
        report("أسوأ مرة أخرى").await?;
        let payload = count().await?;
        ensure!(
            payload == json!({"reportCount": 2, "reportReasons": ["أسوأ"]}),
            "{payload}"
        );
    }
    Ok(())
}
