//! The archive: a generated newsroom of any size, with five years of articles. Most articles belong
//! to a story. Stories, sections, topics and comment threads vary widely in size, as in practice.
//! For a given number of articles, the archive is identical in every run.

mod article;
mod entities;

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use khabar_domain::{ArticleId, Invalid, id};
use khabar_persistence::{Bulk, Db};
use khabar_tests::harness::Newsroom;
use khabar_tests::harness::newsroom::opened;

use crate::random::{Random, Zipf};
use crate::words::Words;

/// The number of objects of each kind in the archive.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) articles: usize,
    pub(crate) stories: usize,
    pub(crate) people: usize,
    pub(crate) topics: usize,
    pub(crate) sources: usize,
    pub(crate) pictures: usize,
}

impl Size {
    /// Returns the sizes in proportion to the number of articles, for example 3,000 stories for
    /// 100,000 articles. Each is at least 20, and there are always 30 sources.
    pub(crate) fn of(articles: usize) -> Self {
        let part = |of_100_000: usize| (articles * of_100_000 / 100_000).max(20);
        Self {
            articles,
            stories: part(3_000),
            people: part(500),
            topics: part(800),
            sources: 30,
            pictures: part(2_000),
        }
    }
}

/// A generated newsroom. Only the place of each article is held in memory. The rest is generated on
/// demand.
pub(crate) struct Archive {
    pub(crate) size: Size,
    /// The objects that articles refer to, and the front page.
    pub(crate) newsroom: Newsroom,
    words: Words,
    slots: Vec<ArticleSlot>,
    /// The articles of each story, oldest first.
    threads: Vec<Vec<usize>>,
}

/// The identity, publication time, section and story of an article.
struct ArticleSlot {
    id: ArticleId,
    at: DateTime<Utc>,
    section: usize,
    story: Option<usize>,
}

/// Number of articles written per transaction. Larger transactions would be slow on SQLite, which
/// can read uncommitted pages only from its log.
const AT_ONCE: usize = 20_000;
/// Time span of the archive, in seconds.
const FIVE_YEARS: usize = 5 * 365 * 24 * 60 * 60;
/// Zipf exponent of the story sizes. Gives the largest of 3,000 stories a sixteenth of all articles
/// in stories: 5,000 of 80,000.
const STORIES: f64 = 0.85;

impl Archive {
    /// Generates an archive with this number of articles.
    pub(crate) fn new(articles: usize) -> Result<Self, Invalid> {
        let size = Size::of(articles);
        let (stories, sections) = (
            Zipf::new(size.stories, STORIES),
            Zipf::new(entities::ROOTS, 1.0),
        );
        let mut threads = vec![Vec::new(); size.stories];
        let mut slots = Vec::with_capacity(articles);
        let step = FIVE_YEARS / articles;
        // The archive ends before the present of any clock, so that a newly published article is
        // the newest.
        let begun = opened() - Duration::seconds(i64::try_from(FIVE_YEARS).unwrap_or_default());
        for number in 0..articles {
            let mut random = Random::new("place", number);
            let seconds = number * step + random.below(step);
            let at = begun + Duration::seconds(i64::try_from(seconds).unwrap_or_default());
            let story = random.percent(80).then(|| stories.pick(&mut random));
            if let Some(story) = story {
                threads[story].push(number);
            }
            // Two fifths of the articles of a root section are filed in its child section.
            let below = usize::from(random.percent(40)) * entities::ROOTS;
            slots.push(ArticleSlot {
                id: ArticleId::new(id::mint(at, random.bits())),
                at,
                section: sections.pick(&mut random) + below,
                story,
            });
        }
        let words = Words::new();
        let mut newsroom = entities::fill(size, &words)?;
        let newest = slots.iter().rev().take(3).map(|slot| slot.id).collect();
        newsroom.leads = vec![(newsroom.editions[0].id, newest)];
        Ok(Self {
            size,
            newsroom,
            words,
            slots,
            threads,
        })
    }

    /// Writes the archive to a database.
    pub(crate) async fn save(&self, db: &Db) -> anyhow::Result<()> {
        let mut writer = db.writer(opened()).await?;
        self.newsroom.save_shelf(&mut writer).await?;
        writer.commit().await?;
        let all: Vec<_> = (0..self.size.articles).collect();
        for numbers in all.chunks(AT_ONCE) {
            let mut bulk = Bulk::new(db.writer(opened()).await?);
            for number in numbers {
                let manuscript = self.manuscript(*number)?;
                let comments = self.comments(*number, &manuscript.article)?;
                bulk.add(&manuscript, &comments).await?;
            }
            bulk.finish().await?.commit().await?;
        }
        for numbers in all.chunks(AT_ONCE) {
            let mut bulk = Bulk::new(db.writer(opened()).await?);
            for number in numbers {
                let links = self.related(*number);
                bulk.relate(self.slots[*number].id, &links).await?;
            }
            bulk.finish().await?.commit().await?;
        }
        let mut writer = db.writer(opened()).await?;
        self.newsroom.save_front(&mut writer).await?;
        writer.commit().await.context("the archive was not written")
    }
}
