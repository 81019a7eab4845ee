//! The `Article` type.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Enum, ID};
use futures::future::try_join;
use khabar_domain::article::{Kind, Status, truncate_at_word};
use khabar_domain::{Article as Row, ArticleId, EditorialState, Right, WebUrl};
use khabar_persistence::article::unpublished;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::editorial;
use khabar_persistence::{
    Includes, Page, SlugKey, article, comment, correction, edition, media, person, related,
    revision, section, source, story, topic,
};

use super::{
    ArticleCommenting, ArticleDiff, BodyHtml, BodyText, Comment, Correction, Direction, Edition,
    LoadBody, Media, Person, Revision, Section, Source, Story, Topic, Withdrawal,
};
use crate::connection::TotalCount;
use crate::error::{Error, Result};
use crate::input::{CommentOrder, Selector, exactly_one};
use crate::mutate::require;
use crate::node;
use crate::object::{
    LoadMany, LoadOne, LoadPage, LoadRequired, OrDefault, Owned, OwnedOption, ReadContext, Shared,
    enums, object,
};
use crate::scalar::{DateTime, Slug, Url, count};

/// An article.
#[derive(Debug)]
pub(crate) struct Article;

/// A news article: a text with a headline, filed in a section and grouped into stories.
#[object(of = Row, identity = |article| article.id.uuid().as_u128())]
impl Article {
    /// The global ID.
    fn id(article: &Row) -> ID {
        node::id(article.id)
    }

    /// The edition that the article belongs to.
    fn edition(article: &Row) -> LoadRequired<Edition, edition::ById> {
        LoadRequired::new(edition::ById(article.edition))
    }

    /// The URL slug, unique within the edition. For a withdrawn article, readers get a slug generated
    /// from its ID, because the original slug would reveal the content. Both slugs resolve to the
    /// article.
    fn slug(article: &Row) -> &khabar_domain::Slug {
        &article.slug
    }

    /// Slugs of earlier published versions that still resolve to this article. The current one is
    /// `slug`.
    async fn former_slugs(article: &Row, context: &ReadContext) -> Result<Vec<Slug>> {
        if is_redacted(article, context) {
            return Ok(Vec::new());
        }
        Slug::former(context, article.id).await
    }

    /// The canonical URL. Null if it is unknown, and for readers if the article is withdrawn.
    fn canonical_url(article: &Row) -> Option<&WebUrl> {
        article.canonical_url.as_ref()
    }

    /// The kind of article.
    fn kind(article: &Row, context: &ReadContext) -> ArticleKind {
        shows(article, context, Facet::Details);
        article.kind.into()
    }

    /// The editorial status. Readers only see published articles and the tombstones of withdrawn ones,
    /// whose headline is the reason for the withdrawal.
    fn status(article: &Row) -> ArticleStatus {
        article.status.into()
    }

    /// Whether only the headline was received from the source. Such an article has no body.
    fn is_stub(article: &Row, context: &ReadContext) -> bool {
        shows(article, context, Facet::Text);
        article.is_stub
    }

    /// The headline. For a withdrawn article, readers get the reason for the withdrawal instead.
    fn headline(article: &Row) -> &str {
        article.headline.as_str()
    }

    /// The lead: a paragraph that summarises the article.
    fn lead<'a>(article: &'a Row, context: &ReadContext) -> Option<&'a str> {
        shows(article, context, Facet::Lead);
        article.lead.as_deref()
    }

    /// The beginning of the body text, for teasers. Shortened text ends at a word boundary and with
    /// `…`.
    fn excerpt(
        article: &Row,
        context: &ReadContext,
        #[arg("Maximum length in characters. 1 to 600. Defaults to 200.")] length: Option<i32>,
    ) -> Result<String> {
        shows(article, context, Facet::Text);
        excerpt(&article.excerpt, length)
    }

    /// The main image or video, shown at the top of the article.
    fn hero(article: &Row) -> LoadOne<Media, media::ById> {
        Media::load(article.hero)
    }

    /// The body as a list of blocks. Empty for a stub.
    fn body(article: &Row) -> LoadBody {
        LoadBody(article.id)
    }

    /// The body as HTML. Empty for a stub.
    async fn body_html(article: &Row, context: &ReadContext) -> Result<OrDefault<BodyHtml>> {
        let body = context.load(article::BodyOf(article.id)).await;
        let mut media = HashMap::new();
        if let Ok(Some(body)) = &body {
            let shown = body.media();
            for id in &shown {
                context.shows(|| CacheTag::part(EntityKind::Media, *id, Facet::Caption));
            }
            let found = context
                .load_many(shown.into_iter().map(media::ById))
                .await?;
            media.extend(
                found
                    .into_iter()
                    .map(|(key, media)| (key.0, Arc::unwrap_or_clone(media))),
            );
        }
        OrDefault::of(body, |body| BodyHtml {
            body: body.as_deref().cloned().unwrap_or_default(),
            media,
        })
    }

    /// The body as plain text: one paragraph per block, separated by blank lines. Empty for a stub.
    async fn body_text(article: &Row, context: &ReadContext) -> Result<OrDefault<BodyText>> {
        let body = context.load(article::BodyOf(article.id)).await;
        OrDefault::of(body, |body| {
            BodyText(body.as_deref().cloned().unwrap_or_default())
        })
    }

    /// The news agency or outlet that the article came from.
    fn source(article: &Row, context: &ReadContext) -> LoadOne<Source, source::ById> {
        shows(article, context, Facet::Details);
        LoadOne::new(article.source.map(source::ById))
    }

    /// The authors credited in the byline, in order.
    fn authors(article: &Row, context: &ReadContext) -> LoadMany<Person, person::OfArticle> {
        LoadMany::new(visible(article, context).map(person::OfArticle))
    }

    /// The section that the article is filed in.
    fn section(article: &Row) -> LoadOne<Section, section::ById> {
        LoadOne::new(article.section.map(section::ById))
    }

    /// The topics of the article, in order.
    fn topics(article: &Row, context: &ReadContext) -> LoadMany<Topic, topic::OfArticle> {
        LoadMany::new(visible(article, context).map(topic::OfArticle))
    }

    /// The stories that the article belongs to, in order.
    fn stories(article: &Row, context: &ReadContext) -> LoadMany<Story, story::OfArticle> {
        LoadMany::new(visible(article, context).map(story::OfArticle))
    }

    /// Related articles to read next. Articles chosen by editors come first, in their order, followed
    /// by computed ones.
    fn related(article: &Row, context: &ReadContext, page: Page) -> LoadPage<related::Of> {
        let Some(article) = visible(article, context) else {
            return LoadPage::empty();
        };
        let total = TotalCount::by(related::CountOf(article));
        LoadPage::new(related::Of { article, page }, total)
    }

    /// Top-level comments on the article. Their replies are available as `Comment.replies`.
    fn comments(
        article: &Row,
        context: &ReadContext,
        #[arg("Sort order. Defaults to newest first.")] order_by: Option<CommentOrder>,
        page: Page,
    ) -> LoadPage<comment::OfArticle> {
        // Comments on a withdrawn article are hidden with it.
        let Some(article) = visible(article, context) else {
            return LoadPage::empty();
        };
        let by = Comment::order(order_by, CommentOrder::Newest);
        let total = TotalCount::by(comment::CountOfArticle(article));
        LoadPage::new(comment::OfArticle { article, by, page }, total)
    }

    /// The commenting policy: whether comments are accepted, until when and how.
    async fn commenting(article: &Row, context: &ReadContext) -> Result<Owned<ArticleCommenting>> {
        ArticleCommenting::load(context, article).await
    }

    /// The number of comments visible to readers, including replies.
    fn comment_count(article: &Row, context: &ReadContext) -> i32 {
        shows(article, context, Facet::Comments);
        count(article.comment_count)
    }

    /// The language of the article.
    fn language<'a>(article: &'a Row, context: &ReadContext) -> &'a khabar_domain::Language {
        shows(article, context, Facet::Details);
        &article.language
    }

    /// The text direction of the article.
    fn direction(article: &Row, context: &ReadContext) -> Direction {
        shows(article, context, Facet::Details);
        article.direction.into()
    }

    /// Whether the article contains notable photos.
    fn has_photos(article: &Row, context: &ReadContext) -> bool {
        shows(article, context, Facet::Details);
        article.flags.photos
    }

    /// Whether the article contains video.
    fn has_video(article: &Row, context: &ReadContext) -> bool {
        shows(article, context, Facet::Details);
        article.flags.video
    }

    /// Whether the article contains audio.
    fn has_audio(article: &Row, context: &ReadContext) -> bool {
        shows(article, context, Facet::Details);
        article.flags.audio
    }

    /// The time of the first publication. Corrections do not change it. Null if the source does not
    /// provide it.
    fn first_published_at(article: &Row) -> Option<DateTime> {
        article.first_published_at.map(DateTime)
    }

    /// The publication time. Publishing the article again updates it, corrections do not. Null if the
    /// article has not been published or its source does not provide the time.
    fn published_at(article: &Row) -> Option<DateTime> {
        article.published_at.map(DateTime)
    }

    /// The time of the last change to the text since publication. Null if the text has not changed or
    /// the source does not provide the time.
    fn updated_at(article: &Row, context: &ReadContext) -> Option<DateTime> {
        shows(article, context, Facet::Text);
        article.updated_at.map(DateTime)
    }

    /// The time by which lists are ordered: the publication time or, if that is unknown, the time when
    /// the article was received.
    fn listed_at(article: &Row) -> DateTime {
        DateTime(article.listed_at)
    }

    /// The version number. Starts at 1 and increases by one each time the article is saved.
    fn version(article: &Row, context: &ReadContext) -> i32 {
        shows(article, context, Facet::Text);
        article.version
    }

    /// The estimated reading time in minutes. 0 for a stub.
    fn reading_minutes(article: &Row, context: &ReadContext) -> i32 {
        shows(article, context, Facet::Text);
        article.reading_minutes
    }

    /// Corrections made since publication, oldest first.
    fn corrections(article: &Row, context: &ReadContext) -> LoadMany<Correction, correction::Of> {
        LoadMany::new(visible(article, context).map(correction::Of))
    }

    /// The withdrawal of the article. Null if it is not withdrawn.
    async fn withdrawal(article: &Row, context: &ReadContext) -> Result<OwnedOption<Withdrawal>> {
        if article.status != Status::Withdrawn {
            return Ok(OwnedOption(None));
        }
        let editorial = context.load(editorial::Of(article.id)).await?;
        Ok(OwnedOption(
            editorial.and_then(|editorial| editorial.withdrawal.clone()),
        ))
    }

    /// The time at which the article is scheduled to be published. Null if it is not scheduled. Visible
    /// to its writer and to viewers with the right `publish`.
    async fn scheduled_for(article: &Row, context: &ReadContext) -> Result<Option<DateTime>> {
        Ok(editorial(article, context)
            .await?
            .scheduled_for
            .map(DateTime))
    }

    /// The end of the embargo, before which the article cannot be published. Null if there is no
    /// embargo. Visible to its writer and to viewers with the right `publish`.
    async fn embargo_until(article: &Row, context: &ReadContext) -> Result<Option<DateTime>> {
        Ok(editorial(article, context)
            .await?
            .embargo_until
            .map(DateTime))
    }

    /// All stored revisions of the text, newest first. Visible to the article's writer and to viewers
    /// with the right `publish`.
    async fn revisions(
        article: &Row,
        context: &ReadContext,
        page: Page,
    ) -> Result<LoadPage<revision::Of>> {
        require_editor(article, context).await?;
        let article = article.id;
        let total = TotalCount::by(revision::CountOf(article));
        Ok(LoadPage::new(revision::Of { article, page }, total))
    }

    /// The revision of the text with this version number. Null if it was not stored. Visible to the
    /// article's writer and to viewers with the right `publish`.
    async fn revision(
        article: &Row,
        context: &ReadContext,
        #[arg("Version number, starting at 1.")] version: i32,
    ) -> Result<LoadOne<Revision, revision::At>> {
        require_editor(article, context).await?;
        let article = article.id;
        Ok(LoadOne::new(revision::At { article, version }))
    }

    /// The differences between two versions, in either direction. Null if one of them was not stored.
    /// Visible to the article's writer and to viewers with the right `publish`.
    async fn diff(
        article: &Row,
        context: &ReadContext,
        #[arg("Version number to compare from.")] from: i32,
        #[arg("Version number to compare to.")] to: i32,
    ) -> Result<OwnedOption<ArticleDiff>> {
        require_editor(article, context).await?;
        let at = |version| revision::At {
            article: article.id,
            version,
        };
        let (before, after) = try_join(context.load(at(from)), context.load(at(to))).await?;
        Ok(OwnedOption(before.zip(after).map(|(before, after)| {
            let (before, after) = (before.content.clone(), after.content.clone());
            ArticleDiff::new((from, before), (Some(to), after))
        })))
    }
}

impl Article {
    /// Loads the article with this slug, or the withdrawn article whose id the slug was generated from.
    async fn by_slug(
        context: &ReadContext,
        key: SlugKey,
        includes: Includes,
    ) -> Result<Option<Arc<Row>>> {
        let id = key.slug.as_id();
        let edition = edition::BySlug(key.edition.clone());
        let found = context
            .load_including(article::BySlug(key), includes)
            .await?;
        let (None, Some(id)) = (&found, id) else {
            return Ok(found);
        };
        let named = context
            .load_including(article::ById(id.into()), includes)
            .await?;
        let edition = context.load(edition).await?.map(|edition| edition.id);
        Ok(named.filter(|article| {
            article.status == Status::Withdrawn && Some(article.edition) == edition
        }))
    }

    /// Returns a page of the unpublished and withdrawn articles of an edition that the viewer may see.
    pub(crate) async fn unpublished(
        context: &ReadContext,
        edition: Option<Slug>,
        status: Option<ArticleStatus>,
        mine: bool,
        page: Page,
    ) -> Result<LoadPage<unpublished::Listed>> {
        let viewer = context.viewer();
        let all = viewer.may(Right::Publish);
        if !all {
            require(viewer, Right::Write)?;
        }
        if viewer.account.is_none() && (mine || !all) {
            return Ok(LoadPage::empty());
        }
        let Some(edition) = Edition::named(context, edition).await? else {
            return Ok(LoadPage::empty());
        };
        let filter = unpublished::Filter {
            status: status.map(Into::into),
            by: viewer.account.filter(|_| mine || !all),
        };
        let edition = edition.id;
        let key = unpublished::Listed {
            edition,
            filter,
            page,
        };
        let total = TotalCount::by(unpublished::CountListed { edition, filter });
        Ok(LoadPage::new(key, total))
    }

    /// Looks up an article by its id, slug or canonical URL. Exactly one of them must be given.
    pub(crate) async fn look_up(
        context: &ReadContext,
        includes: Includes,
        id: Option<ID>,
        slug: Option<Slug>,
        url: Option<Url>,
        edition: Option<Slug>,
    ) -> Result<Shared<Self>> {
        Ok(Shared(match url {
            Some(url) if id.is_none() && slug.is_none() => {
                context
                    .load_including(article::ByUrl(url.0), includes)
                    .await?
            }
            None if id.is_some() != slug.is_some() => match Selector::read(id, slug, edition)? {
                Selector::Id(id) => {
                    let key = article::ById(node::parse(&id)?);
                    context.load_including(key, includes).await?
                }
                Selector::Slug(key) => Self::by_slug(context, key, includes).await?,
            },
            _ => return Err(exactly_one("`id`, `slug` and `url`")),
        }))
    }
}

/// Records that the response depends on a part of the article that can change independently.
fn shows(article: &Row, context: &ReadContext, part: Facet) {
    context.shows(|| CacheTag::part(EntityKind::Article, article.id, part));
}

/// Returns whether the viewer sees only the tombstone of a withdrawn article, not its content.
fn is_redacted(article: &Row, context: &ReadContext) -> bool {
    // A published article looks alike to every viewer, so the response must not depend on the viewer.
    article.status == Status::Withdrawn && !context.viewer().may(Right::Publish)
}

/// Returns the id of the article, unless the viewer sees only its tombstone.
fn visible(article: &Row, context: &ReadContext) -> Option<ArticleId> {
    (!is_redacted(article, context)).then_some(article.id)
}

/// Returns an error unless the viewer wrote the article or has the right to publish.
async fn require_editor(article: &Row, context: &ReadContext) -> Result<()> {
    let viewer = context.viewer();
    if viewer.account.is_some() && viewer.may(Right::Write) && !viewer.may(Right::Publish) {
        let editorial = context.load(editorial::Of(article.id)).await?;
        if editorial.is_some_and(|editorial| editorial.created_by == viewer.account) {
            return Ok(());
        }
    }
    require(viewer, Right::Publish)
}

/// Loads the editorial data of the article, if the viewer may see it.
async fn editorial(article: &Row, context: &ReadContext) -> Result<Arc<EditorialState>> {
    require_editor(article, context).await?;
    let editorial = context.load(editorial::Of(article.id)).await?;
    Ok(editorial.unwrap_or_default())
}

/// The kind of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enum)]
#[graphql(remote = "Kind")]
pub enum ArticleKind {
    /// A news report.
    News,
    /// An opinion piece.
    Opinion,
    /// Analysis of the news.
    Analysis,
    /// A live blog: a report that is continued while events unfold.
    Liveblog,
    /// A video with a short text.
    Video,
    /// A photo gallery with a short text.
    Gallery,
    /// An episode of a programme.
    Episode,
}

/// The editorial status of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum ArticleStatus {
    /// Draft: the article is still being written.
    Draft,
    /// In review: the article is finished and awaits an editor.
    Review,
    /// Scheduled: the article is finished and will be published at a set time.
    Scheduled,
    /// Published: the article is visible to readers.
    Published,
    /// Withdrawn: the article was published and then taken back.
    Withdrawn,
}

enums!(ArticleKind, ArticleStatus);

pub(crate) fn excerpt(text: &str, length: Option<i32>) -> Result<String> {
    // 200 characters fill two lines of a card on a phone.
    let length = length.unwrap_or(200);
    let most = khabar_domain::Article::EXCERPT;
    match usize::try_from(length) {
        Ok(length) if (1..=most).contains(&length) => Ok(truncate_at_word(text, length)),
        _ => {
            let message = format!("`length` is {length}; it must be 1 to {most}.");
            Err(Error::bad_input(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_its_bounds() {
        assert_eq!(excerpt("one two", Some(5)).unwrap(), "one…");
        assert_eq!(excerpt("one two", None).unwrap(), "one two");
        for length in [0, -1, 601] {
            assert!(excerpt("one two", Some(length)).is_err(), "{length}");
        }
    }
}
