//! Replies to comments: their depth, and the counts above them.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::{POST, SET_ARTICLE, code, minutes};
use crate::Desk;

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
