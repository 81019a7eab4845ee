//! Editorial changes between two imports: additions, moves and withdrawals are preserved.

use anyhow::Context as _;
use khabar_domain::article::{Status, TextStats};
use khabar_domain::related::{Origin, Reason};
use khabar_domain::{
    Article, ArticleId, Block, Body, EditionId, Headline, LiveChannel, Name, RelatedLink,
    SectionId, Slug, Story, StoryId, WebUrl,
};
use khabar_persistence::article::Manuscript;
use khabar_persistence::{WriteTx, article, edition, live_channel, media, related, section, story};
use khabar_tests::harness::{TestDb, builders, newsroom};
use serde_json::json;
use uuid::Uuid;

use super::{PIER, PORT, TRAIN, all};
use crate::{Kinds, apps, feed, import, read, response};

const METRO: &str = "مترو الضفتين يصل إلى المحطة السابعة";

/// Makes an editorial change two days after the newsroom opened.
async fn edit<T>(
    db: &TestDb,
    does: impl AsyncFnOnce(&mut WriteTx, EditionId) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let at = newsroom::opened() + chrono::Duration::days(2);
    let mut writer = db.db().writer(at).await?;
    let edition = edition::find_by_slug(&writer, &Slug::parse("ar")?).await?;
    let done = does(&mut writer, edition.context("no edition")?.id).await?;
    writer.commit().await?;
    Ok(done)
}

// Imported stories and articles have slugs derived from their titles.

async fn story_called(writer: &WriteTx, edition: EditionId, title: &str) -> anyhow::Result<Story> {
    let unknown = StoryId::new(Uuid::nil());
    let found =
        story::find_by_id_or_slug(writer, unknown, edition, &Slug::from_text(title)?).await?;
    found.with_context(|| format!("no story {title}"))
}

async fn article_called(
    writer: &WriteTx,
    edition: EditionId,
    headline: &str,
) -> anyhow::Result<Manuscript> {
    let unknown = ArticleId::new(Uuid::nil());
    let found =
        article::find_by_id_or_slug(writer, unknown, edition, &Slug::from_text(headline)?).await?;
    found.with_context(|| format!("no article {headline}"))
}

#[tokio::test]
async fn editorial_additions_survive_an_import() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, page) = (app.db(), read("blocks.txt")?);
        import(db, &page, &Kinds::new(), 24).await?;
        edit(db, async |writer, edition| {
            let found = story_called(writer, edition, "مترو الضفتين").await?;
            let picture = builders::picture("metro", "قطار تحت الأرض")?;
            media::save(writer, &picture).await?;
            let story = Story {
                title: Name::parse("مترو الضفتين: الخط الأول")?,
                summary: Some("خط يجمع ضفتي النهر.".into()),
                image: Some(picture.id),
                ..found
            };
            story::save(writer, &story).await?;

            let place = Slug::from_text("رياضة")?;
            let found =
                section::find_by_id_or_slug(writer, SectionId::new(Uuid::nil()), edition, &place)
                    .await?;
            let mut sport = found.context("no section")?;
            sport.summary = Some("نتائج الأسبوع.".into());
            section::save(writer, &sport).await?;

            let mut stub = article_called(writer, edition, PIER).await?;
            stub.body = Body::parse(vec![Block::paragraph("كتبه محررنا.")])?;
            stub.stories = vec![story.id];
            stub.article = Article {
                is_stub: false,
                section: Some(sport.id),
                version: 2,
                ..stub.article
            };
            article::save(writer, &stub).await?;

            let mut own = article_called(writer, edition, METRO).await?;
            own.stories = vec![story.id];
            own.article.hero = Some(picture.id);
            own.article.headline = Headline::parse("مترو الضفتين عند محطته السابعة")?;
            article::save(writer, &own).await?;
            Ok(())
        })
        .await?;
        let (written, answered) = (feed(db).await?, all(&app).await?);
        let again = import(db, &page, &Kinds::new(), 72).await?;
        assert_eq!((again.added, again.changed), (0, 0), "{}", db.name());
        assert_eq!(feed(db).await?, written);
        assert_eq!(all(&app).await?, answered);
        let story = &answered["pinnedStories"]["nodes"][0];
        assert_eq!(story["summary"], "خط يجمع ضفتي النهر.");
        assert_eq!(story["articleCount"], 2);
        assert_eq!(answered["latest"]["nodes"][1]["bodyText"], "كتبه محررنا.");
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_url_survives_an_import_without_one() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, page) = (app.db(), read("bare.txt")?);
        import(db, &page, &Kinds::new(), 24).await?;
        let url = "https://live.example.org/studio.m3u8";
        edit(db, async |writer, edition| {
            let id = khabar_domain::derived("live-channel", &["ar", "مباشر"]);
            let found = live_channel::lock(writer, id.into()).await?;
            let found = found.context("no channel")?;
            assert_eq!(found.edition, edition);
            let channel = LiveChannel {
                stream_url: Some(WebUrl::parse(url)?),
                on_air: Some(true),
                ..found
            };
            live_channel::save(writer, &channel).await?;
            Ok(())
        })
        .await?;
        let again = import(db, &page, &Kinds::new(), 72).await?;
        assert_eq!((again.added, again.changed), (0, 0));
        let expected = json!([{"name": "مباشر", "streamUrl": url, "onAir": true, "position": 0}]);
        assert_eq!(all(&app).await?["liveChannels"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn an_editorial_lead_survives_an_import_without_one() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, mut page) = (app.db(), read("bare.txt")?);
        page.article.lead = None;
        import(db, &page, &Kinds::new(), 24).await?;
        let lead = "رصيف جديد يستقبل سفنه خلال أيام.";
        edit(db, async |writer, edition| {
            let mut own = article_called(writer, edition, PIER).await?;
            let TextStats {
                excerpt,
                reading_minutes,
            } = TextStats::of(Some(lead), &own.body);
            own.article = Article {
                lead: Some(lead.into()),
                excerpt,
                reading_minutes,
                ..own.article
            };
            article::save(writer, &own).await?;
            Ok(())
        })
        .await?;
        let again = import(db, &page, &Kinds::new(), 72).await?;
        assert_eq!((again.added, again.changed), (0, 0));
        let answered = response(
            &app,
            "{ articles(first: 1) { nodes { lead excerpt version } } }",
        );
        let expected = json!([{"lead": lead, "excerpt": lead, "version": 1}]);
        assert_eq!(answered.await?["articles"]["nodes"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn editorial_relations_survive_an_import() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, page) = (app.db(), read("bare.txt")?);
        let imported = import(db, &page, &Kinds::new(), 24).await?;
        let extra = "سوق السمك ينتقل إلى الرصيف الثاني";
        edit(db, async |writer, edition| {
            let ar = builders::edition("ar", "العربية", "ar")?;
            assert_eq!(ar.id, edition);
            let manuscript = builders::manuscript(builders::article(&ar, extra, 1)?, Vec::new())?;
            article::save(writer, &manuscript).await?;
            let mut links = related::links_of(writer, imported.article).await?;
            links.push(RelatedLink {
                from: imported.article,
                to: manuscript.article.id,
                rank: 5,
                origin: Origin::Editorial,
                reason: Reason::Chosen,
                score: None,
            });
            related::set(writer, imported.article, &links).await?;
            let mut train = article_called(writer, edition, TRAIN).await?;
            train.article.status = Status::Withdrawn;
            article::save(writer, &train).await?;
            Ok(())
        })
        .await?;
        let again = import(db, &page, &Kinds::new(), 72).await?;
        assert_eq!((again.added, again.changed), (0, 0));
        let home = all(&app).await?;
        let edges = home["latest"]["nodes"][0]["related"]["edges"].as_array();
        let shown: Vec<_> = edges
            .context("no list")?
            .iter()
            .map(|edge| edge["node"]["headline"].as_str())
            .collect();
        let headlines = page.others.iter().map(|other| other.headline.as_str());
        let mut expected: Vec<_> = headlines.filter(|it| *it != TRAIN).map(Some).collect();
        expected.push(Some(extra));
        assert_eq!(shown, expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_moved_section_keeps_its_position() -> anyhow::Result<()> {
    for app in apps().await? {
        let db = app.db();
        import(db, &read("bare.txt")?, &Kinds::new(), 24).await?;
        edit(db, async |writer, _| {
            let ar = builders::edition("ar", "العربية", "ar")?;
            let country = builders::section(&ar, "البلاد", 0)?;
            section::save(writer, &country).await?;
            let mut city = builders::section(&ar, "المدينة", 7)?;
            city.parent = Some(country.id);
            section::save(writer, &city).await?;
            Ok(())
        })
        .await?;
        import(db, &read("blocks.txt")?, &Kinds::new(), 72).await?;
        let home = all(&app).await?;
        let sections = home["featuredSections"].as_array().context("no list")?;
        let city = sections.iter().find(|it| it["name"] == "المدينة");
        let city = city.context("it is not featured")?;
        assert_eq!(
            (&city["position"], &city["featured"]),
            (&json!(7), &json!(true))
        );
        assert_eq!(city["parent"]["name"], "البلاد");
    }
    Ok(())
}

#[tokio::test]
async fn a_slug_stays_with_its_owner() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, page) = (app.db(), read("bare.txt")?);
        import(db, &read("blocks.txt")?, &Kinds::new(), 12).await?;
        edit(db, async |writer, _| {
            let ar = builders::edition("ar", "العربية", "ar")?;
            let other = Story {
                title: Name::parse("ميناء الشمال، عشرون عاما")?,
                slug: Slug::from_text(PORT)?,
                ..builders::story(&ar, "ميناء")?
            };
            story::save(writer, &other).await?;
            let other = Article {
                slug: Slug::from_text(TRAIN)?,
                ..builders::article(&ar, "قطار آخر على الساحل", 1)?
            };
            article::save(writer, &builders::manuscript(other, Vec::new())?).await?;
            // A story with an identical title and its default slug is the imported story, even if an
            // editor created it.
            story::save(writer, &builders::story(&ar, "مواسم الزيتون")?).await?;
            Ok(())
        })
        .await?;
        import(db, &page, &Kinds::new(), 72).await?;
        let again = import(db, &page, &Kinds::new(), 96).await?;
        assert_eq!((again.added, again.changed), (0, 0));
        let document = format!(
            "{{ taken: story(slug: {:?}) {{ title pinnedPosition }}
                olives: story(slug: \"مواسم-الزيتون\") {{ pinnedPosition }}
                train: article(slug: {:?}) {{ headline }}
                stories(pinned: true) {{ nodes {{ title slug }} }}
                articles {{ nodes {{ headline slug }} }} }}",
            Slug::from_text(PORT)?.as_str(),
            Slug::from_text(TRAIN)?.as_str()
        );
        let answered = response(&app, &document).await?;
        let taken = json!({"title": "ميناء الشمال، عشرون عاما", "pinnedPosition": null});
        assert_eq!(answered["taken"], taken);
        assert_eq!(answered["olives"], json!({"pinnedPosition": 1}));
        assert_eq!(answered["train"]["headline"], "قطار آخر على الساحل");
        for (list, called, words) in [("stories", "title", PORT), ("articles", "headline", TRAIN)] {
            let nodes = answered[list]["nodes"].as_array().context("no list")?;
            let found: Vec<_> = nodes.iter().filter(|it| it[called] == words).collect();
            let [found] = found.as_slice() else {
                anyhow::bail!("{words} stands {} times", found.len());
            };
            let slug = found["slug"].as_str().unwrap_or_default();
            let plain = Slug::from_text(words)?;
            let letters = slug.strip_prefix(plain.as_str());
            let letters = letters.and_then(|rest| rest.strip_prefix('-'));
            assert_eq!(letters.map(str::len), Some(8), "{slug}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_reported_count_is_separate_from_the_actual_count() -> anyhow::Result<()> {
    const COUNTS: &str =
        "{ stories(pinned: true, first: 1) { nodes { title reportedArticleCount articleCount
        articles { totalCount nodes { headline } } } } }";
    for app in apps().await? {
        let (db, page) = (app.db(), read("bare.txt")?);
        import(db, &page, &Kinds::new(), 24).await?;
        edit(db, async |writer, edition| {
            let mut own = article_called(writer, edition, PIER).await?;
            own.stories = vec![story_called(writer, edition, PORT).await?.id];
            article::save(writer, &own).await?;
            Ok(())
        })
        .await?;
        let counts = async |reported: i64| {
            let answered = response(&app, COUNTS).await?;
            let articles = json!({"totalCount": 1, "nodes": [{"headline": PIER}]});
            let expected = json!([{"title": PORT, "reportedArticleCount": reported,
                                   "articleCount": 1, "articles": articles}]);
            assert_eq!(answered["stories"]["nodes"], expected);
            anyhow::Ok(())
        };
        counts(27).await?;
        // A later page updates the count. A page without a count leaves it unchanged.
        let mut later = page.clone();
        for (said, expected) in [(Some(28), 28), (None, 28)] {
            later.stories[0].reported_article_count = said;
            import(db, &later, &Kinds::new(), 72).await?;
            counts(expected).await?;
        }
    }
    Ok(())
}
