//! A story's timeline: a page of its articles, newest first, grouped by day.

use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;
use khabar_domain::{Article as Row, Story};
use khabar_persistence::article::{By, Filter, List, Listed};
use khabar_persistence::{Page, PageKey as _, Slice};

use super::Article;
use crate::connection::{PageInfo, PagePosition, TotalCount, refuse};
use crate::error::Result;
use crate::object::{LoadInto, Nested, NestedList, ReadContext, object};
use crate::scalar::{Date, count};

/// A page of a story's timeline, as exposed through GraphQL.
pub(crate) struct StoryTimeline {
    days: Vec<StoryDay>,
    position: PagePosition,
    total: TotalCount,
}

/// The page of a timeline that a key loads.
pub(crate) type LoadTimeline = LoadInto<StoryTimeline, Listed>;

/// A page of a story's articles, newest first, grouped by day. The page size counts articles, so
/// the last day of a page may continue on the next page.
#[object]
impl StoryTimeline {
    /// The days, newest first.
    fn days(&self) -> NestedList<'_, StoryDay> {
        NestedList::new(self.days.iter())
    }

    /// Pagination information. The cursors refer to articles, not to days.
    fn page_info(&self) -> Nested<'_, PageInfo> {
        Nested(&self.position)
    }

    /// Total number of articles in the timeline.
    async fn total_count(&self, context: &ReadContext) -> Result<i32> {
        Ok(count(self.total.load(context).await?.count))
    }

    /// Whether `totalCount` is exact. If false, it is a lower bound.
    async fn total_count_is_exact(&self, context: &ReadContext) -> Result<bool> {
        Ok(self.total.load(context).await?.is_exact)
    }
}

/// A day in a story's timeline, as exposed through GraphQL.
pub(crate) struct StoryDay {
    date: NaiveDate,
    page: Arc<Slice<Row>>,
    /// The places of the day's articles in the page.
    places: Range<usize>,
}

/// A day in a story's timeline.
#[object]
impl StoryDay {
    /// Date of the day, in UTC.
    fn date(&self) -> Date {
        Date(self.date)
    }

    /// The articles of the day that are on this page, newest first.
    fn articles(&self) -> NestedList<'_, Article> {
        let items = self.page.items.get(self.places.clone());
        NestedList::new(items.into_iter().flatten().map(|(_, article)| article))
    }
}

impl StoryTimeline {
    /// Returns a page of a story's timeline.
    pub(crate) fn load(story: &Story, page: Page) -> Result<LoadTimeline> {
        let key = Listed {
            list: List::Story(story.id),
            filter: Filter::default(),
            by: By::Newest,
            page,
        };
        key.check().map_err(refuse)?;
        let total = TotalCount::Stored(story.article_count, List::Story(story.id).key());
        Ok(LoadInto::new(key, |page| {
            let page = page.unwrap_or_default();
            Self {
                position: PagePosition::of(&page),
                total,
                days: days(&page),
            }
        }))
    }
}

/// Groups consecutive articles that were listed on the same day (in UTC).
fn days(page: &Arc<Slice<Row>>) -> Vec<StoryDay> {
    let mut days: Vec<StoryDay> = Vec::new();
    for (place, (_, article)) in page.items.iter().enumerate() {
        let date = article.listed_at.date_naive();
        match days.last_mut() {
            Some(day) if day.date == date => day.places.end = place + 1,
            _ => days.push(StoryDay {
                date,
                page: Arc::clone(page),
                places: place..place + 1,
            }),
        }
    }
    days
}
