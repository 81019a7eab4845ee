//! Articles of contributors, who may write only their own.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::{mutate, mutation, refused, shelf};
use crate::Fixture;

#[tokio::test]
async fn contributors_can_edit_only_their_own_drafts() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let contributor = fixture.app.who("نور", Role::Contributor).await?;
        let other = fixture.app.who("سامي", Role::Contributor).await?;
        let own = mutate(
            &fixture,
            &contributor,
            "createArticle",
            json!({"headline": "مسودة نور"}),
        );
        let id = &own.await?["id"];
        let update = |id: &Value, version: i32| json!({"id": id, "version": version, "lead": format!("سطر {version}")});
        mutate(&fixture, &contributor, "updateArticle", update(id, 1)).await?;
        // Another contributor's draft is not found. A published article is found but cannot be changed.
        let code = |code: &str| ("id".to_owned(), code.to_owned());
        assert_eq!(
            refused(&fixture, &other, "updateArticle", update(id, 2)).await?,
            code("NOT_FOUND")
        );
        assert_eq!(
            refused(&fixture, &other, "submitArticle", json!({"id": id})).await?,
            code("NOT_FOUND")
        );
        let shelf = shelf(&fixture).await?;
        let published = update(&shelf["fish"]["id"], 1);
        assert_eq!(
            refused(&fixture, &other, "updateArticle", published).await?,
            code("NOT_ALLOWED")
        );
        let read = "query ($id: ID!) { article(id: $id) { headline } }";
        assert_eq!(
            fixture.ask(&other, read, json!({"id": id})).await?["article"],
            json!(null)
        );
        assert_eq!(
            fixture.ask(&contributor, read, json!({"id": id})).await?["article"]["headline"],
            "مسودة نور"
        );
        // Once the editors have published it, the contributor can no longer change it.
        mutate(&fixture, &contributor, "submitArticle", json!({"id": id})).await?;
        mutate(&fixture, &contributor, "updateArticle", update(id, 3)).await?;
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": id}),
        )
        .await?;
        assert_eq!(
            refused(&fixture, &contributor, "updateArticle", update(id, 5)).await?,
            code("NOT_ALLOWED")
        );
        for step in ["publishArticle", "correctArticle", "withdrawArticle"] {
            let mut input = json!({"id": id});
            if step == "correctArticle" {
                input["version"] = json!(5);
            }
            if step == "withdrawArticle" {
                input["reason"] = json!("سبب");
            }
            assert_eq!(
                fixture
                    .refused(&contributor, &mutation(step), input)
                    .await?,
                "FORBIDDEN"
            );
        }
        let (anonymous, create) = (Who::anonymous(), mutation("createArticle"));
        let input = json!({"headline": "خبر"});
        let code = fixture.refused(&anonymous, &create, input).await?;
        assert_eq!(code, "UNAUTHENTICATED");
    }
    Ok(())
}
