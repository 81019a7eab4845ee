//! A story's timeline: a page of its articles, newest first, grouped by day.

use async_graphql::{Context, Object};
use chrono::NaiveDate;
use khabar_domain::Story;
use khabar_persistence::Page;
use khabar_persistence::article::{By, Filter, List, Listed};

use super::Article;
use crate::connection::{PageInfo, TotalCount, slice};
use crate::error::Result;
use crate::scalar::{Date, count};

/// A page of a story's timeline, as exposed through GraphQL.
pub struct StoryTimeline {
    days: Vec<StoryDay>,
    page_info: PageInfo,
    total: TotalCount,
}

/// A page of a story's articles, newest first, grouped by day. The page size counts articles, so
/// the last day of a page may continue on the next page.
#[Object]
impl StoryTimeline {
    /// The days, newest first.
    fn days(&self) -> &[StoryDay] {
        &self.days
    }

    /// Pagination information. The cursors refer to articles, not to days.
    fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// Total number of articles in the timeline.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(count(self.total.load(ctx).await?.count))
    }

    /// Whether `totalCount` is exact. If false, it is a lower bound.
    async fn total_count_is_exact(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.total.load(ctx).await?.is_exact)
    }
}

/// A day in a story's timeline, as exposed through GraphQL.
pub struct StoryDay {
    date: NaiveDate,
    articles: Vec<Article>,
}

/// A day in a story's timeline.
#[Object]
impl StoryDay {
    /// Date of the day, in UTC.
    fn date(&self) -> Date {
        Date(self.date)
    }

    /// The articles of the day that are on this page, newest first.
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
            total: TotalCount::Stored(story.article_count, List::Story(story.id).key()),
            days: days(slice.into_items()),
        })
    }
}

/// Groups consecutive articles that were listed on the same day (in UTC).
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
