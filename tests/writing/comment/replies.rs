//! Replies to comments: their depth, and the counts above them.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::{POST, SET_ARTICLE, code, minutes};
use crate::Fixture;

#[tokio::test]
async fn replies_have_a_maximum_depth() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let input = json!({"id": article, "depth": 2});
        fixture.write(&fixture.editor, SET_ARTICLE, input).await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let mut parent = Value::Null;
        for depth in 0..4 {
            let input =
                json!({"article": article, "parent": parent, "text": format!("رد {depth}")});
            let payload = fixture
                .write_at(&reader, minutes(depth), POST, input)
                .await?;
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
async fn replies_to_own_comments_are_hidden_with_the_article() -> anyhow::Result<()> {
    const READ: &str = "fragment C on Comment { text replyCount parent { text }
        replies { totalCount nodes { text replies { nodes { text } } } edges { node { text } } } }";
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let (huda, ziad) = (
            fixture.app.who("هدى", Role::Reader).await?,
            fixture.app.who("زياد", Role::Reader).await?,
        );
        let moderator = fixture.app.who("سامي", Role::Moderator).await?;
        let post = async |who: &Who, text: &str, parent: Option<&Value>| {
            let mut input = json!({"article": article, "text": text});
            if let Some(parent) = parent {
                input["parent"] = parent.clone();
            }
            let payload = fixture.write(who, POST, input).await?;
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
            let seen = fixture.ask(who, &asked, ids.clone()).await?.to_string();
            assert!(
                seen.contains("جواب زياد") && seen.contains("خاتمة زياد"),
                "{seen}"
            );
        }
        let input = json!({"id": article, "reason": "خطأ"});
        crate::article::mutate(&fixture, &fixture.editor, "withdrawArticle", input).await?;
        let seen = fixture.ask(&huda, &asked, ids.clone()).await?;
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
        let edited = fixture.write(&huda, &edit, input).await?;
        assert!(!edited.to_string().contains("زياد"), "{edited}");
        let seen = fixture.ask(&moderator, &asked, ids).await?.to_string();
        assert!(seen.contains("جواب زياد"), "{seen}");
    }
    Ok(())
}
