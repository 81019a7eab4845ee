//! The `Article` type.

use async_graphql::{Context, Enum, ID, Object};
use futures::future::try_join;
use khabar_domain::article::{Kind, Status, truncate_at_word};
use khabar_domain::{EditorialState, Right};
use khabar_persistence::article::unpublished;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::editorial;
use khabar_persistence::{
    Page, SlugKey, article, comment, correction, edition, media, person, related, revision,
    section, source, story, topic,
};

use super::{
    ArticleCommenting, ArticleConnection, ArticleDiff, BodyBlock, Comment, CommentConnection,
    Correction, Direction, Edition, Media, Person, RelatedArticleConnection, Revision,
    RevisionConnection, Section, Source, Story, Topic, Withdrawal, body,
};
use crate::connection::{Connection, Paging, TotalCount};
use crate::context::ContextExt;
use crate::error::{Error, Result};
use crate::input::{CommentOrder, Selector, exactly_one};
use crate::mutate::require;
use crate::node;
use crate::scalar::{DateTime, Html, Language, Slug, Url, count};

/// An article.
#[derive(Clone, Debug)]
pub struct Article(pub khabar_domain::Article);

/// A news article: a text with a headline, filed in a section and grouped into stories.
#[Object]
impl Article {
    /// The global ID.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that the article belongs to.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// The URL slug, unique within the edition. For a withdrawn article, readers get a slug generated
    /// from its ID, because the original slug would reveal the content. Both slugs resolve to the
    /// article.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Slugs of earlier published versions that still resolve to this article. The current one is
    /// `slug`.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        if self.is_redacted(ctx)? {
            return Ok(Vec::new());
        }
        Slug::former(ctx, self.0.id).await
    }

    /// The canonical URL. Null if it is unknown, and for readers if the article is withdrawn.
    fn canonical_url(&self) -> Option<Url> {
        self.0.canonical_url.clone().map(Url)
    }

    /// The kind of article.
    fn kind(&self, ctx: &Context<'_>) -> ArticleKind {
        self.shows(ctx, Facet::Details);
        self.0.kind.into()
    }

    /// The editorial status. Readers only see published articles and the tombstones of withdrawn ones,
    /// whose headline is the reason for the withdrawal.
    fn status(&self) -> ArticleStatus {
        self.0.status.into()
    }

    /// Whether only the headline was received from the source. Such an article has no body.
    fn is_stub(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Facet::Text);
        self.0.is_stub
    }

    /// The headline. For a withdrawn article, readers get the reason for the withdrawal instead.
    fn headline(&self) -> &str {
        self.0.headline.as_str()
    }

    /// The lead: a paragraph that summarises the article.
    fn lead(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Facet::Lead);
        self.0.lead.as_deref()
    }

    /// The beginning of the body text, for teasers. Shortened text ends at a word boundary and with
    /// `…`.
    fn excerpt(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Maximum length in characters. 1 to 600. Defaults to 200.")]
        length: Option<i32>,
    ) -> Result<String> {
        self.shows(ctx, Facet::Text);
        excerpt(&self.0.excerpt, length)
    }

    /// The main image or video, shown at the top of the article.
    async fn hero(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.hero).await
    }

    /// The body as a list of blocks. Empty for a stub.
    async fn body(&self, ctx: &Context<'_>) -> Result<Vec<BodyBlock>> {
        let body = ctx.load_or_default(article::BodyOf(self.0.id)).await?;
        body::blocks(ctx, body)
    }

    /// The body as HTML. Empty for a stub.
    async fn body_html(&self, ctx: &Context<'_>) -> Result<Html> {
        let body = ctx.load_or_default(article::BodyOf(self.0.id)).await?;
        let shown = body.media();
        for id in &shown {
            ctx.shows(CacheTag::part(EntityKind::Media, *id, Facet::Caption));
        }
        let media = ctx.load_many(shown.into_iter().map(media::ById)).await?;
        let media = media
            .into_iter()
            .map(|(key, media)| (key.0, media))
            .collect();
        Ok(Html(khabar_domain::body::html::<std::hash::RandomState>(
            &body, &media,
        )))
    }

    /// The body as plain text: one paragraph per block, separated by blank lines. Empty for a stub.
    async fn body_text(&self, ctx: &Context<'_>) -> Result<String> {
        let body = ctx.load_or_default(article::BodyOf(self.0.id)).await?;
        Ok(body.text())
    }

    /// The news agency or outlet that the article came from.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        self.shows(ctx, Facet::Details);
        let Some(id) = self.0.source else {
            return Ok(None);
        };
        Ok(ctx.load(source::ById(id)).await?.map(Source))
    }

    /// The authors credited in the byline, in order.
    async fn authors(&self, ctx: &Context<'_>) -> Result<Vec<Person>> {
        if self.is_redacted(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load(person::OfArticle(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Person).collect())
    }

    /// The section that the article is filed in.
    async fn section(&self, ctx: &Context<'_>) -> Result<Option<Section>> {
        let Some(id) = self.0.section else {
            return Ok(None);
        };
        Ok(ctx.load(section::ById(id)).await?.map(Section))
    }

    /// The topics of the article, in order.
    async fn topics(&self, ctx: &Context<'_>) -> Result<Vec<Topic>> {
        if self.is_redacted(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load(topic::OfArticle(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Topic).collect())
    }

    /// The stories that the article belongs to, in order.
    async fn stories(&self, ctx: &Context<'_>) -> Result<Vec<Story>> {
        if self.is_redacted(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load_ahead(story::OfArticle(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Story).collect())
    }

    /// Related articles to read next. Articles chosen by editors come first, in their order, followed
    /// by computed ones.
    async fn related(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only items after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only items before it are returned.")] before: Option<String>,
    ) -> Result<RelatedArticleConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        if self.is_redacted(ctx)? {
            return Ok(Connection::empty());
        }
        let article = self.0.id;
        let key = related::Of { article, page };
        Connection::load(ctx, key, TotalCount::by(related::CountOf(self.0.id))).await
    }

    /// Top-level comments on the article. Their replies are available as `Comment.replies`.
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Sort order. Defaults to newest first.")] order_by: Option<CommentOrder>,
        #[graphql(
            desc = "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only items after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only items before it are returned.")] before: Option<String>,
    ) -> Result<CommentConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        // Comments on a withdrawn article are hidden with it.
        if self.is_redacted(ctx)? {
            return Ok(Connection::empty());
        }
        let key = comment::OfArticle {
            article: self.0.id,
            by: Comment::order(order_by, CommentOrder::Newest),
            page,
        };
        Connection::load(ctx, key, TotalCount::by(comment::CountOfArticle(self.0.id))).await
    }

    /// The commenting policy: whether comments are accepted, until when and how.
    async fn commenting(&self, ctx: &Context<'_>) -> Result<ArticleCommenting> {
        ArticleCommenting::of(ctx, &self.0).await
    }

    /// The number of comments visible to readers, including replies.
    fn comment_count(&self, ctx: &Context<'_>) -> i32 {
        self.shows(ctx, Facet::Comments);
        count(self.0.comment_count)
    }

    /// The language of the article.
    fn language(&self, ctx: &Context<'_>) -> Language {
        self.shows(ctx, Facet::Details);
        Language(self.0.language.clone())
    }

    /// The text direction of the article.
    fn direction(&self, ctx: &Context<'_>) -> Direction {
        self.shows(ctx, Facet::Details);
        self.0.direction.into()
    }

    /// Whether the article contains notable photos.
    fn has_photos(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Facet::Details);
        self.0.flags.photos
    }

    /// Whether the article contains video.
    fn has_video(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Facet::Details);
        self.0.flags.video
    }

    /// Whether the article contains audio.
    fn has_audio(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Facet::Details);
        self.0.flags.audio
    }

    /// The time of the first publication. Corrections do not change it. Null if the source does not
    /// provide it.
    fn first_published_at(&self) -> Option<DateTime> {
        self.0.first_published_at.map(DateTime)
    }

    /// The publication time. Publishing the article again updates it, corrections do not. Null if the
    /// article has not been published or its source does not provide the time.
    fn published_at(&self) -> Option<DateTime> {
        self.0.published_at.map(DateTime)
    }

    /// The time of the last change to the text since publication. Null if the text has not changed or
    /// the source does not provide the time.
    fn updated_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.shows(ctx, Facet::Text);
        self.0.updated_at.map(DateTime)
    }

    /// The time by which lists are ordered: the publication time or, if that is unknown, the time when
    /// the article was received.
    fn listed_at(&self) -> DateTime {
        DateTime(self.0.listed_at)
    }

    /// The version number. Starts at 1 and increases by one each time the article is saved.
    fn version(&self, ctx: &Context<'_>) -> i32 {
        self.shows(ctx, Facet::Text);
        self.0.version
    }

    /// The estimated reading time in minutes. 0 for a stub.
    fn reading_minutes(&self, ctx: &Context<'_>) -> i32 {
        self.shows(ctx, Facet::Text);
        self.0.reading_minutes
    }

    /// Corrections made since publication, oldest first.
    async fn corrections(&self, ctx: &Context<'_>) -> Result<Vec<Correction>> {
        if self.is_redacted(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load(correction::Of(self.0.id)).await?;
        let found = found.unwrap_or_default().into_iter();
        Ok(found.map(Correction).collect())
    }

    /// The withdrawal of the article. Null if it is not withdrawn.
    async fn withdrawal(&self, ctx: &Context<'_>) -> Result<Option<Withdrawal>> {
        if self.0.status != Status::Withdrawn {
            return Ok(None);
        }
        let editorial = ctx.load(editorial::Of(self.0.id)).await?;
        Ok(editorial
            .and_then(|editorial| editorial.withdrawal)
            .map(Withdrawal))
    }

    /// The time at which the article is scheduled to be published. Null if it is not scheduled. Visible
    /// to its writer and to viewers with the right `publish`.
    async fn scheduled_for(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self.editorial(ctx).await?.scheduled_for.map(DateTime))
    }

    /// The end of the embargo, before which the article cannot be published. Null if there is no
    /// embargo. Visible to its writer and to viewers with the right `publish`.
    async fn embargo_until(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self.editorial(ctx).await?.embargo_until.map(DateTime))
    }

    /// All stored revisions of the text, newest first. Visible to the article's writer and to viewers
    /// with the right `publish`.
    async fn revisions(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only items after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only items before it are returned.")] before: Option<String>,
    ) -> Result<RevisionConnection> {
        self.require_editor(ctx).await?;
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        let article = self.0.id;
        let key = revision::Of { article, page };
        Connection::load(ctx, key, TotalCount::by(revision::CountOf(article))).await
    }

    /// The revision of the text with this version number. Null if it was not stored. Visible to the
    /// article's writer and to viewers with the right `publish`.
    async fn revision(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Version number, starting at 1.")] version: i32,
    ) -> Result<Option<Revision>> {
        self.require_editor(ctx).await?;
        let article = self.0.id;
        Ok(ctx
            .load(revision::At { article, version })
            .await?
            .map(Revision))
    }

    /// The differences between two versions, in either direction. Null if one of them was not stored.
    /// Visible to the article's writer and to viewers with the right `publish`.
    async fn diff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Version number to compare from.")] from: i32,
        #[graphql(desc = "Version number to compare to.")] to: i32,
    ) -> Result<Option<ArticleDiff>> {
        self.require_editor(ctx).await?;
        let at = |version| revision::At {
            article: self.0.id,
            version,
        };
        let (before, after) = try_join(ctx.load(at(from)), ctx.load(at(to))).await?;
        Ok(before.zip(after).map(|(before, after)| {
            ArticleDiff::new((from, before.content), (Some(to), after.content))
        }))
    }
}

impl Article {
    /// Records that the response depends on a part of the article that can change independently.
    fn shows(&self, ctx: &Context<'_>, part: Facet) {
        ctx.shows(CacheTag::part(EntityKind::Article, self.0.id, part));
    }

    /// Returns whether the viewer sees only the tombstone of a withdrawn article, not its content.
    fn is_redacted(&self, ctx: &Context<'_>) -> Result<bool> {
        // A published article looks alike to every viewer, so the response must not depend on the
        // viewer.
        if self.0.status != Status::Withdrawn {
            return Ok(false);
        }
        Ok(!ctx.viewer()?.may(Right::Publish))
    }

    /// Loads the article with this slug, or the withdrawn article whose id the slug was generated from.
    async fn by_slug(ctx: &Context<'_>, key: SlugKey) -> Result<Option<khabar_domain::Article>> {
        let id = key.slug.as_id();
        let edition = edition::BySlug(key.edition.clone());
        let found = ctx.load_ahead(article::BySlug(key)).await?;
        let (None, Some(id)) = (&found, id) else {
            return Ok(found);
        };
        let named = ctx.load_ahead(article::ById(id.into())).await?;
        let edition = ctx.load(edition).await?.map(|edition| edition.id);
        Ok(named.filter(|article| {
            article.status == Status::Withdrawn && Some(article.edition) == edition
        }))
    }

    /// Returns an error unless the viewer wrote the article or has the right to publish.
    async fn require_editor(&self, ctx: &Context<'_>) -> Result<()> {
        let viewer = ctx.viewer()?;
        if viewer.account.is_some() && viewer.may(Right::Write) && !viewer.may(Right::Publish) {
            let editorial = ctx
                .load(editorial::Of(self.0.id))
                .await?
                .unwrap_or_default();
            if editorial.created_by == viewer.account {
                return Ok(());
            }
        }
        require(viewer, Right::Publish)
    }

    /// Loads the editorial data of the article, if the viewer may see it.
    async fn editorial(&self, ctx: &Context<'_>) -> Result<EditorialState> {
        self.require_editor(ctx).await?;
        Ok(ctx
            .load(editorial::Of(self.0.id))
            .await?
            .unwrap_or_default())
    }

    /// Loads a page of the unpublished and withdrawn articles of an edition that the viewer may see.
    pub(crate) async fn unpublished(
        ctx: &Context<'_>,
        edition: Option<Slug>,
        status: Option<ArticleStatus>,
        mine: bool,
        page: Page,
    ) -> Result<ArticleConnection> {
        let viewer = ctx.viewer()?;
        let all = viewer.may(Right::Publish);
        if !all {
            require(viewer, Right::Write)?;
        }
        if viewer.account.is_none() && (mine || !all) {
            return Ok(Connection::empty());
        }
        let Some(Edition(edition)) = Edition::named(ctx, edition).await? else {
            return Ok(Connection::empty());
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
        Connection::load(
            ctx,
            key,
            TotalCount::by(unpublished::CountListed { edition, filter }),
        )
        .await
    }

    /// Looks up an article by its id, slug or canonical URL. Exactly one of them must be given.
    pub(crate) async fn look_up(
        ctx: &Context<'_>,
        id: Option<ID>,
        slug: Option<Slug>,
        url: Option<Url>,
        edition: Option<Slug>,
    ) -> Result<Option<Self>> {
        let found = match url {
            Some(url) if id.is_none() && slug.is_none() => {
                ctx.load_ahead(article::ByUrl(url.0)).await?
            }
            None if id.is_some() != slug.is_some() => match Selector::read(id, slug, edition)? {
                Selector::Id(id) => ctx.load_ahead(article::ById(node::parse(&id)?)).await?,
                Selector::Slug(key) => Self::by_slug(ctx, key).await?,
            },
            _ => return Err(exactly_one("`id`, `slug` and `url`")),
        };
        Ok(found.map(Self))
    }
}

impl From<khabar_domain::Article> for Article {
    fn from(article: khabar_domain::Article) -> Self {
        Self(article)
    }
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

fn excerpt(text: &str, length: Option<i32>) -> Result<String> {
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
