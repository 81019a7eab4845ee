//! Tests of posting, editing and reporting comments.

use chrono::{DateTime, Duration, Utc};
use khabar_domain::commenting::{CommentLimits, RateLimit};
use khabar_domain::{AccountId, Role, Viewer, derived};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Desk;

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

impl Desk {
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
    async fn open(&self) -> anyhow::Result<String> {
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

fn minutes(minutes: i64) -> DateTime<Utc> {
    newsroom::now() + Duration::minutes(minutes)
}

#[tokio::test]
async fn a_comment_waits_for_the_moderators_and_its_writer_sees_that() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.articles(1).await?.remove(0);
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let markup = "<script>alert('x')</script> &amp; <b>رأي</b>";
        let input = json!({"article": article, "text": markup, "idempotencyKey": "one"});
        let payload = desk.write(&reader, POST, input.clone()).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let comment = &payload["comment"];
        assert_eq!(comment["status"], "PENDING");
        // Markup is treated as literal text.
        assert_eq!(comment["text"], markup);
        assert_eq!(comment["authorName"], "هدى");
        assert_eq!(comment["editedAt"], Value::Null);
        // A retry creates no second comment.
        assert_eq!(desk.write(&reader, POST, input).await?, payload);

        let mine = "{ myComments { totalCount nodes { id status text } } }";
        let found = desk.ask(&reader, mine, json!({})).await?;
        assert_eq!(found["myComments"]["totalCount"], 1);
        assert_eq!(found["myComments"]["nodes"][0]["status"], "PENDING");
        let id = comment["id"].as_str().unwrap();
        let node = format!("{{ node(id: {id:?}) {{ ... on Comment {{ status reason }} }} }}");
        let own = desk.ask(&reader, &node, json!({})).await?;
        assert_eq!(own["node"], json!({"status": "PENDING", "reason": null}));
        let other = desk.app.who("زياد", Role::Reader).await?;
        for who in [&Who::anonymous(), &other] {
            assert_eq!(desk.ask(who, &node, json!({})).await?["node"], Value::Null);
        }
        let seen = format!(
            "{{ node(id: {article:?}) {{ ... on Article {{ commentCount comments {{ totalCount }} }} }} }}"
        );
        let seen = desk.ask(&reader, &seen, json!({})).await?;
        assert_eq!(
            seen["node"],
            json!({"commentCount": 0, "comments": {"totalCount": 0}})
        );

        // The author sees why the comment was rejected. Other readers do not see it.
        let input = json!({"ids": [id], "decision": "REJECT", "reason": "إعلان"});
        let payload = desk.write(&desk.editor, MODERATE, input).await?;
        assert_eq!(
            payload["comments"],
            json!([{"id": id, "status": "REJECTED"}])
        );
        let own = desk.ask(&reader, &node, json!({})).await?;
        assert_eq!(own["node"], json!({"status": "REJECTED", "reason": "إعلان"}));
        let found = desk.ask(&reader, mine, json!({})).await?;
        assert_eq!(found["myComments"]["nodes"][0]["status"], "REJECTED");
        assert_eq!(
            desk.ask(&other, &node, json!({})).await?["node"],
            Value::Null
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_taken_in_is_refused() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let slug = |slug: &str| format!("{{ article(slug: {slug:?}) {{ id }} }}");
        let withdrawn = desk
            .ask(&desk.editor, &slug("خبر-سحبته-الأسرة"), json!({}))
            .await?;
        let draft = desk
            .ask(&desk.editor, &slug("مسودة-عن-ميزانية-البلدية"), json!({}))
            .await?;
        let (withdrawn, draft) = (&withdrawn["article"]["id"], &draft["article"]["id"]);
        assert!(withdrawn.is_string() && draft.is_string());
        let edition = desk
            .ask(&reader, "{ edition(slug: \"ar\") { id } }", json!({}))
            .await?;
        let edition = &edition["edition"]["id"];
        let bridge = "{ article(slug: \"افتتاح-الجسر-الجديد-فوق-نهر-السنديان\") {
            comments { nodes { id } } } }";
        let elsewhere = desk.ask(&reader, bridge, json!({})).await?;
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
            let payload = desk.write(&reader, POST, whole).await?;
            assert_eq!(payload["comment"], Value::Null, "{input}");
            assert_eq!(
                code(&payload),
                (&json!(expected), &json!([field])),
                "{input}"
            );
        }
        let anonymous = Who::anonymous();
        let input = json!({"article": article, "text": "رأي", "name": "عابر"});
        let refused = desk.refused(&anonymous, POST, input.clone()).await?;
        assert_eq!(refused, "UNAUTHENTICATED");
        let bare = reader.clone().only(&[]);
        let input = json!({"article": article, "text": "رأي"});
        assert_eq!(desk.refused(&bare, POST, input).await?, "FORBIDDEN");
        let mine = json!({});
        let answered = desk
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
async fn a_name_is_enough_where_the_edition_says_so() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let input = json!({"guestCommentsAllowed": true});
        let payload = desk.write(&desk.editor, SET_EDITION, input).await?;
        assert_eq!(
            payload["edition"]["commenting"]["guestCommentsAllowed"],
            true
        );
        let anonymous = Who::anonymous();
        let input = json!({"article": article, "text": "رأي"});
        let payload = desk.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(code(&payload), (&json!("INVALID"), &json!(["name"])));
        let mut input = input;
        input["name"] = json!("عابر \u{202e}سبيل");
        let payload = desk.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(code(&payload), (&json!("INVALID"), &json!(["name"])));
        input["name"] = json!("عابر سبيل");
        let payload = desk.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["comment"]["authorName"], "عابر سبيل");
        assert_eq!(payload["comment"]["status"], "APPROVED");
        // A repeated text is refused under one guest name, and accepted under another.
        let again = desk.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(code(&again).0, "REPEATED");
        input["name"] = json!("عابرة");
        let other = desk.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(other["userErrors"], json!([]));
        // The response shows guests that the comment is pending. They have no account to look it up
        // later.
        let pre = json!({"id": article, "mode": "PRE_MODERATED"});
        desk.write(&desk.editor, SET_ARTICLE, pre).await?;
        input["text"] = json!("رأي آخر");
        let waiting = desk.write(&anonymous, POST, input.clone()).await?;
        assert_eq!(waiting["comment"]["status"], "PENDING");
        // One name may post three per minute. Other names may still post, up to the limit of the IP
        // address.
        for number in 0..2 {
            input["text"] = json!(format!("رأي {number}"));
            let payload = desk.write(&anonymous, POST, input.clone()).await?;
            let kept = number == 0;
            assert_eq!(payload["userErrors"] == json!([]), kept, "{payload}");
        }
        for number in 0..40 {
            input["name"] = json!(format!("اسم {number}"));
            let payload = desk.write(&anonymous, POST, input.clone()).await?;
            // Four were accepted before. The address may post thirty per minute.
            let kept = number < 26;
            assert_eq!(
                payload["userErrors"] == json!([]),
                kept,
                "{number}: {payload}"
            );
        }
        // An article can still require an account.
        let strict = json!({"id": article, "guestCommentsAllowed": false});
        desk.write(&desk.editor, SET_ARTICLE, strict).await?;
        let refused = desk.refused(&anonymous, POST, input).await?;
        assert_eq!(refused, "UNAUTHENTICATED");
    }
    Ok(())
}

#[tokio::test]
async fn a_sender_keeps_a_pace_and_does_not_repeat() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let articles = desk.articles(2).await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let say = |text: String, article: usize, at| {
            let input = json!({"article": articles[article], "text": text});
            desk.write_at(&reader, at, POST, input)
        };
        // Three per minute across all articles. The fourth must wait until the first is a minute old.
        for number in 0..3 {
            let payload = say(format!("رأي {number}"), number % 2, minutes(0)).await?;
            assert_eq!(payload["userErrors"], json!([]));
        }
        let fast = say("رأي رابع".to_owned(), 0, minutes(0)).await?;
        assert_eq!(code(&fast), (&json!("TOO_OFTEN"), &json!([])));
        let slower = say("رأي رابع".to_owned(), 0, minutes(1)).await?;
        assert_eq!(slower["userErrors"], json!([]));
        // Thirty per hour.
        for number in 4..30 {
            let payload = say(format!("رأي {number}"), 0, minutes(number)).await?;
            assert_eq!(payload["userErrors"], json!([]), "{number}");
        }
        let busy = say("رأي أخير".to_owned(), 0, minutes(40)).await?;
        assert_eq!(code(&busy).0, "TOO_OFTEN");
        let later = say("رأي أخير".to_owned(), 0, minutes(60)).await?;
        assert_eq!(later["userErrors"], json!([]));
        // A repeated text is refused under its article for a day, and accepted under another article.
        let again = say(" رأي   أخير\n".to_owned(), 0, minutes(200)).await?;
        assert_eq!(code(&again), (&json!("REPEATED"), &json!(["text"])));
        let elsewhere = say("رأي أخير".to_owned(), 1, minutes(200)).await?;
        assert_eq!(elsewhere["userErrors"], json!([]));
        let tomorrow = say("رأي أخير".to_owned(), 0, minutes(60 + 24 * 60)).await?;
        assert_eq!(tomorrow["userErrors"], json!([]));
    }
    Ok(())
}

#[tokio::test]
async fn changes_and_reports_keep_a_pace_too() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let other = desk.app.who("زياد", Role::Reader).await?;
        let input = json!({"article": article, "text": "رأي"});
        let posted = desk.write(&reader, POST, input).await?;
        let id = posted["comment"]["id"].clone();
        let edit = |number: i64, at| {
            let input = json!({"id": id, "text": format!("رأي {number}")});
            desk.write_at(&reader, at, EDIT, input)
        };
        for number in 0..6 {
            let payload = edit(number, minutes(0)).await?;
            assert_eq!(payload["userErrors"], json!([]), "{number}");
        }
        let fast = edit(6, minutes(0)).await?;
        assert_eq!(code(&fast), (&json!("TOO_OFTEN"), &json!([])));
        // Saving an unchanged text does not count. A minute later, the hourly limit is not yet reached.
        assert_eq!(edit(5, minutes(0)).await?["userErrors"], json!([]));
        assert_eq!(edit(6, minutes(1)).await?["userErrors"], json!([]));

        let read = "{ articles(first: 20) { nodes { comments { nodes { id } } } } }";
        let found = desk.ask(&other, read, json!({})).await?;
        let nodes = found["articles"]["nodes"].as_array().into_iter().flatten();
        let nodes = nodes.filter_map(|node| node["comments"]["nodes"].as_array());
        let ids: Vec<_> = nodes.flatten().map(|node| node["id"].clone()).collect();
        let report = |id: &Value, at| {
            let input = json!({"id": id, "reason": "إعلان"});
            desk.write_at(&other, at, REPORT, input)
        };
        let strict = CommentLimits {
            reports: RateLimit {
                per_minute: 2,
                per_hour: 3,
            },
            ..CommentLimits::default()
        };
        assert!(ids.len() > 3, "too few comments");
        for id in &ids[..2] {
            let payload = report(id, minutes(0)).await?;
            assert_eq!(payload["userErrors"], json!([]));
        }
        // Other limits also count the reports made before they were set.
        let desk = desk.saying(strict);
        let report = |who, id: &Value, at| {
            let input = json!({"id": id, "reason": "إعلان"});
            desk.write_at(who, at, REPORT, input)
        };
        let fast = report(&other, &ids[2], minutes(0)).await?;
        assert_eq!(code(&fast), (&json!("TOO_OFTEN"), &json!([])));
        // The refused report did not count. Repeating an earlier report is not a new one.
        let read = format!(
            "{{ node(id: {}) {{ ... on Comment {{ reportCount }} }} }}",
            ids[2]
        );
        let read = desk.ask(&desk.editor, &read, json!({})).await?;
        assert_eq!(read["node"]["reportCount"], 0);
        let again = report(&other, &ids[0], minutes(0)).await?;
        assert_eq!(again["userErrors"], json!([]));
        let hers = report(&reader, &ids[2], minutes(0)).await?;
        assert_eq!(hers["userErrors"], json!([]), "each is counted alone");
        let slower = report(&other, &ids[2], minutes(1)).await?;
        assert_eq!(slower["userErrors"], json!([]));
        let busy = report(&other, &ids[3], minutes(30)).await?;
        assert_eq!(code(&busy).0, "TOO_OFTEN");
        let later = report(&other, &ids[3], minutes(60)).await?;
        assert_eq!(later["userErrors"], json!([]));
    }
    Ok(())
}

#[tokio::test]
async fn an_installation_sets_its_own_limits() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let limits = CommentLimits {
            edit_window: Duration::minutes(2),
            posts: RateLimit {
                per_minute: 1,
                per_hour: 2,
            },
            ..CommentLimits::default()
        };
        let desk = desk.saying(limits);
        let say = |text: &str, at| {
            let input = json!({"article": article, "text": text});
            desk.write_at(&reader, at, POST, input)
        };
        let first = say("أول", minutes(0)).await?;
        assert_eq!(first["userErrors"], json!([]));
        assert_eq!(code(&say("ثان", minutes(0)).await?).0, "TOO_OFTEN");
        assert_eq!(say("ثان", minutes(1)).await?["userErrors"], json!([]));
        assert_eq!(code(&say("ثالث", minutes(59)).await?).0, "TOO_OFTEN");
        assert_eq!(say("ثالث", minutes(60)).await?["userErrors"], json!([]));
        let edit = |text: &str, at| {
            let input = json!({"id": first["comment"]["id"], "text": text});
            desk.write_at(&reader, at, EDIT, input)
        };
        assert_eq!(edit("أوضح", minutes(1)).await?["userErrors"], json!([]));
        let late = edit("أوضح من ذلك", minutes(2)).await?;
        let said = "Comments can only be edited within 2 minutes of being posted.";
        assert_eq!(late["userErrors"][0]["message"], said);
    }
    Ok(())
}

/// Checks that concurrent comments are counted as if sent one after another.
#[tokio::test]
async fn a_sender_cannot_outrun_the_count() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let articles = desk.articles(2).await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let sent = (0..12).map(|number| {
            let text = format!("رأي {number}");
            let input = json!({"article": articles[number % 2], "text": text});
            desk.write(&reader, POST, input)
        });
        let answers = futures::future::try_join_all(sent).await?;
        let kept = answers.iter().filter(|it| it["userErrors"] == json!([]));
        assert_eq!(kept.count(), 3, "{}", desk.app.db().name());
    }
    Ok(())
}

#[tokio::test]
async fn a_writer_changes_a_comment_for_a_while_and_it_says_so() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let other = desk.app.who("زياد", Role::Reader).await?;
        let input = json!({"article": article, "text": "رأي"});
        let posted = desk.write(&reader, POST, input).await?;
        let id = &posted["comment"]["id"];
        let edit =
            |who, at, text: &str| desk.write_at(who, at, EDIT, json!({"id": id, "text": text}));
        let same = edit(&reader, minutes(1), "رأي").await?;
        assert_eq!(same["comment"]["editedAt"], Value::Null);
        let changed = edit(&reader, minutes(14), "رأي أوضح").await?;
        assert_eq!(changed["userErrors"], json!([]));
        assert_eq!(changed["comment"]["text"], "رأي أوضح");
        assert_eq!(changed["comment"]["status"], "APPROVED");
        assert!(changed["comment"]["editedAt"].is_string());
        let late = edit(&reader, minutes(15), "رأي متأخر").await?;
        assert_eq!(code(&late), (&json!("CLOSED"), &json!(["id"])));
        let foreign = edit(&other, minutes(1), "ليس رأيي").await?;
        assert_eq!(code(&foreign), (&json!("NOT_ALLOWED"), &json!(["id"])));
        let moderator = edit(&desk.editor, minutes(1), "كلام غيره").await?;
        assert_eq!(code(&moderator).0, "NOT_ALLOWED");
        for bad in ["", "a\u{202e}"] {
            assert_eq!(
                code(&edit(&reader, minutes(1), bad).await?).1,
                &json!(["text"])
            );
        }
        let wrong = desk
            .write(&reader, EDIT, json!({"id": article, "text": "x"}))
            .await?;
        assert_eq!(code(&wrong), (&json!("INVALID"), &json!(["id"])));
        let unknown = json!({"id": "AgAAAAAAAAAAAAAAAAAAAAc", "text": "x"});
        assert_eq!(
            code(&desk.write(&reader, EDIT, unknown).await?).0,
            "NOT_FOUND"
        );

        // An edit cannot repeat the text of the author's other comment.
        let input = json!({"article": article, "text": "ثان"});
        let second = desk.write(&reader, POST, input).await?;
        let input = json!({"id": second["comment"]["id"], "text": "رأي أوضح"});
        let double = desk.write(&reader, EDIT, input).await?;
        assert_eq!(code(&double), (&json!("REPEATED"), &json!(["text"])));

        // With pre-moderation, an edited comment is pending again.
        let pre = json!({"id": article, "mode": "PRE_MODERATED"});
        desk.write(&desk.editor, SET_ARTICLE, pre).await?;
        let again = edit(&reader, minutes(2), "رأي ثالث").await?;
        assert_eq!(again["comment"]["status"], "PENDING");
        let foreign = edit(&other, minutes(2), "ليس رأيي").await?;
        assert_eq!(code(&foreign).0, "NOT_FOUND");
        // A rejected comment cannot be edited, nor any comment on a closed article.
        let input = json!({"ids": [id], "decision": "REJECT", "reason": "سباب"});
        desk.write(&desk.editor, MODERATE, input).await?;
        let rejected = edit(&reader, minutes(3), "رأي رابع").await?;
        assert_eq!(code(&rejected).0, "WRONG_STATUS");
        let shut = json!({"id": article, "mode": "CLOSED"});
        desk.write(&desk.editor, SET_ARTICLE, shut).await?;
        let input = json!({"id": second["comment"]["id"], "text": "رأي خامس"});
        assert_eq!(code(&desk.write(&reader, EDIT, input).await?).0, "CLOSED");
    }
    Ok(())
}

#[tokio::test]
async fn a_report_counts_once_per_account() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let input = json!({"article": article, "text": "رأي"});
        let posted = desk.write(&reader, POST, input).await?;
        let id = posted["comment"]["id"].as_str().unwrap();
        for (who, reason) in [("زياد", "سباب"), ("زياد", "سباب حقاً"), ("ريم", "كذب")]
        {
            let viewer = Who {
                viewer: Viewer::of(AccountId::new(derived("account", &[who])), Role::Reader),
                name: who.to_owned(),
            };
            if reason != "سباب حقاً" {
                desk.app.who(who, Role::Reader).await?;
            }
            let input = json!({"id": id, "reason": reason});
            let payload = desk.write(&viewer, REPORT, input).await?;
            assert_eq!(payload, json!({"comment": {"id": id}, "userErrors": []}));
        }
        let queue =
            "{ comments(reported: true) { totalCount nodes { id reportCount reportReasons } } }";
        let found = desk.ask(&desk.editor, queue, json!({})).await?;
        assert_eq!(found["comments"]["totalCount"], 1);
        let node = &found["comments"]["nodes"][0];
        assert_eq!((&node["id"], &node["reportCount"]), (&json!(id), &json!(2)));
        assert_eq!(node["reportReasons"].as_array().map(Vec::len), Some(2));

        for (input, expected, field) in [
            (json!({"id": id, "reason": " "}), "INVALID", "reason"),
            (
                json!({"id": id, "reason": "أ".repeat(501)}),
                "INVALID",
                "reason",
            ),
            (
                json!({"id": id, "reason": "a\u{202e}"}),
                "INVALID",
                "reason",
            ),
            (json!({"id": article, "reason": "x"}), "INVALID", "id"),
            (
                json!({"id": "AgAAAAAAAAAAAAAAAAAAAAc", "reason": "x"}),
                "NOT_FOUND",
                "id",
            ),
        ] {
            let payload = desk.write(&reader, REPORT, input).await?;
            assert_eq!(code(&payload), (&json!(expected), &json!([field])));
        }
        let input = json!({"id": id, "reason": "x"});
        let refused = desk
            .refused(&Who::anonymous(), REPORT, input.clone())
            .await?;
        assert_eq!(refused, "UNAUTHENTICATED");

        // A decision closes the reports. A hidden comment cannot be reported.
        for (decision, left) in [("APPROVE", 0), ("HIDE", 0)] {
            let input = json!({"ids": [id], "decision": decision});
            desk.write(&desk.editor, MODERATE, input).await?;
            let found = desk.ask(&desk.editor, queue, json!({})).await?;
            assert_eq!(found["comments"]["totalCount"], left);
        }
        let other = desk.app.who("سامر", Role::Reader).await?;
        assert_eq!(
            code(&desk.write(&other, REPORT, input).await?).0,
            "NOT_FOUND"
        );
    }
    Ok(())
}

#[tokio::test]
async fn answers_go_as_deep_as_is_decided() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let input = json!({"id": article, "depth": 2});
        desk.write(&desk.editor, SET_ARTICLE, input).await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let mut parent = Value::Null;
        for depth in 0..4 {
            let input =
                json!({"article": article, "parent": parent, "text": format!("رد {depth}")});
            let payload = desk.write_at(&reader, minutes(depth), POST, input).await?;
            if depth == 3 {
                assert_eq!(code(&payload), (&json!("INVALID"), &json!(["parent"])));
                break;
            }
            assert_eq!(payload["comment"]["parent"]["id"], parent, "{payload}");
            parent = payload["comment"]["id"].clone();
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_answers_ones_own_comment_goes_with_the_article() -> anyhow::Result<()> {
    const READ: &str = "fragment C on Comment { text replyCount parent { text }
        replies { totalCount nodes { text replies { nodes { text } } } edges { node { text } } } }";
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let (huda, ziad) = (
            desk.app.who("هدى", Role::Reader).await?,
            desk.app.who("زياد", Role::Reader).await?,
        );
        let moderator = desk.app.who("سامي", Role::Moderator).await?;
        let post = async |who: &Who, text: &str, parent: Option<&Value>| {
            let mut input = json!({"article": article, "text": text});
            if let Some(parent) = parent {
                input["parent"] = parent.clone();
            }
            let payload = desk.write(who, POST, input).await?;
            anyhow::ensure!(payload["userErrors"] == json!([]), "{payload}");
            anyhow::Ok(payload["comment"]["id"].clone())
        };
        let root = post(&huda, "سؤال هدى", None).await?;
        let answer = post(&ziad, "جواب زياد", Some(&root)).await?;
        let own = post(&huda, "رد هدى", Some(&answer)).await?;
        post(&ziad, "خاتمة زياد", Some(&own)).await?;
        let asked = format!(
            "query ($root: ID!, $own: ID!) {{ myComments {{ nodes {{ ...C }} }}
                root: node(id: $root) {{ ...C }} own: node(id: $own) {{ ...C }}
                nodes(ids: [$root, $own]) {{ ...C }} }} {READ}"
        );
        let ids = json!({"root": root, "own": own});
        for who in [&huda, &moderator] {
            let seen = desk.ask(who, &asked, ids.clone()).await?.to_string();
            assert!(
                seen.contains("جواب زياد") && seen.contains("خاتمة زياد"),
                "{seen}"
            );
        }
        let input = json!({"id": article, "reason": "خطأ"});
        crate::article::done(&desk, &desk.editor, "withdrawArticle", input).await?;
        let seen = desk.ask(&huda, &asked, ids.clone()).await?;
        assert!(!seen.to_string().contains("زياد"), "{seen}");
        for path in ["root", "own"] {
            let comment = &seen[path];
            assert!(comment["text"].is_string(), "{comment}");
            assert_eq!(comment["replyCount"], 0);
            assert_eq!(comment["replies"]["totalCount"], 0);
        }
        // The payload of an edit does not reveal the replies either.
        let edit = format!(
            "mutation ($input: EditCommentInput!) {{ editComment(input: $input) {{
                comment {{ ...C }} userErrors {{ code }} }} }} {READ}"
        );
        let input = json!({"id": own, "text": "رد آخر"});
        let edited = desk.write(&huda, &edit, input).await?;
        assert!(!edited.to_string().contains("زياد"), "{edited}");
        let seen = desk.ask(&moderator, &asked, ids).await?.to_string();
        assert!(seen.contains("جواب زياد"), "{seen}");
    }
    Ok(())
}

#[tokio::test]
async fn addresses_are_kept_for_their_time_and_stay_here() -> anyhow::Result<()> {
    // The address that the test harness sends for everyone.
    const ADDRESS: &str = "192.0.2.7";
    const LOG: &str = "{ audit(first: 100) { nodes { role address } } }";
    for desk in Desk::each().await? {
        let article = desk.open().await?;
        let input = json!({"id": article, "mode": "POST_MODERATED", "guestCommentsAllowed": true});
        desk.write(&desk.editor, SET_ARTICLE, input).await?;
        let named = json!({"article": article, "text": "رأي عابر", "name": "عابر",
            "idempotencyKey": "one"});
        let payload = desk.write(&Who::anonymous(), POST, named).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let signed = json!({"article": article, "text": "رأي آخر"});
        desk.write(&reader, POST, signed).await?;
        let db = desk.app.db().db();

        let mut archive = Vec::new();
        khabar_persistence::archive::export(db, &mut archive).await?;
        assert!(!String::from_utf8(archive)?.contains(ADDRESS));

        let admin = desk.app.who("ندى", Role::Admin).await?;
        let log = async || {
            let mut log = desk.ask(&admin, LOG, json!({})).await?;
            let of = |log: &Value, role: &str| {
                let nodes = log["audit"]["nodes"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let nodes = nodes.into_iter().filter(|node| node["role"] == role);
                nodes
                    .map(|node| node["address"] == ADDRESS)
                    .collect::<Vec<_>>()
            };
            let log = log.take();
            anyhow::Ok((of(&log, "READER"), of(&log, "EDITOR")))
        };
        let (readers, editors) = log().await?;
        assert!(readers.len() >= 2 && readers.iter().all(|kept| *kept));
        assert!(!editors.is_empty() && editors.iter().all(|kept| *kept));
        let kept = khabar_server::config::Settings::default().addresses();
        assert_eq!(kept.readers, Duration::hours(24));
        let clear = async |after: Duration| {
            let clock = khabar_domain::clock::FixedClock(newsroom::now() + after);
            khabar_server::maintenance::clear_addresses(db, &clock, kept).await
        };
        // The address is retained for as long as the rate limits may need it.
        assert_eq!(clear(kept.readers).await?, 0);
        let cleared = clear(kept.readers + Duration::seconds(1)).await?;
        assert_eq!(
            cleared,
            2 + u64::try_from(readers.len())?,
            "the comment's, that of its name, and the log's"
        );
        let (readers, editors) = log().await?;
        assert!(readers.iter().all(|kept| !*kept) && editors.iter().all(|kept| *kept));
        clear(kept.staff + Duration::seconds(1)).await?;
        let (_, editors) = log().await?;
        assert!(editors.iter().all(|kept| !*kept));
        assert_eq!(clear(kept.staff + Duration::days(9)).await?, 0);
    }
    Ok(())
}
