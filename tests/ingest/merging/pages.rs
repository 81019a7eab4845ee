//! Several pages: the effect of one import on the articles, stories and edition of another.

use anyhow::Context as _;
use khabar_domain::Slug;
use khabar_domain::article::MediaFlags;
use khabar_persistence::change::{Change, Operation};
use khabar_tests::harness::TestApp;
use serde_json::{Value, json};

use super::{ALL, PIER, PORT, all};
use crate::{Kinds, apps, feed, import, read, response};

#[tokio::test]
async fn a_stub_is_completed_by_its_page() -> anyhow::Result<()> {
    let (bare, blocks) = (read("bare.txt")?, read("blocks.txt")?);
    for app in apps().await? {
        let db = app.db();
        import(db, &blocks, &Kinds::new(), 24).await?;
        let document = format!(
            "{{ article(slug: {:?}) {{ isStub version listedAt bodyText }} }}",
            Slug::from_text(PIER)?.as_str()
        );
        let seen = async || anyhow::Ok(response(&app, &document).await?["article"].take());
        let stub = seen().await?;
        assert_eq!(
            (&stub["isStub"], &stub["version"]),
            (&json!(true), &json!(1))
        );
        let first = feed(db).await?.len();

        import(db, &bare, &Kinds::new(), 48).await?;
        let whole = seen().await?;
        assert_eq!(whole["isStub"], false);
        assert_eq!(whole["version"], 2);
        assert_eq!(whole["bodyText"], bare.article.body.text());
        // The article was first imported with the first page, and retains its position in lists.
        assert_eq!(whole["listedAt"], stub["listedAt"]);
        let id = khabar_domain::derived("article", &["ar", PIER]);
        let notes = feed(db).await?;
        let mut writes = notes[first..].iter().filter_map(Change::write);
        let write = writes.find(|write| write.id == id);
        let operation = write.context("no row in the feed")?.operation;
        assert_eq!(operation, Operation::Changed);

        // Import the first page again, which has only the headline.
        let again = import(db, &blocks, &Kinds::new(), 72).await?;
        assert_eq!(again.added, 0);
        assert_eq!(seen().await?, whole);
    }
    Ok(())
}

/// Loads all articles by slug, without their times and versions, which depend on the import order.
async fn articles(app: &TestApp) -> anyhow::Result<Vec<Value>> {
    const DOCUMENT: &str =
        "{ articles { nodes { headline slug isStub lead bodyText hasPhotos hasVideo hero { alt }
        source { name articleCount } related { nodes { headline } } } } }";
    let answered = response(app, DOCUMENT).await?;
    let nodes = answered["articles"]["nodes"].as_array();
    let mut nodes = nodes.context("no list")?.clone();
    nodes.sort_by_key(|node| node["slug"].to_string());
    Ok(nodes)
}

#[tokio::test]
async fn the_order_of_imports_does_not_matter() -> anyhow::Result<()> {
    let (bare, blocks) = (read("bare.txt")?, read("blocks.txt")?);
    let (one, other) = (apps().await?, apps().await?);
    for (one, other) in one.iter().zip(&other) {
        for (app, pages) in [(one, [&bare, &blocks]), (other, [&blocks, &bare])] {
            for (page, hours) in pages.into_iter().zip([24, 48]) {
                import(app.db(), page, &Kinds::new(), hours).await?;
            }
        }
        assert_eq!(articles(one).await?, articles(other).await?);
        // One of the three articles on the second page is the main article of the first.
        assert_eq!(articles(one).await?.len(), 6 + 3 - 1);
    }
    Ok(())
}

#[tokio::test]
async fn badges_of_later_pages_are_added() -> anyhow::Result<()> {
    for app in apps().await? {
        let (db, mut page) = (app.db(), read("bare.txt")?);
        import(db, &page, &Kinds::new(), 24).await?;
        page.others[0].flags = MediaFlags {
            audio: true,
            ..MediaFlags::default()
        };
        page.others[2].flags = MediaFlags::default();
        let again = import(db, &page, &Kinds::new(), 48).await?;
        assert_eq!((again.added, again.changed), (0, 1));
        let home = all(&app).await?;
        let nodes = &home["latest"]["nodes"];
        assert_eq!(nodes[1]["hasAudio"], true);
        assert_eq!(nodes[1]["version"], 2);
        // A missing badge does not mean that there is no video.
        assert_eq!(nodes[3]["hasVideo"], true);
        assert_eq!(nodes[3]["version"], 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_shorter_rail_unpins_no_story() -> anyhow::Result<()> {
    for app in apps().await? {
        let mut page = read("bare.txt")?;
        import(app.db(), &page, &Kinds::new(), 24).await?;
        page.stories.swap(0, 1);
        page.stories.truncate(2);
        let again = import(app.db(), &page, &Kinds::new(), 48).await?;
        assert_eq!((again.added, again.changed), (0, 2));
        let home = all(&app).await?;
        let stories = &home["pinnedStories"]["nodes"];
        assert_eq!(stories.as_array().map(Vec::len), Some(6));
        assert_eq!(stories[0]["title"], "مواسم الزيتون");
        assert_eq!(stories[1]["title"], PORT);
    }
    Ok(())
}

#[tokio::test]
async fn a_page_in_another_language_belongs_to_another_edition() -> anyhow::Result<()> {
    const EDITIONS: &str =
        "{ editions { slug name language direction articleCount labels { stories } } }";
    for app in apps().await? {
        let (db, english) = (app.db(), read("english.txt")?);
        import(db, &read("bare.txt")?, &Kinds::new(), 24).await?;
        let arabic = all(&app).await?;
        let imported = import(db, &english, &Kinds::new(), 48).await?;
        assert_eq!(imported.edition.as_str(), "en");
        assert_eq!(imported.changed, 0);
        assert_eq!(all(&app).await?, arabic);
        let expected = json!([
            {"slug": "ar", "name": "العربية", "language": "ar", "direction": "RTL",
             "articleCount": 6, "labels": {"stories": "Stories"}},
            {"slug": "en", "name": "English", "language": "en", "direction": "LTR",
             "articleCount": 3, "labels": {"stories": "Stories"}},
        ]);
        assert_eq!(response(&app, EDITIONS).await?["editions"], expected);
        let document = ALL.replacen("home", "home(edition: \"en\")", 1);
        let home = response(&app, &document).await?["home"].take();
        assert_eq!(home["liveChannels"][0]["name"], "Harbour Radio");
        assert_eq!(home["featuredSections"][1]["slug"], "sea-harbour");
        assert_eq!(home["pinnedStories"]["nodes"][1]["kind"], "SHOW");
        let own = &home["latest"]["nodes"][0];
        assert_eq!(own["bodyText"], english.article.body.text());
        assert_eq!(
            own["related"]["edges"][0]["node"]["headline"],
            english.others[0].headline.as_str()
        );
    }
    Ok(())
}
