//! A story's timeline: a page of its newest articles, grouped by day.

use async_graphql::{Context, Object};
use chrono::NaiveDate;
use khabar_domain::Story;
use khabar_persistence::Page;
use khabar_persistence::article::{By, Filter, List, Listed};

use super::Article;
use crate::connection::{PageInfo, Total, slice};
use crate::error::Result;
use crate::scalar::{Date, count};

/// A page of a story's days.
pub struct StoryTimeline {
    days: Vec<StoryDay>,
    page_info: PageInfo,
    total: Total,
}

/// A page of a story's articles, newest first, grouped by day. A page ends after as many articles as
/// were asked for, so its last day may go on in the next one.
#[Object]
impl StoryTimeline {
    /// The days, newest first.
    fn days(&self) -> &[StoryDay] {
        &self.days
    }

    /// What lies before and after this page; its cursors are places of articles.
    fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many articles the whole timeline has.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(count(self.total.load(ctx).await?.count))
    }

    /// Whether `totalCount` is all of them.
    async fn total_count_is_exact(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.total.load(ctx).await?.is_exact)
    }
}

/// One day of a story.
pub struct StoryDay {
    date: NaiveDate,
    articles: Vec<Article>,
}

/// One day of a story.
#[Object]
impl StoryDay {
    /// Which day, in UTC.
    fn date(&self) -> Date {
        Date(self.date)
    }

    /// The articles of this day that are on this page, newest first.
    fn articles(&self) -> &[Article] {
        &self.articles
    }
}

impl StoryTimeline {
    /// Loads a page of a story's timeline.
    pub(crate) async fn load(ctx: &Context<'_>, story: &Story, page: Page) -> Result<Self> {
        let key = Listed {
            list: List::Story(story.id),
            filter: Filter::default(),
            by: By::Newest,
            page,
        };
        let slice = slice(ctx, key).await?;
        Ok(Self {
            page_info: PageInfo::of(&slice),
            total: Total::Kept(story.article_count, List::Story(story.id).key()),
            days: days(slice.into_items()),
        })
    }
}

/// Groups articles that lie together in time.
fn days(articles: Vec<khabar_domain::Article>) -> Vec<StoryDay> {
    let mut days: Vec<StoryDay> = Vec::new();
    for article in articles {
        let date = article.listed_at.date_naive();
        match days.last_mut() {
            Some(day) if day.date == date => day.articles.push(Article(article)),
            _ => days.push(StoryDay {
                date,
                articles: vec![Article(article)],
            }),
        }
    }
    days
}
