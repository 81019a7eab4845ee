//! An article, as the API shows it.

use async_graphql::{Context, Enum, ID, Object};
use futures::future::try_join;
use khabar_domain::article::{Kind, Status, cut};
use khabar_domain::{Desk, Right};
use khabar_persistence::cache::ReadingKey;
use khabar_persistence::change::{Noun, Part};
use khabar_persistence::desk::{self, CountLying, Lying};
use khabar_persistence::{
    Page, SlugKey, article, comment, correction, edition, media, person, related, revision,
    section, source, story, topic,
};

use super::{
    ArticleCommenting, ArticleConnection, ArticleDiff, BodyBlock, Comment, CommentConnection,
    Correction, Direction, Edition, Media, Person, RelatedArticleConnection, Revision,
    RevisionConnection, Section, Source, Story, Topic, Withdrawal, body,
};
use crate::connection::{Connection, Paging, Total};
use crate::error::{Error, Result};
use crate::input::{CommentOrder, LookUp, exactly_one};
use crate::node;
use crate::scalar::{DateTime, Html, Language, Slug, Url, count};
use crate::scope::Asked;
use crate::write::require;

/// An article.
#[derive(Clone, Debug)]
pub struct Article(pub khabar_domain::Article);

/// What the newsroom publishes: a text under a headline, in a section, as part of stories.
#[Object]
impl Article {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that it appeared in.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// Its part of an address, unique in its edition. What was withdrawn shows readers another one, made
    /// from its id, which leads to it as well: the one that it had would tell what it said.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Slugs under which it was published before, which still lead to it; `slug` is where it lives now.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        if self.is_under_stone(ctx)? {
            return Ok(Vec::new());
        }
        Slug::former(ctx, self.0.id).await
    }

    /// Where it lives on the web; null where that is not known, and of what was withdrawn.
    fn canonical_url(&self) -> Option<Url> {
        self.0.canonical_url.clone().map(Url)
    }

    /// What kind of article it is.
    fn kind(&self, ctx: &Context<'_>) -> ArticleKind {
        self.shows(ctx, Part::Details);
        self.0.kind.into()
    }

    /// Where it stands on its way to readers. They only ever see what is published, and under the
    /// address of what was withdrawn that it was, with the reason as its headline.
    fn status(&self) -> ArticleStatus {
        self.0.status.into()
    }

    /// True when only its headline has come to us: it has no body.
    fn is_stub(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Part::Text);
        self.0.is_stub
    }

    /// What it is called.
    fn headline(&self) -> &str {
        self.0.headline.as_str()
    }

    /// The paragraph that sums it up.
    fn lead(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Part::Lead);
        self.0.lead.as_deref()
    }

    /// The beginning of its text, for teasers: ended at a word, with `…` where it was cut.
    fn excerpt(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many characters: 1 to 600; 200 when nothing is said.")]
        length: Option<i32>,
    ) -> Result<String> {
        self.shows(ctx, Part::Text);
        excerpt(&self.0.excerpt, length)
    }

    /// The picture or film at its head.
    async fn hero(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.hero).await
    }

    /// Its text, block by block; empty for a stub.
    async fn body(&self, ctx: &Context<'_>) -> Result<Vec<BodyBlock>> {
        let body = ctx.load_or_default(article::BodyOf(self.0.id)).await?;
        body::blocks(ctx, body)
    }

    /// Its text as HTML; empty for a stub.
    async fn body_html(&self, ctx: &Context<'_>) -> Result<Html> {
        let body = ctx.load_or_default(article::BodyOf(self.0.id)).await?;
        let shown = body.media();
        for id in &shown {
            ctx.shows(ReadingKey::part(Noun::Media, *id, Part::Caption));
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

    /// Its words alone: a block a paragraph, blank lines between; empty for a stub.
    async fn body_text(&self, ctx: &Context<'_>) -> Result<String> {
        let body = ctx.load_or_default(article::BodyOf(self.0.id)).await?;
        Ok(body.text())
    }

    /// The agency or outlet that it came from.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        self.shows(ctx, Part::Details);
        let Some(id) = self.0.source else {
            return Ok(None);
        };
        Ok(ctx.load(source::ById(id)).await?.map(Source))
    }

    /// Who signed it, in order.
    async fn authors(&self, ctx: &Context<'_>) -> Result<Vec<Person>> {
        if self.is_under_stone(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load(person::OfArticle(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Person).collect())
    }

    /// The section that it is filed in.
    async fn section(&self, ctx: &Context<'_>) -> Result<Option<Section>> {
        let Some(id) = self.0.section else {
            return Ok(None);
        };
        Ok(ctx.load(section::ById(id)).await?.map(Section))
    }

    /// What it is about, in order.
    async fn topics(&self, ctx: &Context<'_>) -> Result<Vec<Topic>> {
        if self.is_under_stone(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load(topic::OfArticle(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Topic).collect())
    }

    /// The stories that it belongs to, in order.
    async fn stories(&self, ctx: &Context<'_>) -> Result<Vec<Story>> {
        if self.is_under_stone(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load_ahead(story::OfArticle(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Story).collect())
    }

    /// What its reader may want next: what editors chose, in their order, then what was computed.
    async fn related(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many from the start, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many from the end, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<RelatedArticleConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        if self.is_under_stone(ctx)? {
            return Ok(Connection::empty());
        }
        let article = self.0.id;
        let key = related::Of { article, page };
        Connection::load(ctx, key, Total::by(related::CountOf(self.0.id))).await
    }

    /// The comments under it that answer no other; their answers are `Comment.replies`.
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which order; newest first when nothing is said.")] order_by: Option<
            CommentOrder,
        >,
        #[graphql(
            desc = "How many from the start, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many from the end, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<CommentConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        // What was said of it goes with it.
        if self.is_under_stone(ctx)? {
            return Ok(Connection::empty());
        }
        let key = comment::OfArticle {
            article: self.0.id,
            by: Comment::order(order_by, CommentOrder::Newest),
            page,
        };
        Connection::load(ctx, key, Total::by(comment::CountOfArticle(self.0.id))).await
    }

    /// Whether, until when and how comments are taken in under it.
    async fn commenting(&self, ctx: &Context<'_>) -> Result<ArticleCommenting> {
        ArticleCommenting::of(ctx, &self.0).await
    }

    /// How many comments readers see under it, answers included.
    fn comment_count(&self, ctx: &Context<'_>) -> i32 {
        self.shows(ctx, Part::Comments);
        count(self.0.comment_count)
    }

    /// The language that it is in.
    fn language(&self, ctx: &Context<'_>) -> Language {
        self.shows(ctx, Part::Details);
        Language(self.0.language.clone())
    }

    /// From which side it is read.
    fn direction(&self, ctx: &Context<'_>) -> Direction {
        self.shows(ctx, Part::Details);
        self.0.direction.into()
    }

    /// Whether it has pictures worth opening it for.
    fn has_photos(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Part::Details);
        self.0.flags.photos
    }

    /// Whether it has a film.
    fn has_video(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Part::Details);
        self.0.flags.video
    }

    /// Whether it has sound.
    fn has_audio(&self, ctx: &Context<'_>) -> bool {
        self.shows(ctx, Part::Details);
        self.0.flags.audio
    }

    /// When it first went out; corrections keep it. Null where its source does not say.
    fn first_published_at(&self) -> Option<DateTime> {
        self.0.first_published_at.map(DateTime)
    }

    /// When it went out. Null where its source does not say.
    fn published_at(&self) -> Option<DateTime> {
        self.0.published_at.map(DateTime)
    }

    /// When its words last changed. Null where they have not, or its source does not say.
    fn updated_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.shows(ctx, Part::Text);
        self.0.updated_at.map(DateTime)
    }

    /// Its place in time among others: when it went out or, where that is not known, when it came
    /// to us. Lists are ordered by it.
    fn listed_at(&self) -> DateTime {
        DateTime(self.0.listed_at)
    }

    /// How often it has been saved, from 1.
    fn version(&self, ctx: &Context<'_>) -> i32 {
        self.shows(ctx, Part::Text);
        self.0.version
    }

    /// How long it takes to read, in minutes; 0 for a stub.
    fn reading_minutes(&self, ctx: &Context<'_>) -> i32 {
        self.shows(ctx, Part::Text);
        self.0.reading_minutes
    }

    /// What was put right since readers saw it, the first correction first.
    async fn corrections(&self, ctx: &Context<'_>) -> Result<Vec<Correction>> {
        if self.is_under_stone(ctx)? {
            return Ok(Vec::new());
        }
        let found = ctx.load(correction::Of(self.0.id)).await?;
        let found = found.unwrap_or_default().into_iter();
        Ok(found.map(Correction).collect())
    }

    /// That it was taken back from readers; null when it was not.
    async fn withdrawal(&self, ctx: &Context<'_>) -> Result<Option<Withdrawal>> {
        if self.0.status != Status::Withdrawn {
            return Ok(None);
        }
        let desk = ctx.load(desk::Of(self.0.id)).await?;
        Ok(desk.and_then(|desk| desk.withdrawal).map(Withdrawal))
    }

    /// When it goes out by itself; null when nothing is set. For its writer and for those with the
    /// right `publish`.
    async fn scheduled_for(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self.desk(ctx).await?.scheduled_for.map(DateTime))
    }

    /// The moment before which it may not go out; null when there is none. For its writer and for
    /// those with the right `publish`.
    async fn embargo_until(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self.desk(ctx).await?.embargo_until.map(DateTime))
    }

    /// Every text that it ever had, the latest first. For its writer and for those with the right
    /// `publish`.
    async fn revisions(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many from the start, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many from the end, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<RevisionConnection> {
        self.open_desk(ctx).await?;
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        let article = self.0.id;
        let key = revision::Of { article, page };
        Connection::load(ctx, key, Total::by(revision::CountOf(article))).await
    }

    /// The text that it had in this version; null where that was not kept. For its writer and for
    /// those with the right `publish`.
    async fn revision(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of the version, from 1.")] version: i32,
    ) -> Result<Option<Revision>> {
        self.open_desk(ctx).await?;
        let article = self.0.id;
        Ok(ctx
            .load(revision::At { article, version })
            .await?
            .map(Revision))
    }

    /// What changed from one version to another, which may be the older one; null where one of them
    /// was not kept. For its writer and for those with the right `publish`.
    async fn diff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of the version before.")] from: i32,
        #[graphql(desc = "The number of the version after.")] to: i32,
    ) -> Result<Option<ArticleDiff>> {
        self.open_desk(ctx).await?;
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
    /// Says that the answer shows a part of it that may change alone.
    fn shows(&self, ctx: &Context<'_>, part: Part) {
        ctx.shows(ReadingKey::part(Noun::Article, self.0.id, part));
    }

    /// Whether this is the stone over a withdrawn article: the viewer sees nothing of what is below.
    fn is_under_stone(&self, ctx: &Context<'_>) -> Result<bool> {
        // Of what is published everybody sees the same: who asks is no part of the answer.
        if self.0.status != Status::Withdrawn {
            return Ok(false);
        }
        Ok(!ctx.viewer()?.may(Right::Publish))
    }

    /// The article under this slug; or the one that was withdrawn from whose id it was made.
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

    /// Refuses those who may neither publish nor wrote it.
    async fn open_desk(&self, ctx: &Context<'_>) -> Result<()> {
        let viewer = ctx.viewer()?;
        if viewer.account.is_some() && viewer.may(Right::Write) && !viewer.may(Right::Publish) {
            let desk = ctx.load(desk::Of(self.0.id)).await?.unwrap_or_default();
            if desk.created_by == viewer.account {
                return Ok(());
            }
        }
        require(viewer, Right::Publish)
    }

    /// What the newsroom keeps of it, for those who may know.
    async fn desk(&self, ctx: &Context<'_>) -> Result<Desk> {
        self.open_desk(ctx).await?;
        Ok(ctx.load(desk::Of(self.0.id)).await?.unwrap_or_default())
    }

    /// A page of what lies on an edition's desk, as far as the viewer may know.
    pub(crate) async fn on_desk(
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
        let filter = desk::Filter {
            status: status.map(Into::into),
            by: viewer.account.filter(|_| mine || !all),
        };
        let edition = edition.id;
        let key = Lying {
            edition,
            filter,
            page,
        };
        Connection::load(ctx, key, Total::by(CountLying { edition, filter })).await
    }

    /// The article that is named by its id, its slug or its address.
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
            None if id.is_some() != slug.is_some() => match LookUp::read(id, slug, edition)? {
                LookUp::Id(id) => ctx.load_ahead(article::ById(node::parse(&id)?)).await?,
                LookUp::Slug(key) => Self::by_slug(ctx, key).await?,
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

/// What kind of article it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enum)]
#[graphql(remote = "Kind")]
pub enum ArticleKind {
    /// A report.
    News,
    /// What its author thinks.
    Opinion,
    /// What the news means.
    Analysis,
    /// A report that grows while events go on.
    Liveblog,
    /// A film with a few words.
    Video,
    /// Pictures with a few words.
    Gallery,
    /// One broadcast of a programme.
    Episode,
}

/// Where an article stands on its way to readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum ArticleStatus {
    /// It is being written.
    Draft,
    /// It is finished and waits for an editor.
    Review,
    /// It is finished and waits for its hour.
    Scheduled,
    /// Readers see it.
    Published,
    /// It was taken back.
    Withdrawn,
}

fn excerpt(text: &str, length: Option<i32>) -> Result<String> {
    // Two lines of a card on a telephone.
    let asked = length.unwrap_or(200);
    let most = khabar_domain::Article::EXCERPT;
    match usize::try_from(asked) {
        Ok(length) if (1..=most).contains(&length) => Ok(cut(text, length)),
        _ => {
            let message = format!("`length` is {asked}: it may be 1 to {most}.");
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
