//! The GraphQL type for the home page: everything a front page or an app's first screen needs, in
//! one request.

use khabar_domain::Edition as Row;
use khabar_persistence::article::{List, MostRead};
use khabar_persistence::section::{self, Which};
use khabar_persistence::story::{Filter, OfEdition};
use khabar_persistence::{Page, follow_channel, home_lead, live_channel};

use super::{
    Article, ArticleListArguments, Articles, Edition, FollowChannel, LiveChannel, LoadArticles,
    Section, Story,
};
use crate::connection::TotalCount;
use crate::error::Result;
use crate::input::ArticleFilter;
use crate::object::{LoadMany, LoadPage, Nested, OwnedOption, ReadContext, object};

/// An edition's home page, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Home;

/// Content for an edition's front page or an app's first screen.
#[object(of = Row)]
impl Home {
    /// The edition of the home page. Headings for its blocks are in `Edition.labels`.
    fn edition(edition: &Row) -> Nested<'_, Edition> {
        Nested(edition)
    }

    /// The live channel to show: the first one on air, or the first in order if none is. Null if
    /// the edition has no live channels.
    async fn live_channel(
        edition: &Row,
        context: &ReadContext,
    ) -> Result<OwnedOption<LiveChannel>> {
        let channels = context.load(live_channel::OfEdition(edition.id)).await?;
        let channels = channels.as_deref().map_or(&[][..], Vec::as_slice);
        let on_air = channels.iter().find(|channel| channel.on_air == Some(true));
        Ok(OwnedOption(on_air.or(channels.first()).cloned()))
    }

    /// The live channels, in order.
    fn live_channels(edition: &Row) -> LoadMany<LiveChannel, live_channel::OfEdition> {
        LiveChannel::of_edition(edition.id)
    }

    /// The pinned stories, in the order set by the editors.
    fn pinned_stories(edition: &Row, page: Page) -> LoadPage<OfEdition> {
        let filter = Filter {
            pinned: Some(true),
            ..Filter::default()
        };
        Story::of_edition(edition.id, filter, page)
    }

    /// The lead articles at the top of the home page, in the order set by the editors.
    fn lead_articles(edition: &Row) -> LoadMany<Article, home_lead::OfEdition> {
        LoadMany::new(home_lead::OfEdition(edition.id))
    }

    /// The newest articles.
    async fn latest(
        edition: &Row,
        context: &ReadContext,
        #[arg("Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        page: Page,
    ) -> Result<LoadArticles> {
        let articles = Articles {
            list: List::Edition(edition.id),
            edition: edition.id,
            count: Some(edition.article_count),
        };
        let arguments = ArticleListArguments {
            filter,
            order_by: None,
            page,
        };
        articles.load(context, arguments).await
    }

    /// The edition's articles, most read first.
    fn most_read(edition: &Row, page: Page) -> LoadPage<MostRead> {
        let all = List::Edition(edition.id).key();
        let key = MostRead {
            edition: edition.id,
            page,
        };
        LoadPage::new(key, TotalCount::Stored(edition.article_count, all))
    }

    /// The featured sections, in order.
    fn featured_sections(edition: &Row) -> LoadMany<Section, section::OfEdition> {
        Section::of_edition(edition.id, Which::Featured)
    }

    /// The channels on other platforms where readers can follow the newsroom, in order.
    fn follow_channels(edition: &Row) -> LoadMany<FollowChannel, follow_channel::OfEdition> {
        FollowChannel::of_edition(edition.id)
    }
}
