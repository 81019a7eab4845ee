//! Tests for choosing the lead articles of a front page.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use crate::Fixture;
use crate::invariants::mutation;

const LEADS: &str = "home { leadArticles { slug } }";

fn slugs(list: &[&str]) -> Value {
    list.iter().map(|slug| json!({"slug": slug})).collect()
}

#[tokio::test]
async fn editors_set_the_lead_articles() -> anyhow::Result<()> {
    let set = mutation("setLeadArticles", LEADS);
    let hidden = "query { draft: article(slug: \"مسودة-عن-ميزانية-البلدية\") { id }
        withdrawn: article(slug: \"خبر-سحبته-الأسرة\") { id } }";
    for fixture in Fixture::each().await? {
        let (race, fish) = (
            "سباق-القوارب-يجمع-ثلاث-قرى",
            "سوق-السمك-يعود-إلى-الرصيف-القديم",
        );
        let (one, two) = (
            fixture.id("article", race).await?,
            fixture.id("article", fish).await?,
        );
        let seq = fixture.seq().await?;
        let payload = fixture
            .mutate(&set, json!({"articles": [two, one]}))
            .await?;
        assert_eq!(payload["home"]["leadArticles"], slugs(&[fish, race]));
        let (acts, keys) = fixture.changes(seq).await?;
        assert_eq!(acts, ["home changed"]);
        assert!(keys.iter().any(|key| key.ends_with(":leads")), "{keys:?}");
        let read = format!("{{ {LEADS} }}");
        let home = fixture.ask(&Who::anonymous(), &read, json!({})).await?;
        assert_eq!(home["home"]["leadArticles"], slugs(&[fish, race]));

        let hidden = fixture.ask(&fixture.editor, hidden, json!({})).await?;
        let (draft, withdrawn) = (&hidden["draft"]["id"], &hidden["withdrawn"]["id"]);
        for (articles, user_error_of) in [
            (json!([one, draft]), "WRONG_STATUS articles.1"),
            (json!([withdrawn]), "WRONG_STATUS articles.0"),
            (json!([one, one]), "INVALID articles.1"),
            (json!(vec![&one; 21]), "INVALID articles"),
            (json!(["AQAAAAAAAAAAAAAAAAAAAAc"]), "NOT_FOUND articles.0"),
            (json!(["CAAAAAAAAAAAAAAAAAAAAAc"]), "INVALID articles.0"),
        ] {
            let input = json!({"articles": articles});
            assert_eq!(
                fixture.user_error_of(&set, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        let abroad = json!({"edition": "en", "articles": [one]});
        assert_eq!(
            fixture.user_error_of(&set, abroad).await?,
            "NOT_FOUND articles.0"
        );
        let nowhere = json!({"edition": "xx", "articles": []});
        assert_eq!(
            fixture.user_error_of(&set, nowhere).await?,
            "NOT_FOUND edition"
        );
        let writer = fixture.app.who("نور", Role::Contributor).await?;
        assert_eq!(
            fixture
                .refused(&writer, &set, json!({"articles": []}))
                .await?,
            "FORBIDDEN"
        );
        let home = fixture.ask(&Who::anonymous(), &read, json!({})).await?;
        assert_eq!(
            home["home"]["leadArticles"],
            slugs(&[fish, race]),
            "nothing of that was done"
        );
        let payload = fixture.mutate(&set, json!({"articles": []})).await?;
        assert_eq!(payload["home"]["leadArticles"], json!([]));
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_front_page_changes_do_not_mix() -> anyhow::Result<()> {
    let set = mutation("setLeadArticles", LEADS);
    for fixture in Fixture::each().await? {
        let pages = [
            ["سباق-القوارب-يجمع-ثلاث-قرى", "انتهاء-أساسات-الجسر-الجديد"],
            [
                "سوق-السمك-يعود-إلى-الرصيف-القديم",
                "جولة-في-ورش-صناعة-القوارب",
            ],
        ];
        for _ in 0..4 {
            let mut inputs = Vec::new();
            for [one, two] in pages {
                inputs.push(json!({"articles": [fixture.id("article", one).await?, fixture.id("article", two).await?]}));
            }
            let writes = inputs.into_iter().map(|input| fixture.mutate(&set, input));
            futures::future::try_join_all(writes).await?;
            let home = fixture
                .ask(&Who::anonymous(), &format!("{{ {LEADS} }}"), json!({}))
                .await?;
            let leads = &home["home"]["leadArticles"];
            assert!(pages.iter().any(|page| *leads == slugs(page)), "{leads}");
        }
    }
    Ok(())
}
