//! Tests for choosing the lead articles of a front page.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use crate::Desk;
use crate::invariants::mutation;

const LEADS: &str = "home { leadArticles { slug } }";

fn slugs(list: &[&str]) -> Value {
    list.iter().map(|slug| json!({"slug": slug})).collect()
}

#[tokio::test]
async fn editors_choose_what_leads() -> anyhow::Result<()> {
    let set = mutation("setLeadArticles", LEADS);
    let hidden = "query { draft: article(slug: \"مسودة-عن-ميزانية-البلدية\") { id }
        withdrawn: article(slug: \"خبر-سحبته-الأسرة\") { id } }";
    for desk in Desk::each().await? {
        let (race, fish) = (
            "سباق-القوارب-يجمع-ثلاث-قرى",
            "سوق-السمك-يعود-إلى-الرصيف-القديم",
        );
        let (one, two) = (
            desk.id("article", race).await?,
            desk.id("article", fish).await?,
        );
        let seq = desk.seq().await?;
        let payload = desk.done(&set, json!({"articles": [two, one]})).await?;
        assert_eq!(payload["home"]["leadArticles"], slugs(&[fish, race]));
        let (acts, keys) = desk.changes(seq).await?;
        assert_eq!(acts, ["home changed"]);
        assert!(keys.iter().any(|key| key.ends_with(":leads")), "{keys:?}");
        let read = format!("{{ {LEADS} }}");
        let home = desk.ask(&Who::anonymous(), &read, json!({})).await?;
        assert_eq!(home["home"]["leadArticles"], slugs(&[fish, race]));

        let hidden = desk.ask(&desk.editor, hidden, json!({})).await?;
        let (draft, withdrawn) = (&hidden["draft"]["id"], &hidden["withdrawn"]["id"]);
        for (articles, mistake) in [
            (json!([one, draft]), "WRONG_STATUS articles.1"),
            (json!([withdrawn]), "WRONG_STATUS articles.0"),
            (json!([one, one]), "INVALID articles.1"),
            (json!(vec![&one; 21]), "INVALID articles"),
            (json!(["AQAAAAAAAAAAAAAAAAAAAAc"]), "NOT_FOUND articles.0"),
            (json!(["CAAAAAAAAAAAAAAAAAAAAAc"]), "INVALID articles.0"),
        ] {
            let input = json!({"articles": articles});
            assert_eq!(desk.mistake(&set, input.clone()).await?, mistake, "{input}");
        }
        let abroad = json!({"edition": "en", "articles": [one]});
        assert_eq!(desk.mistake(&set, abroad).await?, "NOT_FOUND articles.0");
        let nowhere = json!({"edition": "xx", "articles": []});
        assert_eq!(desk.mistake(&set, nowhere).await?, "NOT_FOUND edition");
        let writer = desk.app.who("نور", Role::Contributor).await?;
        assert_eq!(
            desk.refused(&writer, &set, json!({"articles": []})).await?,
            "FORBIDDEN"
        );
        let home = desk.ask(&Who::anonymous(), &read, json!({})).await?;
        assert_eq!(
            home["home"]["leadArticles"],
            slugs(&[fish, race]),
            "nothing of that was done"
        );
        let payload = desk.done(&set, json!({"articles": []})).await?;
        assert_eq!(payload["home"]["leadArticles"], json!([]));
    }
    Ok(())
}

#[tokio::test]
async fn of_two_front_pages_one_stays_whole() -> anyhow::Result<()> {
    let set = mutation("setLeadArticles", LEADS);
    for desk in Desk::each().await? {
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
                inputs.push(json!({"articles": [desk.id("article", one).await?, desk.id("article", two).await?]}));
            }
            let writes = inputs.into_iter().map(|input| desk.done(&set, input));
            futures::future::try_join_all(writes).await?;
            let home = desk
                .ask(&Who::anonymous(), &format!("{{ {LEADS} }}"), json!({}))
                .await?;
            let leads = &home["home"]["leadArticles"];
            assert!(pages.iter().any(|page| *leads == slugs(page)), "{leads}");
        }
    }
    Ok(())
}
