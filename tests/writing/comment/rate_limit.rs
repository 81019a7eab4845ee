//! Rate limits of comments, edits and reports.

use chrono::Duration;
use khabar_domain::Role;
use khabar_domain::commenting::{CommentLimits, RateLimit};
use serde_json::{Value, json};

use super::{EDIT, POST, REPORT, code, minutes};
use crate::Fixture;

#[tokio::test]
async fn comments_are_rate_limited_and_not_repeated() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let articles = fixture.articles(2).await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let say = |text: String, article: usize, at| {
            let input = json!({"article": articles[article], "text": text});
            fixture.write_at(&reader, at, POST, input)
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
async fn edits_and_reports_are_rate_limited() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let other = fixture.app.who("زياد", Role::Reader).await?;
        let input = json!({"article": article, "text": "رأي"});
        let posted = fixture.write(&reader, POST, input).await?;
        let id = posted["comment"]["id"].clone();
        let edit = |number: i64, at| {
            let input = json!({"id": id, "text": format!("رأي {number}")});
            fixture.write_at(&reader, at, EDIT, input)
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
        let found = fixture.ask(&other, read, json!({})).await?;
        let nodes = found["articles"]["nodes"].as_array().into_iter().flatten();
        let nodes = nodes.filter_map(|node| node["comments"]["nodes"].as_array());
        let ids: Vec<_> = nodes.flatten().map(|node| node["id"].clone()).collect();
        let report = |id: &Value, at| {
            let input = json!({"id": id, "reason": "إعلان"});
            fixture.write_at(&other, at, REPORT, input)
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
        let fixture = fixture.with_comment_limits(strict);
        let report = |who, id: &Value, at| {
            let input = json!({"id": id, "reason": "إعلان"});
            fixture.write_at(who, at, REPORT, input)
        };
        let fast = report(&other, &ids[2], minutes(0)).await?;
        assert_eq!(code(&fast), (&json!("TOO_OFTEN"), &json!([])));
        // The refused report did not count. Repeating an earlier report is not a new one.
        let read = format!(
            "{{ node(id: {}) {{ ... on Comment {{ reportCount }} }} }}",
            ids[2]
        );
        let read = fixture.ask(&fixture.editor, &read, json!({})).await?;
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
async fn comment_rate_limits_are_configurable() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let limits = CommentLimits {
            edit_window: Duration::minutes(2),
            posts: RateLimit {
                per_minute: 1,
                per_hour: 2,
            },
            ..CommentLimits::default()
        };
        let fixture = fixture.with_comment_limits(limits);
        let say = |text: &str, at| {
            let input = json!({"article": article, "text": text});
            fixture.write_at(&reader, at, POST, input)
        };
        let first = say("أول", minutes(0)).await?;
        assert_eq!(first["userErrors"], json!([]));
        assert_eq!(code(&say("ثان", minutes(0)).await?).0, "TOO_OFTEN");
        assert_eq!(say("ثان", minutes(1)).await?["userErrors"], json!([]));
        assert_eq!(code(&say("ثالث", minutes(59)).await?).0, "TOO_OFTEN");
        assert_eq!(say("ثالث", minutes(60)).await?["userErrors"], json!([]));
        let edit = |text: &str, at| {
            let input = json!({"id": first["comment"]["id"], "text": text});
            fixture.write_at(&reader, at, EDIT, input)
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
async fn concurrent_comments_cannot_exceed_the_rate_limit() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let articles = fixture.articles(2).await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let sent = (0..12).map(|number| {
            let text = format!("رأي {number}");
            let input = json!({"article": articles[number % 2], "text": text});
            fixture.write(&reader, POST, input)
        });
        let answers = futures::future::try_join_all(sent).await?;
        let accepted = answers.iter().filter(|it| it["userErrors"] == json!([]));
        assert_eq!(accepted.count(), 3, "{}", fixture.app.db().name());
    }
    Ok(())
}
