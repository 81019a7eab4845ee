//! Articles of contributors, who may write only their own.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::{done, mutation, refused, shelf};
use crate::Desk;

#[tokio::test]
async fn contributors_keep_to_what_is_theirs() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let contributor = desk.app.who("نور", Role::Contributor).await?;
        let other = desk.app.who("سامي", Role::Contributor).await?;
        let own = done(
            &desk,
            &contributor,
            "createArticle",
            json!({"headline": "مسودة نور"}),
        );
        let id = &own.await?["id"];
        let update = |id: &Value, version: i32| json!({"id": id, "version": version, "lead": format!("سطر {version}")});
        done(&desk, &contributor, "updateArticle", update(id, 1)).await?;
        // Another contributor's draft is not found. A published article is found but cannot be changed.
        let code = |code: &str| ("id".to_owned(), code.to_owned());
        assert_eq!(
            refused(&desk, &other, "updateArticle", update(id, 2)).await?,
            code("NOT_FOUND")
        );
        assert_eq!(
            refused(&desk, &other, "submitArticle", json!({"id": id})).await?,
            code("NOT_FOUND")
        );
        let shelf = shelf(&desk).await?;
        let published = update(&shelf["fish"]["id"], 1);
        assert_eq!(
            refused(&desk, &other, "updateArticle", published).await?,
            code("NOT_ALLOWED")
        );
        let read = "query ($id: ID!) { article(id: $id) { headline } }";
        assert_eq!(
            desk.ask(&other, read, json!({"id": id})).await?["article"],
            json!(null)
        );
        assert_eq!(
            desk.ask(&contributor, read, json!({"id": id})).await?["article"]["headline"],
            "مسودة نور"
        );
        // Once the editors have published it, the contributor can no longer change it.
        done(&desk, &contributor, "submitArticle", json!({"id": id})).await?;
        done(&desk, &contributor, "updateArticle", update(id, 3)).await?;
        done(&desk, &desk.editor, "publishArticle", json!({"id": id})).await?;
        assert_eq!(
            refused(&desk, &contributor, "updateArticle", update(id, 5)).await?,
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
                desk.refused(&contributor, &mutation(step), input).await?,
                "FORBIDDEN"
            );
        }
        let (anonymous, create) = (Who::anonymous(), mutation("createArticle"));
        let input = json!({"headline": "خبر"});
        let code = desk.refused(&anonymous, &create, input).await?;
        assert_eq!(code, "UNAUTHENTICATED");
    }
    Ok(())
}
