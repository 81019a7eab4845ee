//! The GraphQL type for revisions: the saved versions of an article.

use std::hash::Hash;

use async_graphql::{Context, Enum, Object};
use khabar_domain::article::Kind;
use khabar_domain::workflow::Transition;
use khabar_persistence::{BatchKey, person, source, story, topic};

use super::{
    ArticleKind, BodyBlock, Direction, Media, Person, Section, Source, Story, Topic, body,
};
use crate::connection::{Connection, ConnectionNode, SimpleEdge};
use crate::context::ContextExt as _;
use crate::error::{Error, Result};
use crate::scalar::{DateTime, Language, Slug, Url};

/// A revision, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Revision(pub khabar_persistence::revision::Revision);

/// A page of an article's revisions.
pub type RevisionConnection = Connection<SimpleEdge<Revision>>;

impl ConnectionNode for Revision {
    type Item = khabar_persistence::revision::Revision;
    const EDGE: &'static str = "RevisionEdge";
    const CONNECTION: &'static str = "RevisionConnection";
    const ABOUT: &'static str = "A page of an article's revisions.";
}

impl From<khabar_persistence::revision::Revision> for Revision {
    fn from(revision: khabar_persistence::revision::Revision) -> Self {
        Self(revision)
    }
}

/// A saved version of an article: its author, its time and its complete content.
#[Object]
impl Revision {
    /// Version number, starting at 1.
    fn version(&self) -> i32 {
        self.0.version
    }

    /// The time at which the revision was saved.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Name of the user who saved the revision. `khabar` for the scheduler and for imports.
    fn author_name(&self) -> &str {
        &self.0.author_name
    }

    /// The workflow step that created the revision.
    fn step(&self) -> ArticleStep {
        self.0.step.into()
    }

    /// The author's reason for the change.
    fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// The kind of article in this revision.
    fn kind(&self) -> Result<ArticleKind> {
        let kind = Kind::parse(&self.0.content.kind);
        Ok(kind.map_err(|error| Error::internal(&error))?.into())
    }

    /// URL slug in this revision.
    fn slug(&self) -> Slug {
        Slug(self.0.content.slug.clone())
    }

    /// Canonical URL in this revision.
    fn canonical_url(&self) -> Option<Url> {
        self.0.content.canonical_url.clone().map(Url)
    }

    /// Headline in this revision.
    fn headline(&self) -> &str {
        self.0.content.headline.as_str()
    }

    /// Lead paragraph in this revision, which sums up the article.
    fn lead(&self) -> Option<&str> {
        self.0.content.lead.as_deref()
    }

    /// The picture or video at the head of the article in this revision.
    async fn hero(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.content.hero).await
    }

    /// Content of this revision, as a list of blocks.
    fn body(&self, ctx: &Context<'_>) -> Result<Vec<BodyBlock>> {
        body::blocks(ctx, self.0.content.body.clone())
    }

    /// Plain text of this revision's body. Each block is a paragraph, and blank lines separate
    /// them.
    fn body_text(&self) -> String {
        self.0.content.body.text()
    }

    /// The agency or outlet that the article came from, in this revision.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        let Some(id) = self.0.content.source else {
            return Ok(None);
        };
        Ok(ctx.load(source::ById(id)).await?.map(Source))
    }

    /// The credited authors in this revision, in order.
    async fn authors(&self, ctx: &Context<'_>) -> Result<Vec<Person>> {
        let authors = self.0.content.authors.iter();
        in_order(ctx, authors.map(|id| person::ById(*id)), Person).await
    }

    /// The section that the article was filed in, in this revision.
    async fn section(&self, ctx: &Context<'_>) -> Result<Option<Section>> {
        let Some(id) = self.0.content.section else {
            return Ok(None);
        };
        let found = ctx.load(khabar_persistence::section::ById(id)).await?;
        Ok(found.map(Section))
    }

    /// The topics of the article in this revision, in order.
    async fn topics(&self, ctx: &Context<'_>) -> Result<Vec<Topic>> {
        let topics = self.0.content.topics.iter();
        in_order(ctx, topics.map(|id| topic::ById(*id)), Topic).await
    }

    /// The stories that the article belonged to in this revision, in order.
    async fn stories(&self, ctx: &Context<'_>) -> Result<Vec<Story>> {
        let stories = self.0.content.stories.iter();
        in_order(ctx, stories.map(|id| story::ById(*id)), Story).await
    }

    /// Language of the article in this revision.
    fn language(&self) -> Language {
        Language(self.0.content.language.clone())
    }

    /// Text direction of the article in this revision.
    fn direction(&self) -> Direction {
        self.0.content.direction.into()
    }

    /// Whether this revision was marked as having notable pictures.
    fn has_photos(&self) -> bool {
        self.0.content.photos
    }

    /// Whether this revision was marked as having a video.
    fn has_video(&self) -> bool {
        self.0.content.video
    }

    /// Whether this revision was marked as having audio.
    fn has_audio(&self) -> bool {
        self.0.content.audio
    }
}

/// Loads the values of these keys, in the order of the keys. Omits values that no longer exist.
async fn in_order<K: BatchKey + Hash, T>(
    ctx: &Context<'_>,
    keys: impl Iterator<Item = K>,
    shown: impl Fn(K::Value) -> T,
) -> Result<Vec<T>> {
    let keys: Vec<K> = keys.collect();
    let mut found = ctx.load_many(keys.clone()).await?;
    let found = keys.iter().filter_map(|key| found.remove(key));
    Ok(found.map(shown).collect())
}

/// A step in an article's editorial workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Transition")]
pub enum ArticleStep {
    /// An unpublished version was saved.
    Save,
    /// A draft was submitted for editorial review.
    Submit,
    /// The article was returned to its writer, or taken off the schedule.
    Return,
    /// The publication time was scheduled.
    Schedule,
    /// The article was published.
    Publish,
    /// The published article was corrected.
    Correct,
    /// The published article was withdrawn.
    Withdraw,
    /// The withdrawn article was reopened as a draft.
    Reopen,
}
