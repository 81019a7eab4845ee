//! Related articles, chosen by editors and computed.

use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::{mutate, refused, shelf};
use crate::Fixture;

#[tokio::test]
async fn editorial_relations_precede_computed_ones() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let shelf = shelf(&fixture).await?;
        let read = r"query ($id: ID!) { article(id: $id) { related { edges { origin rank node { id } } } } }";
        let links = async |id: &Value| -> anyhow::Result<Vec<(String, String)>> {
            let found = fixture
                .ask(&Who::anonymous(), read, json!({"id": id}))
                .await?;
            let edges = found["article"]["related"]["edges"].as_array().cloned();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let edges = edges.unwrap_or_default();
            Ok(edges
                .iter()
                .map(|edge| (text(&edge["origin"]), text(&edge["node"]["id"])))
                .collect())
        };
        // An article with computed links in the small newsroom.
        let all = fixture
            .ask(
                &Who::anonymous(),
                "{ articles(first: 100) { nodes { id } } }",
                json!({}),
            )
            .await?;
        let mut with = None;
        for node in all["articles"]["nodes"].as_array().into_iter().flatten() {
            if links(&node["id"])
                .await?
                .iter()
                .any(|(origin, _)| origin == "COMPUTED")
            {
                with = Some(node["id"].clone());
            }
        }
        let id = with.expect("the small newsroom has computed links");
        let before = links(&id).await?;
        let computed: Vec<_> = before
            .iter()
            .filter(|(origin, _)| origin == "COMPUTED")
            .cloned()
            .collect();
        let others = [
            &shelf["boats"]["id"],
            &shelf["fish"]["id"],
            &shelf["race"]["id"],
        ];
        let chosen: Vec<_> = others
            .into_iter()
            .filter(|other| **other != id)
            .take(2)
            .cloned()
            .collect();
        let input = json!({"id": id, "articles": chosen});
        mutate(&fixture, &fixture.editor, "setRelated", input).await?;
        let after = links(&id).await?;
        let mut wanted: Vec<_> = chosen
            .iter()
            .map(|id| {
                (
                    "EDITORIAL".to_owned(),
                    id.as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        wanted.extend(
            computed
                .iter()
                .filter(|(_, to)| !chosen.contains(&json!(to)))
                .cloned(),
        );
        assert_eq!(after, wanted);

        for (articles, field, code) in [
            (json!([id]), "articles.0", "INVALID"),
            (json!([chosen[0], chosen[0]]), "articles.1", "INVALID"),
            (json!([shelf["abroad"]["id"]]), "articles.0", "NOT_FOUND"),
            (
                json!([shelf["boats"]["hero"]["id"]]),
                "articles.0",
                "INVALID",
            ),
        ] {
            let input = json!({"id": id, "articles": articles});
            let found = refused(&fixture, &fixture.editor, "setRelated", input).await?;
            assert_eq!(found, (field.to_owned(), code.to_owned()));
        }
        mutate(
            &fixture,
            &fixture.editor,
            "setRelated",
            json!({"id": id, "articles": []}),
        )
        .await?;
        assert!(
            links(&id)
                .await?
                .iter()
                .all(|(origin, _)| origin == "COMPUTED")
        );
    }
    Ok(())
}
