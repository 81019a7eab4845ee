//! Tests of posting, editing and reporting comments.

mod client_address;
mod edit;
mod rate_limit;
mod replies;
mod report;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;

pub(crate) const POST: &str = "mutation ($input: PostCommentInput!) { postComment(input: $input) {
    comment { id text status authorName postedAt editedAt parent { id } article { slug } }
    userErrors { field code message } idempotencyKey } }";

pub(crate) const EDIT: &str = "mutation ($input: EditCommentInput!) { editComment(input: $input) {
    comment { id text status editedAt } userErrors { field code message } } }";

pub(crate) const REPORT: &str =
    "mutation ($input: ReportCommentInput!) { reportComment(input: $input) {
    comment { id } userErrors { field code message } } }";

pub(crate) const MODERATE: &str = "mutation ($input: ModerateCommentsInput!) {
    moderateComments(input: $input) { comments { id status } userErrors { field code message } } }";

pub(crate) const SET_EDITION: &str = "mutation ($input: SetEditionCommentingInput!) {
    setEditionCommenting(input: $input) {
        edition { commenting { mode closesAfterDays depth guestCommentsAllowed } }
        userErrors { field code message } } }";

pub(crate) const SET_ARTICLE: &str = "mutation ($input: SetArticleCommentingInput!) {
    setArticleCommenting(input: $input) {
        article { commenting { open mode closesAt depth guestCommentsAllowed } }
        userErrors { field code message } } }";

impl Fixture {
    /// Sends a mutation as `who` at the time `hour`, and returns the payload of its only field.
    pub(crate) async fn write_at(
        &self,
        who: &Who,
        hour: DateTime<Utc>,
        document: &str,
        input: Value,
    ) -> anyhow::Result<Value> {
        let answered = self
            .app
            .ask_as(who, hour, document, &json!({ "input": input }))
            .await?;
        let value = answered.value()?;
        anyhow::ensure!(value["errors"].is_null(), "{}", value["errors"]);
        let fields = value["data"].as_object();
        let payload = fields.and_then(|fields| fields.values().next());
        payload
            .cloned()
            .ok_or_else(|| anyhow::anyhow!("no payload: {value}"))
    }

    /// Returns the IDs of `many` new articles of the default edition that have no comments.
    pub(crate) async fn articles(&self, many: usize) -> anyhow::Result<Vec<String>> {
        let document = "{ articles(first: 8) { nodes { id comments { totalCount } } } }";
        let data = self.ask(&Who::anonymous(), document, json!({})).await?;
        let nodes = data["articles"]["nodes"].as_array().into_iter().flatten();
        let quiet = nodes.filter(|node| node["comments"]["totalCount"] == 0);
        let ids = quiet.filter_map(|node| Some(node["id"].as_str()?.to_owned()));
        let ids: Vec<_> = ids.take(many).collect();
        anyhow::ensure!(ids.len() == many, "too few articles");
        Ok(ids)
    }

    /// Returns an article without comments, under which new comments are published at once.
    pub(super) async fn open(&self) -> anyhow::Result<String> {
        let article = self.articles(1).await?.remove(0);
        let input = json!({"id": article, "mode": "POST_MODERATED"});
        let payload = self.write(&self.editor, SET_ARTICLE, input).await?;
        assert_eq!(payload["userErrors"], json!([]));
        Ok(article)
    }
}

pub(crate) fn code(payload: &Value) -> (&Value, &Value) {
    let error = &payload["userErrors"][0];
    (&error["code"], &error["field"])
}

pub(super) fn minutes(minutes: i64) -> DateTime<Utc> {
    newsroom::now() + Duration::minutes(minutes)
}

#[tokio::test]
async fn a_pending_comment_is_visible_to_its_author() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.articles(1).await?.remove(0);
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let markup = "<script>alert('x')</script> &amp; <b>رأي</b>";
        let input = json!({"article": article, "text": markup, "idempotencyKey": "one"});
        let payload = fixture.write(&reader, POST, input.clone()).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let comment = &payload["comment"];
        assert_eq!(comment["status"], "PENDING");
        // Markup is treated as literal text.
        assert_eq!(comment["text"], markup);
        assert_eq!(comment["authorName"], "هدى");
        assert_eq!(comment["editedAt"], Value::Null);
        // A retry creates no second comment.
        assert_eq!(fixture.write(&reader, POST, input).await?, payload);

        let mine = "{ myComments { totalCount nodes { id status text } } }";
        let found = fixture.ask(&reader, mine, json!({})).await?;
        assert_eq!(found["myComments"]["totalCount"], 1);
        assert_eq!(found["myComments"]["nodes"][0]["status"], "PENDING");
        let id = comment["id"].as_str().unwrap();
        let node = format!("{{ node(id: {id:?}) {{ ... on Comment {{ status reason }} }} }}");
        let own = fixture.ask(&reader, &node, json!({})).await?;
        assert_eq!(own["node"], json!({"status": "PENDING", "reason": null}));
        let other = fixture.app.who("زياد", Role::Reader).await?;
        for who in [&Who::anonymous(), &other] {
            assert_eq!(
                fixture.ask(who, &node, json!({})).await?["node"],
                Value::Null
            );
        }
        let seen = format!(
            "{{ node(id: {article:?}) {{ ... on Article {{ commentCount comments {{ totalCount }} }} }} }}"
        );
        let seen = fixture.ask(&reader, &seen, json!({})).await?;
        assert_eq!(
            seen["node"],
            json!({"commentCount": 0, "comments": {"totalCount": 0}})
        );

        // The author sees why the comment was rejected. Other readers do not see it.
        let input = json!({"ids": [id], "decision": "REJECT", "reason": "إعلان"});
        let payload = fixture.write(&fixture.editor, MODERATE, input).await?;
        assert_eq!(
            payload["comments"],
            json!([{"id": id, "status": "REJECTED"}])
        );
        let own = fixture.ask(&reader, &node, json!({})).await?;
        assert_eq!(own["node"], json!({"status": "REJECTED", "reason": "إعلان"}));
        let found = fixture.ask(&reader, mine, json!({})).await?;
        assert_eq!(found["myComments"]["nodes"][0]["status"], "REJECTED");
        assert_eq!(
            fixture.ask(&other, &node, json!({})).await?["node"],
            Value::Null
        );
    }
    Ok(())
}

#[tokio::test]
async fn invalid_comments_are_rejected() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let slug = |slug: &str| format!("{{ article(slug: {slug:?}) {{ id }} }}");
        let withdrawn = fixture
            .ask(&fixture.editor, &slug("خبر-سحبته-الأسرة"), json!({}))
            .await?;
        let draft = fixture
            .ask(
                &fixture.editor,
                &slug("مسودة-عن-ميزانية-البلدية"),
                json!({}),
            )
            .await?;
        let (withdrawn, draft) = (&withdrawn["article"]["id"], &draft["article"]["id"]);
        assert!(withdrawn.is_string() && draft.is_string());
        let edition = fixture
            .ask(&reader, "{ edition(slug: \"ar\") { id } }", json!({}))
            .await?;
        let edition = &edition["edition"]["id"];
        let bridge = "{ article(slug: \"افتتاح-الجسر-الجديد-فوق-نهر-السنديان\") {
            comments { nodes { id } } } }";
        let elsewhere = fixture.ask(&reader, bridge, json!({})).await?;
        let elsewhere = &elsewhere["article"]["comments"]["nodes"][0]["id"];
        assert!(elsewhere.is_string());
        // A well-formed comment ID of no existing comment.
        let nobody = "AgAAAAAAAAAAAAAAAAAAAAc";
        let long = "أ".repeat(4_001);
        for (input, expected, field) in [
            (json!({"text": ""}), "INVALID", "text"),
            (json!({"text": " \n\t "}), "INVALID", "text"),
            (json!({ "text": long }), "INVALID", "text"),
            (json!({"text": "a\u{0}b"}), "INVALID", "text"),
            (json!({"text": "a\u{1b}[31mb"}), "INVALID", "text"),
            (json!({"text": "قل \u{202e}عكس"}), "INVALID", "text"),
            (json!({"text": "قل \u{2066}عكس"}), "INVALID", "text"),
            (json!({"name": "غيري"}), "INVALID", "name"),
            (json!({ "article": edition }), "INVALID", "article"),
            (json!({"article": "nonsense"}), "INVALID", "article"),
            (
                json!({"article": "AQAAAAAAAAAAAAAAAAAAAAc"}),
                "NOT_FOUND",
                "article",
            ),
            (json!({ "article": draft }), "NOT_FOUND", "article"),
            (json!({ "article": withdrawn }), "NOT_FOUND", "article"),
            (json!({ "parent": article }), "INVALID", "parent"),
            (json!({ "parent": nobody }), "NOT_FOUND", "parent"),
            (json!({ "parent": elsewhere }), "NOT_FOUND", "parent"),
        ] {
            let mut whole = json!({"article": article, "text": "رأي"});
            for (name, value) in input.as_object().unwrap() {
                whole[name] = value.clone();
            }
            let payload = fixture.write(&reader, POST, whole).await?;
            assert_eq!(payload["comment"], Value::Null, "{input}");
            assert_eq!(
                code(&payload),
                (&json!(expected), &json!([field])),
                "{input}"
            );
        }
        let anonymous = Who::anonymous();
        let input = json!({"article": article, "text": "رأي", "name": "عابر"});
        let refused = fixture.refused(&anonymous, POST, input.clone()).await?;
        assert_eq!(refused, "UNAUTHENTICATED");
        let bare = reader.clone().only(&[]);
        let input = json!({"article": article, "text": "رأي"});
        assert_eq!(fixture.refused(&bare, POST, input).await?, "FORBIDDEN");
        let mine = json!({});
        let answered = fixture
            .app
            .ask_as(
                &anonymous,
                newsroom::now(),
                "{ myComments { totalCount } }",
                &mine,
            )
            .await?;
        let value = answered.value()?;
        assert_eq!(value["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    }
    Ok(())
}

#[tokio::test]
async fn guest_comments_are_allowed_by_the_edition() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let input = json!({"guestCommentsAllowed": true});
        let payload = fixture.write(&fixture.editor, SET_EDITION, input).await?;
        assert_eq!(
            payload["edition"]["commenting"]["guestCommentsAllowed"],
            true
        );
        let anonymous = Who::anonymous();
        let input = json!({"article": article, "text": "رأي"});
        let payload = fixture.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(code(&payload), (&json!("INVALID"), &json!(["name"])));
        let mut input = input;
        input["name"] = json!("عابر \u{202e}سبيل");
        let payload = fixture.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(code(&payload), (&json!("INVALID"), &json!(["name"])));
        input["name"] = json!("عابر سبيل");
        let payload = fixture.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["comment"]["authorName"], "عابر سبيل");
        assert_eq!(payload["comment"]["status"], "APPROVED");
        // A repeated text is refused under one guest name, and accepted under another.
        let again = fixture.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(code(&again).0, "REPEATED");
        input["name"] = json!("عابرة");
        let other = fixture.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(other["userErrors"], json!([]));
        // The response shows guests that the comment is pending. They have no account to look it up
        // later.
        let pre = json!({"id": article, "mode": "PRE_MODERATED"});
        fixture.write(&fixture.editor, SET_ARTICLE, pre).await?;
        input["text"] = json!("رأي آخر");
        let waiting = fixture.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(waiting["comment"]["status"], "PENDING");
        // One name may post three per minute. Other names may still post, up to the limit of the IP
        // address.
        for number in 0..2 {
            input["text"] = json!(format!("رأي {number}"));
            let payload = fixture.write(&anonymous, POST, input.clone()).await?;
            let is_accepted = number == 0;
            assert_eq!(payload["userErrors"] == json!([]), is_accepted, "{payload}");
        }
        for number in 0..40 {
            input["name"] = json!(format!("اسم {number}"));
            let payload = fixture.write(&anonymous, POST, input.clone()).await?;
            // Four were accepted before. The address may post thirty per minute.
            let is_accepted = number < 26;
            assert_eq!(
                payload["userErrors"] == json!([]),
                is_accepted,
                "{number}: {payload}"
            );
        }
        // An article can still require an account.
        let strict = json!({"id": article, "guestCommentsAllowed": false});
        fixture.write(&fixture.editor, SET_ARTICLE, strict).await?;
        let refused = fixture.refused(&anonymous, POST, input).await?;
        assert_eq!(refused, "UNAUTHENTICATED");
    }
    Ok(())
}
