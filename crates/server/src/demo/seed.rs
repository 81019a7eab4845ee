//! Filling: writes the demo newsroom into a database, only once and in a single transaction.

use anyhow::Context;
use chrono::{DateTime, Utc};
use khabar_domain::{Scope, Slug};
use khabar_persistence::{
    BatchKey, Db, WriteTx, article, comment, edition, follow_channel, home_lead, live_channel,
    media, person, related, section, source, story, topic,
};

use super::content::Content;
use super::newsroom::Newsroom;

/// The outcome of [`fill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedOutcome {
    /// The newsroom was written.
    Added {
        /// Number of articles, including those not visible to readers.
        articles: usize,
        /// Number of comments, including those not visible to readers.
        comments: usize,
    },
    /// The database already had an Arabic edition. Nothing was written.
    AlreadySeeded,
}

/// Writes the demo newsroom with times relative to `at`, unless the database has an Arabic edition.
///
/// Any edition with the slug `ar` counts. A second run therefore does not move the times, and the
/// demo's news is never added to a real newsroom.
pub async fn fill(db: &Db, at: DateTime<Utc>) -> anyhow::Result<SeedOutcome> {
    let arabic = edition::BySlug(Slug::parse("ar")?);
    let there = edition::BySlug::fetch(&db.reader(Scope::reader(at)), &[arabic])
        .await
        .context("could not look for the demo's newsroom")?;
    if !there.is_empty() {
        return Ok(SeedOutcome::AlreadySeeded);
    }
    let newsroom = Newsroom::of(&Content::embedded()?, at)?;
    let mut writer = db.writer(at).await?;
    write(&mut writer, &newsroom)
        .await
        .context("could not write the demo's newsroom")?;
    writer.commit().await?;
    Ok(SeedOutcome::Added {
        articles: newsroom.manuscripts.len(),
        comments: newsroom.comments.len(),
    })
}

async fn write(writer: &mut WriteTx, newsroom: &Newsroom) -> khabar_persistence::Result<()> {
    for thing in &newsroom.media {
        media::save(writer, thing).await?;
    }
    for thing in &newsroom.editions {
        edition::save(writer, thing).await?;
    }
    for thing in &newsroom.sections {
        section::save(writer, thing).await?;
    }
    for thing in &newsroom.people {
        person::save(writer, thing).await?;
    }
    for thing in &newsroom.sources {
        source::save(writer, thing).await?;
    }
    for thing in &newsroom.topics {
        topic::save(writer, thing).await?;
    }
    for (thing, topics) in &newsroom.stories {
        story::save(writer, thing).await?;
        story::set_topics(writer, thing.id, topics).await?;
    }
    for manuscript in &newsroom.manuscripts {
        article::save(writer, manuscript).await?;
    }
    for (from, links) in &newsroom.related {
        related::set(writer, *from, links).await?;
    }
    for thing in &newsroom.comments {
        comment::save(writer, thing).await?;
    }
    for (edition, articles) in &newsroom.leads {
        home_lead::set(writer, *edition, articles).await?;
    }
    for thing in &newsroom.live {
        live_channel::save(writer, thing).await?;
    }
    for thing in &newsroom.follow {
        follow_channel::save(writer, thing).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};
    use khabar_domain::article::Status;
    use khabar_domain::{ArticleId, EditionId, derived};
    use khabar_persistence::article::{By, CountListed, Filter, List};
    use khabar_persistence::{Options, Page, change, migration};

    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2025, 3, 1, 9, 0, 0).unwrap()
    }

    async fn empty(folder: &tempfile::TempDir) -> Db {
        let file = folder.path().join("demo.db");
        let options = Options::new(format!("sqlite:{}", file.display())).create();
        let db = Db::open(&options).await.unwrap();
        migration::up(&db).await.unwrap();
        db
    }

    async fn one<K: BatchKey>(db: &Db, key: K) -> Option<K::Value> {
        let reader = db.reader(Scope::reader(now()));
        K::fetch(&reader, std::slice::from_ref(&key))
            .await
            .unwrap()
            .remove(&key)
    }

    #[tokio::test]
    async fn readers_find_the_seeded_content() {
        let folder = tempfile::tempdir().unwrap();
        let db = empty(&folder).await;
        let filled = fill(&db, now()).await.unwrap();
        assert!(
            matches!(
                filled,
                SeedOutcome::Added {
                    articles: 70..,
                    comments: 60..
                }
            ),
            "{filled:?}"
        );

        let demo = Newsroom::of(&Content::embedded().unwrap(), now()).unwrap();
        for edition in &demo.editions {
            let published = demo.manuscripts.iter().filter(|of| {
                of.article.edition == edition.id && of.article.status == Status::Published
            });
            let found = one(&db, edition::ById(edition.id)).await.unwrap();
            assert_eq!(
                usize::try_from(found.article_count).unwrap(),
                published.count()
            );
            let counted = CountListed {
                list: List::Edition(edition.id),
                filter: Filter::default(),
            };
            let tally = one(&db, counted).await.map(|tally| tally.count);
            assert_eq!(tally, Some(found.article_count));
        }
        for (story, topics) in &demo.stories {
            let found = one(&db, story::ById(story.id)).await.unwrap();
            assert!(found.article_count >= 2, "{}", found.title);
            assert_eq!(found.last_article_at, Some(found.active_at));
            let of_story = one(&db, topic::OfStory(story.id)).await.unwrap_or_default();
            assert_eq!(of_story.len(), topics.len(), "{}", found.title);
        }
        for section in &demo.sections {
            let found = one(&db, section::ById(section.id)).await.unwrap();
            assert!(found.article_count >= 1, "{}", found.name);
        }
        let arabic = demo.editions[0].id;
        assert_eq!(
            one(&db, home_lead::OfEdition(arabic)).await.unwrap().len(),
            5
        );
        assert_eq!(
            one(&db, live_channel::OfEdition(arabic))
                .await
                .unwrap()
                .len(),
            2
        );
        assert_eq!(
            one(&db, follow_channel::OfEdition(arabic))
                .await
                .unwrap()
                .len(),
            6
        );
        db.close().await.unwrap();
    }

    #[tokio::test]
    async fn readers_do_not_find_unpublished_content() {
        let folder = tempfile::tempdir().unwrap();
        let db = empty(&folder).await;
        fill(&db, now()).await.unwrap();
        let article =
            |key: &str| article::ById(ArticleId::new(derived("article", &["demo", "ar", key])));
        let lead = one(&db, article("port-opens")).await.unwrap();
        assert_eq!(lead.published_at, Some(now() - TimeDelta::minutes(192)));
        assert_eq!(lead.comment_count, 6);
        for hidden in [
            "draft-harbour-theatre",
            "scheduled-cup-preview",
            "withdrawn-tariff",
        ] {
            assert_eq!(one(&db, article(hidden)).await, None, "{hidden}");
        }
        let newest = article::Listed {
            list: List::Edition(EditionId::new(derived("edition", &["ar"]))),
            filter: Filter::default(),
            by: By::Newest,
            page: Page::first(1),
        };
        let newest = one(&db, newest).await.unwrap().into_items();
        assert_eq!(newest[0].id, lead.id);
        db.close().await.unwrap();
    }

    #[tokio::test]
    async fn seeding_twice_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = empty(&folder).await;
        fill(&db, now()).await.unwrap();
        let reader = db.reader(Scope::reader(now()));
        let first = change::after(&reader, 0, 5_000).await.unwrap();
        assert!((200..5_000).contains(&first.len()), "{}", first.len());
        let again = fill(&db, now() + TimeDelta::hours(5)).await.unwrap();
        assert_eq!(again, SeedOutcome::AlreadySeeded);
        assert_eq!(change::after(&reader, 0, 5_000).await.unwrap(), first);
        db.close().await.unwrap();
    }
}
