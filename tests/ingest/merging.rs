//! Merging: importing a page into a newsroom once, repeatedly, after other pages, and alongside
//! editorial changes.

mod editors;
mod pages;

use anyhow::Context as _;
use khabar_domain::Headline;
use khabar_domain::story::Kind;
use khabar_ingest::page::Imported;
use khabar_tests::harness::TestApp;
use serde_json::{Value, json};

use super::{Kinds, apps, feed, import, read, response};

const PORT: &str = "توسعة ميناء الشمال";
const PIER: &str = "المدينة تفتتح الرصيف الثالث في ميناء الشمال بعد عامين من العمل";
const TRAIN: &str = "بعد غياب طويل.. عودة القطار الساحلي إلى الخدمة";

/// All data that a page can contain.
const ALL: &str = "{ home {
    edition { slug name direction labels { live follow sections stories comments } articleCount }
    liveChannels { name streamUrl onAir position }
    followChannels { platform name handle url position }
    featuredSections { name slug featured position parent { name } articleCount }
    pinnedStories { nodes { title slug kind status summary pinnedPosition reportedArticleCount
      articleCount image { kind alt url } } }
    latest { nodes { headline slug kind status isStub version lead bodyText hasPhotos hasVideo
      hasAudio publishedAt listedAt hero { alt url } source { name slug kind articleCount }
      related { edges { rank origin reason node { headline } } } } }
} }";

async fn all(app: &TestApp) -> anyhow::Result<Value> {
    Ok(response(app, ALL).await?["home"].take())
}

#[tokio::test]
async fn page_furniture_is_imported_and_served() -> anyhow::Result<()> {
    for app in apps().await? {
        import(app.db(), &read("blocks.txt")?, &Kinds::new(), 24).await?;
        let home = all(&app).await?;
        let expected = json!({
            "slug": "ar", "name": "العربية", "direction": "RTL", "articleCount": 3,
            "labels": {"live": "مباشر", "follow": "أين يمكنك متابعتنا", "sections": "أقسام مهمة",
                       "stories": "قصص", "comments": "التعليقات"},
        });
        assert_eq!(home["edition"], expected);
        let expected = json!([
            {"name": "قناة المرفأ", "streamUrl": "https://live.example.org/marfa.m3u8",
             "onAir": null, "position": 0},
            {"name": "إذاعة المرفأ", "streamUrl": null, "onAir": null, "position": 1},
        ]);
        assert_eq!(home["liveChannels"], expected);
        let expected = json!([
            {"platform": "TELEGRAM", "name": "Telegram", "handle": "@almarfa",
             "url": "https://t.me/almarfa", "position": 0},
            {"platform": "YOUTUBE", "name": "يوتيوب", "handle": null,
             "url": "https://www.youtube.com/@almarfa", "position": 1},
            {"platform": "X", "name": "إكس", "handle": "@almarfa", "url": null, "position": 2},
            {"platform": "NEWSLETTER", "name": "نشرة الصباح", "handle": null, "url": null,
             "position": 3},
        ]);
        assert_eq!(home["followChannels"], expected);
        let section = |name: &str, slug: &str, position: i32| {
            json!({"name": name, "slug": slug, "featured": true, "position": position,
                   "parent": null, "articleCount": 0})
        };
        let expected = json!([
            section("المدينة", "المدينة", 0),
            section("البحر والميناء", "البحر-والميناء", 1),
            section("رياضة", "رياضة", 2),
        ]);
        assert_eq!(home["featuredSections"], expected);
        let story = |title: &str, slug: &str, kind: &str, place: i32, reported: Option<i32>| {
            json!({"title": title, "slug": slug, "kind": kind, "status": "ACTIVE", "summary": null,
                   "pinnedPosition": place, "reportedArticleCount": reported, "articleCount": 0,
                   "image": null})
        };
        let expected = json!([
            story("مترو الضفتين", "مترو-الضفتين", "RUNNING", 0, Some(12)),
            story("صور", "صور", "RUBRIC", 1, None),
            story("حدائق الأحياء", "حدائق-الأحياء", "RUNNING", 2, None),
        ]);
        assert_eq!(home["pinnedStories"]["nodes"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn the_article_and_headlines_are_imported_and_served() -> anyhow::Result<()> {
    for app in apps().await? {
        let Imported {
            edition,
            added,
            changed,
            unchanged,
            ..
        } = import(app.db(), &read("bare.txt")?, &Kinds::new(), 24).await?;
        assert_eq!(edition.as_str(), "ar");
        // An edition, a channel, six stories with a picture each, the article with its picture, source
        // and links, and five headlines.
        assert_eq!((added, changed, unchanged), (1 + 1 + 12 + 4 + 5, 0, 0));
        let home = all(&app).await?;
        let picture = json!({"kind": "IMAGE", "alt": PORT, "url": null});
        assert_eq!(home["pinnedStories"]["nodes"][0]["image"], picture);
        let page = read("bare.txt")?;
        let latest = home["latest"]["nodes"].as_array().context("no list")?;
        let own = &latest[0];
        assert_eq!(own["headline"], PIER);
        assert_eq!(own["isStub"], false);
        assert_eq!(own["version"], 1);
        assert_eq!(own["lead"].as_str(), page.article.lead.as_deref());
        assert_eq!(own["bodyText"], page.article.body.text());
        assert_eq!(own["hero"], json!({"alt": PIER, "url": null}));
        let source = json!({"name": "وكالة المرفأ", "slug": "وكالة-المرفأ", "kind": null, "articleCount": 1});
        assert_eq!(own["source"], source);
        // The page has no publication time, so the article is listed by its import time.
        assert_eq!(own["publishedAt"], Value::Null);
        assert_eq!(own["listedAt"], "2024-10-05T00:00:00Z");
        // The other headlines follow in page order, even in lists sorted by newest.
        assert_eq!(latest.len(), 1 + page.others.len());
        for (stub, other) in latest[1..].iter().zip(&page.others) {
            assert_eq!(stub["headline"], other.headline.as_str());
            assert_eq!(stub["slug"], other.slug.as_str());
            assert_eq!(stub["isStub"], true);
            assert_eq!(stub["bodyText"], "");
            assert_eq!(stub["hasPhotos"], other.flags.photos);
            assert_eq!(stub["hasVideo"], other.flags.video);
            assert_eq!(stub["hasAudio"], other.flags.audio);
        }
        assert_eq!(latest[3]["hasPhotos"], true);
    }
    Ok(())
}

#[tokio::test]
async fn related_links_keep_the_order_of_the_page() -> anyhow::Result<()> {
    for app in apps().await? {
        let page = read("bare.txt")?;
        import(app.db(), &page, &Kinds::new(), 24).await?;
        let home = all(&app).await?;
        let edges: Vec<_> = (0..)
            .zip(&page.others)
            .map(|(rank, other)| {
                json!({"rank": rank, "origin": "EDITORIAL", "reason": "CHOSEN",
                       "node": {"headline": other.headline.as_str()}})
            })
            .collect();
        let own = &home["latest"]["nodes"][0];
        assert_eq!(own["related"]["edges"], json!(edges));
    }
    Ok(())
}

#[tokio::test]
async fn headlines_that_differ_only_in_punctuation_are_two_articles() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, mut page) = (app.db(), read("bare.txt")?);
        let mut similar = page.others[0].clone();
        similar.headline = Headline::parse(&format!("{}؟", similar.headline))?;
        page.others.insert(1, similar);
        import(db, &page, &Kinds::new(), 24).await?;
        let again = import(db, &page, &Kinds::new(), 48).await?;
        assert_eq!((again.added, again.changed), (0, 0));
        let home = all(&app).await?;
        let nodes = home["latest"]["nodes"].as_array().context("no list")?;
        assert_eq!(nodes.len(), 7);
        assert_eq!(nodes[2]["headline"], page.others[1].headline.as_str());
        assert_ne!(nodes[1]["slug"], nodes[2]["slug"]);
    }
    Ok(())
}

#[tokio::test]
async fn importing_twice_changes_nothing() -> anyhow::Result<()> {
    for app in apps().await? {
        for name in ["bare.txt", "blocks.txt", "english.txt"] {
            let page = read(name)?;
            let first = import(app.db(), &page, &Kinds::new(), 24).await?;
            let (written, answered) = (feed(app.db()).await?, app.ask(ALL).await?);
            let again = import(app.db(), &page, &Kinds::new(), 48).await?;
            assert_eq!(again.article, first.article);
            assert_eq!((again.added, again.changed), (0, 0), "{name}");
            assert_eq!(feed(app.db()).await?, written);
            assert_eq!(app.ask(ALL).await?.json, answered.json);
        }
    }
    Ok(())
}

/// Returns the kind of each pinned story, in order.
async fn kinds_of(app: &TestApp) -> anyhow::Result<Value> {
    let home = all(app).await?;
    let stories = home["pinnedStories"]["nodes"].as_array().cloned();
    let stories = stories.context("no list")?.into_iter();
    Ok(stories.map(|mut story| story["kind"].take()).collect())
}

#[tokio::test]
async fn kinds_can_be_configured() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, page) = (app.db(), read("bare.txt")?);
        import(db, &page, &Kinds::new(), 24).await?;
        assert_eq!(
            kinds_of(&app).await?,
            json!(["RUNNING", "RUNNING", "RUNNING", "SHOW", "SHOW", "RUBRIC"])
        );
        let kinds = [
            // Titles match regardless of spacing and tatweel.
            ("مواسم  الزيتـون", Kind::Rubric),
            ("توسعة ميناء الشمال", Kind::Show),
            // The title implies a rubric and takes precedence, because readers see the title.
            ("فيديوهات", Kind::Show),
            ("قصة أخرى", Kind::Show),
        ];
        let kinds: Kinds = kinds.map(|(title, kind)| (title.to_owned(), kind)).into();
        let expected = json!(["SHOW", "RUBRIC", "RUNNING", "SHOW", "SHOW", "RUBRIC"]);
        let again = import(db, &page, &kinds, 48).await?;
        assert_eq!((again.added, again.changed), (0, 2));
        assert_eq!(kinds_of(&app).await?, expected);
        // After its removal from the configuration, a kind remains as stored.
        let again = import(db, &page, &Kinds::new(), 72).await?;
        assert_eq!((again.added, again.changed), (0, 0));
        assert_eq!(kinds_of(&app).await?, expected);
    }
    Ok(())
}
