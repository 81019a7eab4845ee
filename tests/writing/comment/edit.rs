//! Edits of comments by their authors.

use khabar_domain::Role;
use serde_json::{Value, json};

use super::{EDIT, MODERATE, POST, SET_ARTICLE, code, minutes};
use crate::Fixture;

#[tokio::test]
async fn a_comment_can_be_edited_within_the_edit_window() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let other = fixture.app.who("زياد", Role::Reader).await?;
        let input = json!({"article": article, "text": "رأي"});
        let posted = fixture.write(&reader, POST, input).await?;
        let id = &posted["comment"]["id"];
        let edit =
            |who, at, text: &str| fixture.write_at(who, at, EDIT, json!({"id": id, "text": text}));
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
        let moderator = edit(&fixture.editor, minutes(1), "كلام غيره").await?;
        assert_eq!(code(&moderator).0, "NOT_ALLOWED");
        for bad in ["", "a\u{202e}"] {
            assert_eq!(
                code(&edit(&reader, minutes(1), bad).await?).1,
                &json!(["text"])
            );
        }
        let rejected = fixture
            .write(&reader, EDIT, json!({"id": article, "text": "x"}))
            .await?;
        assert_eq!(code(&rejected), (&json!("INVALID"), &json!(["id"])));
        let unknown = json!({"id": "AgAAAAAAAAAAAAAAAAAAAAc", "text": "x"});
        assert_eq!(
            code(&fixture.write(&reader, EDIT, unknown).await?).0,
            "NOT_FOUND"
        );

        // An edit cannot repeat the text of the author's other comment.
        let input = json!({"article": article, "text": "ثان"});
        let second = fixture.write(&reader, POST, input).await?;
        let input = json!({"id": second["comment"]["id"], "text": "رأي أوضح"});
        let double = fixture.write(&reader, EDIT, input).await?;
        assert_eq!(code(&double), (&json!("REPEATED"), &json!(["text"])));

        // With pre-moderation, an edited comment is pending again.
        let pre = json!({"id": article, "mode": "PRE_MODERATED"});
        fixture.write(&fixture.editor, SET_ARTICLE, pre).await?;
        let again = edit(&reader, minutes(2), "رأي ثالث").await?;
        assert_eq!(again["comment"]["status"], "PENDING");
        let foreign = edit(&other, minutes(2), "ليس رأيي").await?;
        assert_eq!(code(&foreign).0, "NOT_FOUND");
        // A rejected comment cannot be edited, nor any comment on a closed article.
        let input = json!({"ids": [id], "decision": "REJECT", "reason": "سباب"});
        fixture.write(&fixture.editor, MODERATE, input).await?;
        let rejected = edit(&reader, minutes(3), "رأي رابع").await?;
        assert_eq!(code(&rejected).0, "WRONG_STATUS");
        let shut = json!({"id": article, "mode": "CLOSED"});
        fixture.write(&fixture.editor, SET_ARTICLE, shut).await?;
        let input = json!({"id": second["comment"]["id"], "text": "رأي خامس"});
        assert_eq!(
            code(&fixture.write(&reader, EDIT, input).await?).0,
            "CLOSED"
        );
    }
    Ok(())
}
