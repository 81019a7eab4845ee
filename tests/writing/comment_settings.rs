//! Tests for the commenting settings of editions and articles.

use chrono::Duration;
use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;
use crate::comment::{POST, SET_ARTICLE, SET_EDITION, code};

#[tokio::test]
async fn article_settings_override_edition_settings() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.articles(1).await?.remove(0);
        let read = format!(
            "{{ node(id: {article:?}) {{ ... on Article {{ publishedAt listedAt
                commenting {{ open mode closesAt depth guestCommentsAllowed }} }} }} }}"
        );
        let reader = Who::anonymous();
        let found = fixture.ask(&reader, &read, json!({})).await?;
        let usual = json!({"open": true, "mode": "PRE_MODERATED", "closesAt": null, "depth": 3,
            "guestCommentsAllowed": false});
        assert_eq!(found["node"]["commenting"], usual);

        let input = json!({"mode": "POST_MODERATED", "closesAfterDays": 1, "depth": 1});
        let payload = fixture.write(&fixture.editor, SET_EDITION, input).await?;
        assert_eq!(
            payload["edition"]["commenting"],
            json!({"mode": "POST_MODERATED", "closesAfterDays": 1, "depth": 1, "guestCommentsAllowed": false})
        );
        let found = fixture.ask(&reader, &read, json!({})).await?;
        let commenting = &found["node"]["commenting"];
        // A week has passed since the newsroom opened, so comments closed after one day.
        assert_eq!(
            (&commenting["open"], &commenting["mode"]),
            (&json!(false), &json!("POST_MODERATED"))
        );
        assert!(commenting["closesAt"].is_string());

        let input = json!({"id": article, "closesAfterDays": 0, "depth": 8});
        let payload = fixture.write(&fixture.editor, SET_ARTICLE, input).await?;
        assert_eq!(
            payload["article"]["commenting"],
            json!({"open": true, "mode": "POST_MODERATED", "closesAt": null, "depth": 8,
                "guestCommentsAllowed": false})
        );
        // Omitted fields stay unchanged. Null restores the edition's setting.
        let input = json!({"id": article, "depth": null});
        let payload = fixture.write(&fixture.editor, SET_ARTICLE, input).await?;
        let commenting = &payload["article"]["commenting"];
        assert_eq!(
            (&commenting["open"], &commenting["depth"]),
            (&json!(true), &json!(1))
        );
    }
    Ok(())
}

#[tokio::test]
async fn commenting_closes_by_time_or_by_mode() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.articles(1).await?.remove(0);
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let input = json!({"id": article, "closesAfterDays": 5});
        let payload = fixture.write(&fixture.editor, SET_ARTICLE, input).await?;
        let closes = payload["article"]["commenting"]["closesAt"]
            .as_str()
            .unwrap();
        let closes = chrono::DateTime::parse_from_rfc3339(closes)?.to_utc();
        assert!(closes > newsroom::opened() + Duration::days(5));
        let before = json!({"article": article, "text": "في الوقت"});
        let at = closes - Duration::microseconds(1);
        let payload = fixture.write_at(&reader, at, POST, before).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let after = json!({"article": article, "text": "متأخر"});
        let payload = fixture
            .write_at(&reader, closes, POST, after.clone())
            .await?;
        assert_eq!(code(&payload), (&json!("CLOSED"), &json!(["article"])));
        // Reopen comments, then close them with the mode `CLOSED`.
        let input = json!({"id": article, "closesAfterDays": 0});
        fixture.write(&fixture.editor, SET_ARTICLE, input).await?;
        let payload = fixture.write_at(&reader, closes, POST, after).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let input = json!({"id": article, "mode": "CLOSED"});
        let payload = fixture.write(&fixture.editor, SET_ARTICLE, input).await?;
        assert_eq!(payload["article"]["commenting"]["open"], false);
        let input = json!({"article": article, "text": "بعد الإغلاق"});
        let payload = fixture.write(&reader, POST, input).await?;
        assert_eq!(code(&payload).0, "CLOSED");
    }
    Ok(())
}

#[tokio::test]
async fn changing_comment_settings_requires_rights() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.articles(1).await?.remove(0);
        let (edition, one) = (json!({"depth": 1}), json!({"id": article, "depth": 1}));
        let moderator = fixture.app.who("نور", Role::Moderator).await?;
        for (document, input) in [(SET_EDITION, &edition), (SET_ARTICLE, &one)] {
            let refused = fixture
                .refused(&Who::anonymous(), document, input.clone())
                .await?;
            assert_eq!(refused, "UNAUTHENTICATED");
            let refused = fixture.refused(&moderator, document, input.clone()).await?;
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
            let payload = fixture.write(&fixture.editor, document, input).await?;
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
