//! Reports of comments.

use khabar_domain::{AccountId, Role, Viewer, derived};
use khabar_tests::harness::Who;
use serde_json::json;

use super::{MODERATE, POST, REPORT, code};
use crate::Fixture;

#[tokio::test]
async fn an_account_reports_a_comment_once() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let input = json!({"article": article, "text": "رأي"});
        let posted = fixture.write(&reader, POST, input).await?;
        let id = posted["comment"]["id"].as_str().unwrap();
        for (who, reason) in [("زياد", "سباب"), ("زياد", "سباب حقاً"), ("ريم", "كذب")]
        {
            let viewer = Who {
                viewer: Viewer::of(AccountId::new(derived("account", &[who])), Role::Reader),
                name: who.to_owned(),
            };
            if reason != "سباب حقاً" {
                fixture.app.who(who, Role::Reader).await?;
            }
            let input = json!({"id": id, "reason": reason});
            let payload = fixture.write(&viewer, REPORT, input).await?;
            assert_eq!(payload, json!({"comment": {"id": id}, "userErrors": []}));
        }
        let queue =
            "{ comments(reported: true) { totalCount nodes { id reportCount reportReasons } } }";
        let found = fixture.ask(&fixture.editor, queue, json!({})).await?;
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
            let payload = fixture.write(&reader, REPORT, input).await?;
            assert_eq!(code(&payload), (&json!(expected), &json!([field])));
        }
        let input = json!({"id": id, "reason": "x"});
        let refused = fixture
            .refused(&Who::anonymous(), REPORT, input.clone())
            .await?;
        assert_eq!(refused, "UNAUTHENTICATED");

        // A decision closes the reports. A hidden comment cannot be reported.
        for (decision, left) in [("APPROVE", 0), ("HIDE", 0)] {
            let input = json!({"ids": [id], "decision": decision});
            fixture.write(&fixture.editor, MODERATE, input).await?;
            let found = fixture.ask(&fixture.editor, queue, json!({})).await?;
            assert_eq!(found["comments"]["totalCount"], left);
        }
        let other = fixture.app.who("سامر", Role::Reader).await?;
        assert_eq!(
            code(&fixture.write(&other, REPORT, input).await?).0,
            "NOT_FOUND"
        );
    }
    Ok(())
}
