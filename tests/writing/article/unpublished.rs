//! The list of unpublished articles.

use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use super::{mutate, write_at};
use crate::Fixture;

#[tokio::test]
async fn unpublished_articles_are_listed() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let contributor = fixture.app.who("نور", Role::Contributor).await?;
        let first = mutate(
            &fixture,
            &contributor,
            "createArticle",
            json!({"headline": "أولى"}),
        )
        .await?;
        let hour = newsroom::now() + chrono::Duration::minutes(1);
        write_at(
            &fixture,
            &fixture.editor,
            hour,
            "createArticle",
            json!({"headline": "ثانية"}),
        )
        .await?;
        let read = "query ($mine: Boolean, $status: ArticleStatus, $edition: Slug) {
            unpublishedArticles(mine: $mine, status: $status, edition: $edition, first: 50) { totalCount nodes { headline status } } }";
        let headlines = async |who: &Who, variables: Value| -> anyhow::Result<Vec<Value>> {
            let found = fixture.ask(who, read, variables).await?;
            let nodes = found["unpublishedArticles"]["nodes"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            assert_eq!(
                found["unpublishedArticles"]["totalCount"],
                json!(nodes.len())
            );
            assert!(nodes.iter().all(|node| node["status"] != "PUBLISHED"));
            Ok(nodes.iter().map(|node| node["headline"].clone()).collect())
        };
        let all = headlines(&fixture.editor, json!({})).await?;
        assert_eq!(all[..2], [json!("ثانية"), json!("أولى")]);
        assert!(all.len() > 2, "the small newsroom has drafts of its own");
        assert_eq!(
            headlines(&fixture.editor, json!({"mine": true})).await?,
            ["ثانية"]
        );
        assert_eq!(headlines(&contributor, json!({})).await?, ["أولى"]);
        assert!(
            headlines(&contributor, json!({"status": "REVIEW"}))
                .await?
                .is_empty()
        );
        assert!(
            headlines(&fixture.editor, json!({"status": "PUBLISHED"}))
                .await?
                .is_empty()
        );
        assert!(
            headlines(&fixture.editor, json!({"edition": "none"}))
                .await?
                .is_empty()
        );
        // The most recently changed article comes first.
        let hour = hour + chrono::Duration::minutes(1);
        let input = json!({"id": first["id"], "version": 1, "lead": "سطر"});
        write_at(&fixture, &contributor, hour, "updateArticle", input).await?;
        assert_eq!(
            headlines(&fixture.editor, json!({})).await?[..2],
            [json!("أولى"), json!("ثانية")]
        );

        for (who, code) in [
            (Who::anonymous(), "UNAUTHENTICATED"),
            (fixture.app.who("قارئ", Role::Reader).await?, "FORBIDDEN"),
        ] {
            let answer = fixture
                .app
                .ask_as(
                    &who,
                    hour,
                    "{ unpublishedArticles { nodes { id } } }",
                    &json!({}),
                )
                .await?
                .value()?;
            assert_eq!(answer["errors"][0]["extensions"]["code"], code);
        }
    }
    Ok(())
}
