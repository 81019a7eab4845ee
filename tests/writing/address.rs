//! Tests of slugs. A slug that readers have known keeps leading to its object. Slugs that an article
//! had before publication lead nowhere and stay private.

use khabar_domain::{ArticleId, Role, Slug};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{BatchKey as _, migration, slug};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;
use crate::article::mutate;

const FOUND: &str = "query ($slug: Slug!) { article(slug: $slug) { headline slug formerSlugs } }";

impl Fixture {
    /// Returns the article that `who` finds under a slug, or null.
    async fn found(&self, who: &Who, slug: &str) -> anyhow::Result<Value> {
        let mut data = self.ask(who, FOUND, json!({ "slug": slug })).await?;
        Ok(data["article"].take())
    }

    /// Publishes an article under a slug generated from `headline`, then changes the slug to `then` by
    /// a correction.
    async fn moved(&self, headline: &str, then: &str) -> anyhow::Result<Value> {
        let input = json!({ "headline": headline });
        let made = mutate(self, &self.editor, "createArticle", input).await?;
        let id = &made["id"];
        let out = mutate(self, &self.editor, "publishArticle", json!({ "id": id })).await?;
        let input = json!({"id": id, "version": out["version"], "slug": then, "silent": true});
        mutate(self, &self.editor, "correctArticle", input).await
    }
}

fn slugs_json(headline: &str, slug: &str, former: &[&str]) -> Value {
    json!({"headline": headline, "slug": slug, "formerSlugs": former})
}

#[tokio::test]
async fn a_draft_does_not_take_over_a_former_slug() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let (anyone, contributor) = (
            Who::anonymous(),
            fixture.app.who("نور", Role::Contributor).await?,
        );
        fixture.moved("جسر قديم", "جسر-جديد").await?;
        let redirect = slugs_json("جسر قديم", "جسر-جديد", &["جسر-قديم"]);
        assert_eq!(fixture.found(&anyone, "جسر-قديم").await?, redirect);

        // A generated slug avoids former slugs.
        let again = json!({"headline": "جسر قديم"});
        let draft = mutate(&fixture, &contributor, "createArticle", again).await?;
        assert_eq!(draft["slug"], "جسر-قديم-2");
        // A former slug can be requested explicitly. Readers do not notice the draft.
        let input = json!({"headline": "مسودة", "slug": "جسر-قديم"});
        let draft = mutate(&fixture, &contributor, "createArticle", input).await?;
        assert_eq!(fixture.found(&anyone, "جسر-قديم").await?, redirect);
        assert_eq!(
            fixture.found(&fixture.editor, "جسر-قديم").await?["headline"],
            "مسودة"
        );
        // They do not notice either when the draft's slug is changed and changed back.
        let mut version = 1;
        for slug in ["مسودة-أخرى", "جسر-قديم"] {
            let input = json!({"id": draft["id"], "version": version, "slug": slug});
            let saved = mutate(&fixture, &contributor, "updateArticle", input).await?;
            version = saved["version"].as_i64().unwrap_or_default();
            assert_eq!(
                fixture.found(&anyone, "جسر-قديم").await?,
                redirect,
                "{slug}"
            );
        }
        // Only publication takes over the slug.
        let input = json!({"id": draft["id"]});
        mutate(&fixture, &fixture.editor, "publishArticle", input).await?;
        let taken = slugs_json("مسودة", "جسر-قديم", &[]);
        assert_eq!(fixture.found(&anyone, "جسر-قديم").await?, taken);
        let left = slugs_json("جسر قديم", "جسر-جديد", &[]);
        assert_eq!(fixture.found(&anyone, "جسر-جديد").await?, left);
        // Slugs that the draft had before publication lead nowhere.
        for who in [&anyone, &fixture.editor] {
            assert_eq!(fixture.found(who, "مسودة-أخرى").await?, Value::Null);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_scheduled_article_takes_over_its_slug_when_published() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let anyone = Who::anonymous();
        fixture.moved("نهر قديم", "نهر-جديد").await?;
        let input = json!({"headline": "مجدول", "slug": "نهر-قديم"});
        let draft = mutate(&fixture, &fixture.editor, "createArticle", input).await?;
        let at = newsroom::now() + chrono::Duration::hours(1);
        let input = json!({"id": draft["id"], "at": at.to_rfc3339()});
        mutate(&fixture, &fixture.editor, "scheduleArticle", input).await?;
        assert_eq!(
            fixture.found(&anyone, "نهر-قديم").await?["slug"],
            "نهر-جديد"
        );
        let clock = khabar_domain::clock::FixedClock(at);
        khabar_server::scheduler::publish_due(fixture.app.db().db(), &clock).await?;
        fixture.app.db().db().wait_for_feed().await?;
        assert_eq!(
            fixture.found(&anyone, "نهر-قديم").await?["slug"],
            "نهر-قديم"
        );
    }
    Ok(())
}

#[tokio::test]
async fn slugs_of_drafts_do_not_redirect() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let anyone = Who::anonymous();
        let input = json!({"headline": "فضيحة الوزير"});
        let made = mutate(&fixture, &fixture.editor, "createArticle", input).await?;
        let id = &made["id"];
        let input =
            json!({"id": id, "version": 1, "headline": "تصريح الوزير", "slug": "تصريح-الوزير"});
        mutate(&fixture, &fixture.editor, "updateArticle", input).await?;
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({ "id": id }),
        )
        .await?;
        let out = slugs_json("تصريح الوزير", "تصريح-الوزير", &[]);
        assert_eq!(fixture.found(&anyone, "تصريح-الوزير").await?, out);
        for who in [&anyone, &fixture.editor] {
            assert_eq!(fixture.found(who, "فضيحة-الوزير").await?, Value::Null);
        }

        // After a withdrawal, the slugs of the reopened draft stay private too. The slug known to
        // readers still leads to it.
        let reason = json!({"id": id, "reason": "خطأ"});
        mutate(&fixture, &fixture.editor, "withdrawArticle", reason).await?;
        let again = mutate(
            &fixture,
            &fixture.editor,
            "reopenArticle",
            json!({ "id": id }),
        )
        .await?;
        let mut version = again["version"].clone();
        for slug in ["عنوان-سري", "عنوان-أخير"] {
            let input = json!({"id": id, "version": version, "slug": slug});
            let saved = mutate(&fixture, &fixture.editor, "updateArticle", input).await?;
            version = saved["version"].clone();
        }
        // Meanwhile, no other article is given that slug by generation.
        let input = json!({"headline": "تصريح الوزير"});
        let other = mutate(&fixture, &fixture.editor, "createArticle", input).await?;
        assert_eq!(other["slug"], "تصريح-الوزير-2");
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({ "id": id }),
        )
        .await?;
        let out = slugs_json("تصريح الوزير", "عنوان-أخير", &["تصريح-الوزير"]);
        for slug in ["عنوان-أخير", "تصريح-الوزير"] {
            assert_eq!(fixture.found(&anyone, slug).await?, out, "{slug}");
        }
        assert_eq!(
            fixture.found(&fixture.editor, "عنوان-سري").await?,
            Value::Null
        );
    }
    Ok(())
}

#[tokio::test]
async fn generated_slugs_avoid_former_ones() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        for noun in ["topic", "person", "source", "section", "story"] {
            let called = if noun == "story" { "title" } else { "name" };
            let capital = format!("{}{}", noun[..1].to_uppercase(), &noun[1..]);
            let mutation = |verb: &str| {
                format!(
                    "mutation ($input: {verb}{capital}Input!) {{ {}{capital}(input: $input) {{
                        {noun} {{ id slug }} userErrors {{ message }} }} }}",
                    verb.to_lowercase()
                )
            };
            let write = async |verb: &str, input: Value| {
                let payload = fixture
                    .write(&fixture.editor, &mutation(verb), input)
                    .await?;
                anyhow::ensure!(payload["userErrors"] == json!([]), "{payload}");
                anyhow::Ok(payload[noun].clone())
            };
            let made = write("Create", json!({ called: "اسم سابق" })).await?;
            write("Update", json!({"id": made["id"], "slug": "اسم-لاحق"})).await?;
            let again = write("Create", json!({ called: "اسم سابق" })).await?;
            assert_eq!(again["slug"], "اسم-سابق-2", "{noun}");
            let document = format!("{{ {noun}(slug: \"اسم-سابق\") {{ id }} }}");
            let found = fixture.ask(&Who::anonymous(), &document, json!({})).await?;
            assert_eq!(found[noun]["id"], made["id"], "{noun}");
            // An explicit request takes over the slug, and readers see that at once.
            let input = json!({called: "آخر", "slug": "اسم-سابق"});
            let other = write("Create", input).await?;
            let found = fixture.ask(&Who::anonymous(), &document, json!({})).await?;
            assert_eq!(found[noun]["id"], other["id"], "{noun}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_migration_removes_redirects_from_draft_slugs() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        fixture.moved("معروف قديم", "معروف-جديد").await?;
        let input = json!({"headline": "مسودة لم تنشر"});
        let draft = mutate(&fixture, &fixture.editor, "createArticle", input).await?;
        let input = json!({"id": draft["id"], "version": 1, "slug": "صيغة-ثانية"});
        mutate(&fixture, &fixture.editor, "updateArticle", input).await?;
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": draft["id"]}),
        )
        .await?;
        // Older versions stored the draft's first slug as a former slug.
        let db = fixture.app.db().db();
        let named = khabar_persistence::SlugKey {
            edition: Slug::parse("ar")?,
            slug: Slug::parse("صيغة-ثانية")?,
        };
        let key = khabar_persistence::article::BySlug(named);
        let reader = db.reader(khabar_domain::Scope::reader(newsroom::now()));
        let found =
            khabar_persistence::article::BySlug::fetch(&reader, std::slice::from_ref(&key)).await?;
        let article = &found[&key];
        let id: ArticleId = article.id;
        let writer = db.writer(newsroom::now()).await?;
        let former = Slug::parse("مسودة-لم-تنشر")?;
        slug::record_change(
            &writer,
            article.edition,
            EntityKind::Article,
            Some(&former),
            &article.slug,
            id.uuid(),
        )
        .await?;
        writer.commit().await?;
        let steps = migration::status(db).await?;
        let place = steps
            .iter()
            .position(|step| step.name.ends_with("working_titles"));
        let back = steps.len() - place.unwrap_or_default();
        migration::down(db, u32::try_from(back)?).await?;
        migration::up(db).await?;
        let reader = db.reader(khabar_domain::Scope::reader(newsroom::now()));
        let keys = ["مسودة-لم-تنشر", "معروف-قديم"].map(|slug| {
            khabar_persistence::article::BySlug(khabar_persistence::SlugKey {
                edition: Slug::parse("ar").unwrap(),
                slug: Slug::parse(slug).unwrap(),
            })
        });
        let found = khabar_persistence::article::BySlug::fetch(&reader, &keys).await?;
        assert!(!found.contains_key(&keys[0]), "{}", fixture.app.db().name());
        assert!(found.contains_key(&keys[1]), "{}", fixture.app.db().name());
    }
    Ok(())
}

#[tokio::test]
async fn a_withdrawn_article_redirects_no_former_slug() -> anyhow::Result<()> {
    const SHOWN: &str = "query ($id: ID!) { article(id: $id) { slug canonicalUrl formerSlugs } }";
    for fixture in Fixture::each().await? {
        let moved = fixture.moved("سر كبير", "سر-أكبر").await?;
        let id = &moved["id"];
        let input = json!({"id": id, "version": moved["version"], "silent": true,
            "canonicalUrl": "https://khabar.example/سر"});
        mutate(&fixture, &fixture.editor, "correctArticle", input).await?;
        let reason = json!({"id": id, "reason": "خطأ في المصدر"});
        mutate(&fixture, &fixture.editor, "withdrawArticle", reason).await?;
        let contributor = fixture.app.who("نور", Role::Contributor).await?;
        for who in [&Who::anonymous(), &contributor] {
            let found = fixture.ask(who, SHOWN, json!({ "id": id })).await?;
            assert_eq!(found["article"]["canonicalUrl"], Value::Null);
            assert_eq!(found["article"]["formerSlugs"], json!([]));
            assert!(!found.to_string().contains('س'), "{found}");
            // Every slug that redirected to the article now shows the reason for the withdrawal, and so does
            // the slug in the response.
            let slug = found["article"]["slug"].as_str().unwrap_or_default();
            for slug in [slug, "سر-كبير", "سر-أكبر"] {
                let found = fixture.found(who, slug).await?;
                assert_eq!(found["headline"], "خطأ في المصدر", "{slug}");
            }
        }
        let found = fixture
            .ask(&fixture.editor, SHOWN, json!({ "id": id }))
            .await?;
        assert_eq!(found["article"]["slug"], "سر-أكبر");
        assert_eq!(found["article"]["formerSlugs"], json!(["سر-كبير"]));
        // Other articles are still shown.
        let shown = "{ articles(first: 1) { nodes { id headline } } }";
        let first = fixture.ask(&Who::anonymous(), shown, json!({})).await?;
        anyhow::ensure!(first["articles"]["nodes"][0]["headline"].is_string());
        mutate(
            &fixture,
            &fixture.editor,
            "reopenArticle",
            json!({ "id": id }),
        )
        .await?;
        let found = fixture
            .ask(&Who::anonymous(), SHOWN, json!({ "id": id }))
            .await?;
        assert_eq!(found["article"], Value::Null);
    }
    Ok(())
}
