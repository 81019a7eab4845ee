//! A revision, as the API shows it: a text that an article had.

use std::hash::Hash;

use async_graphql::{Context, Enum, Object};
use khabar_domain::article::Kind;
use khabar_domain::workflow::Step;
use khabar_persistence::{BatchKey, person, source, story, topic};

use super::{
    ArticleKind, BodyBlock, Direction, Media, Person, Section, Source, Story, Topic, body,
};
use crate::connection::{Connection, Listed, Plain};
use crate::error::{Error, Result};
use crate::scalar::{DateTime, Language, Slug, Url};
use crate::scope::Asked as _;

/// A revision.
#[derive(Clone, Debug)]
pub struct Revision(pub khabar_persistence::revision::Revision);

/// A page of an article's revisions.
pub type RevisionConnection = Connection<Plain<Revision>>;

impl Listed for Revision {
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

/// One save of an article: who made it and when, and all that the article said then.
#[Object]
impl Revision {
    /// Its number, from 1.
    fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was saved.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Who saved it; `khabar` for the scheduler and for imports.
    fn author_name(&self) -> &str {
        &self.0.author_name
    }

    /// The step by which it was saved.
    fn step(&self) -> ArticleStep {
        self.0.step.into()
    }

    /// Why, in its author's words.
    fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// What kind of article it was.
    fn kind(&self) -> Result<ArticleKind> {
        let kind = Kind::parse(&self.0.content.kind);
        Ok(kind.map_err(|error| Error::internal(&error))?.into())
    }

    /// Its part of an address.
    fn slug(&self) -> Slug {
        Slug(self.0.content.slug.clone())
    }

    /// Where it lived on the web.
    fn canonical_url(&self) -> Option<Url> {
        self.0.content.canonical_url.clone().map(Url)
    }

    /// What it was called.
    fn headline(&self) -> &str {
        self.0.content.headline.as_str()
    }

    /// The paragraph that summed it up.
    fn lead(&self) -> Option<&str> {
        self.0.content.lead.as_deref()
    }

    /// The picture or film at its head.
    async fn hero(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.content.hero).await
    }

    /// Its text, block by block.
    fn body(&self, ctx: &Context<'_>) -> Result<Vec<BodyBlock>> {
        body::blocks(ctx, self.0.content.body.clone())
    }

    /// Its words alone: a block a paragraph, blank lines between.
    fn body_text(&self) -> String {
        self.0.content.body.text()
    }

    /// The agency or outlet that it came from.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        let Some(id) = self.0.content.source else {
            return Ok(None);
        };
        Ok(ctx.load(source::ById(id)).await?.map(Source))
    }

    /// Who had signed it, in order.
    async fn authors(&self, ctx: &Context<'_>) -> Result<Vec<Person>> {
        let authors = self.0.content.authors.iter();
        in_order(ctx, authors.map(|id| person::ById(*id)), Person).await
    }

    /// The section that it was filed in.
    async fn section(&self, ctx: &Context<'_>) -> Result<Option<Section>> {
        let Some(id) = self.0.content.section else {
            return Ok(None);
        };
        let found = ctx.load(khabar_persistence::section::ById(id)).await?;
        Ok(found.map(Section))
    }

    /// What it was about, in order.
    async fn topics(&self, ctx: &Context<'_>) -> Result<Vec<Topic>> {
        let topics = self.0.content.topics.iter();
        in_order(ctx, topics.map(|id| topic::ById(*id)), Topic).await
    }

    /// The stories that it belonged to, in order.
    async fn stories(&self, ctx: &Context<'_>) -> Result<Vec<Story>> {
        let stories = self.0.content.stories.iter();
        in_order(ctx, stories.map(|id| story::ById(*id)), Story).await
    }

    /// The language that it was in.
    fn language(&self) -> Language {
        Language(self.0.content.language.clone())
    }

    /// From which side it was read.
    fn direction(&self) -> Direction {
        self.0.content.direction.into()
    }

    /// Whether it had pictures worth opening it for.
    fn has_photos(&self) -> bool {
        self.0.content.photos
    }

    /// Whether it had a film.
    fn has_video(&self) -> bool {
        self.0.content.video
    }

    /// Whether it had sound.
    fn has_audio(&self) -> bool {
        self.0.content.audio
    }
}

/// What answers these keys, in their order, without what is gone.
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

/// A step on an article's way to readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Step")]
pub enum ArticleStep {
    /// Another text of what readers do not see yet was saved.
    Save,
    /// It was handed to the editors.
    Submit,
    /// It was given back to its writer, or taken back from the schedule.
    Return,
    /// The hour at which it goes out was set.
    Schedule,
    /// It went out.
    Publish,
    /// What readers see was changed.
    Correct,
    /// It was taken back from readers.
    Withdraw,
    /// It is worked on again after it was withdrawn.
    Reopen,
}
