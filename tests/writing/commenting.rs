//! Tests for the commenting settings of editions and articles.

use chrono::Duration;
use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Desk;
use crate::comment::{POST, SET_ARTICLE, SET_EDITION, code};

#[tokio::test]
async fn an_article_decides_before_its_edition() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.articles(1).await?.remove(0);
        let read = format!(
            "{{ node(id: {article:?}) {{ ... on Article {{ publishedAt listedAt
                commenting {{ open mode closesAt depth guestCommentsAllowed }} }} }} }}"
        );
        let reader = Who::anonymous();
        let found = desk.ask(&reader, &read, json!({})).await?;
        let usual = json!({"open": true, "mode": "PRE_MODERATED", "closesAt": null, "depth": 3,
            "guestCommentsAllowed": false});
        assert_eq!(found["node"]["commenting"], usual);

        let input = json!({"mode": "POST_MODERATED", "closesAfterDays": 1, "depth": 1});
        let payload = desk.write(&desk.editor, SET_EDITION, input).await?;
        assert_eq!(
            payload["edition"]["commenting"],
            json!({"mode": "POST_MODERATED", "closesAfterDays": 1, "depth": 1, "guestCommentsAllowed": false})
        );
        let found = desk.ask(&reader, &read, json!({})).await?;
        let commenting = &found["node"]["commenting"];
        // A week has passed since the newsroom opened, so comments closed after one day.
        assert_eq!(
            (&commenting["open"], &commenting["mode"]),
            (&json!(false), &json!("POST_MODERATED"))
        );
        assert!(commenting["closesAt"].is_string());

        let input = json!({"id": article, "closesAfterDays": 0, "depth": 8});
        let payload = desk.write(&desk.editor, SET_ARTICLE, input).await?;
        assert_eq!(
            payload["article"]["commenting"],
            json!({"open": true, "mode": "POST_MODERATED", "closesAt": null, "depth": 8,
                "guestCommentsAllowed": false})
        );
        // Omitted fields stay unchanged. Null restores the edition's setting.
        let input = json!({"id": article, "depth": null});
        let payload = desk.write(&desk.editor, SET_ARTICLE, input).await?;
        let commenting = &payload["article"]["commenting"];
        assert_eq!(
            (&commenting["open"], &commenting["depth"]),
            (&json!(true), &json!(1))
        );
    }
    Ok(())
}

#[tokio::test]
async fn comments_close_by_the_hour_or_outright() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.articles(1).await?.remove(0);
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let input = json!({"id": article, "closesAfterDays": 5});
        let payload = desk.write(&desk.editor, SET_ARTICLE, input).await?;
        let closes = payload["article"]["commenting"]["closesAt"]
            .as_str()
            .unwrap();
        let closes = chrono::DateTime::parse_from_rfc3339(closes)?.to_utc();
        assert!(closes > newsroom::opened() + Duration::days(5));
        let before = json!({"article": article, "text": "في الوقت"});
        let at = closes - Duration::microseconds(1);
        let payload = desk.write_at(&reader, at, POST, before).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let after = json!({"article": article, "text": "متأخر"});
        let payload = desk.write_at(&reader, closes, POST, after.clone()).await?;
        assert_eq!(code(&payload), (&json!("CLOSED"), &json!(["article"])));
        // Reopen comments, then close them with the mode `CLOSED`.
        let input = json!({"id": article, "closesAfterDays": 0});
        desk.write(&desk.editor, SET_ARTICLE, input).await?;
        let payload = desk.write_at(&reader, closes, POST, after).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let input = json!({"id": article, "mode": "CLOSED"});
        let payload = desk.write(&desk.editor, SET_ARTICLE, input).await?;
        assert_eq!(payload["article"]["commenting"]["open"], false);
        let input = json!({"article": article, "text": "بعد الإغلاق"});
        let payload = desk.write(&reader, POST, input).await?;
        assert_eq!(code(&payload).0, "CLOSED");
    }
    Ok(())
}

#[tokio::test]
async fn only_those_decide_who_may() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let article = desk.articles(1).await?.remove(0);
        let (edition, one) = (json!({"depth": 1}), json!({"id": article, "depth": 1}));
        let moderator = desk.app.who("نور", Role::Moderator).await?;
        for (document, input) in [(SET_EDITION, &edition), (SET_ARTICLE, &one)] {
            let refused = desk
                .refused(&Who::anonymous(), document, input.clone())
                .await?;
            assert_eq!(refused, "UNAUTHENTICATED");
            let refused = desk.refused(&moderator, document, input.clone()).await?;
            assert_eq!(refused, "FORBIDDEN");
        }
        for (document, input, expected, field) in [
            (SET_EDITION, json!({"depth": 9}), "INVALID", "depth"),
            (SET_EDITION, json!({"depth": -1}), "INVALID", "depth"),
            (
                SET_EDITION,
                json!({"closesAfterDays": -1}),
                "INVALID",
                "closesAfterDays",
            ),
            (
                SET_EDITION,
                json!({"closesAfterDays": 3651}),
                "INVALID",
                "closesAfterDays",
            ),
            (
                SET_EDITION,
                json!({"edition": "nowhere"}),
                "NOT_FOUND",
                "edition",
            ),
            (
                SET_ARTICLE,
                json!({"id": "AQAAAAAAAAAAAAAAAAAAAAc"}),
                "NOT_FOUND",
                "id",
            ),
            (
                SET_ARTICLE,
                json!({"id": "AgAAAAAAAAAAAAAAAAAAAAc"}),
                "INVALID",
                "id",
            ),
        ] {
            let payload = desk.write(&desk.editor, document, input).await?;
            assert_eq!(code(&payload), (&json!(expected), &json!([field])));
            let fields = payload.as_object().unwrap();
            assert!(
                fields
                    .iter()
                    .all(|(name, value)| name == "userErrors" || *value == Value::Null)
            );
        }
    }
    Ok(())
}
