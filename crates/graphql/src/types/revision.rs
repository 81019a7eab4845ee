//! The GraphQL type for revisions: the saved versions of an article.

use async_graphql::Enum;
use khabar_domain::WebUrl;
use khabar_domain::article::Kind;
use khabar_domain::workflow::Transition;
use khabar_persistence::revision::Revision as Row;
use khabar_persistence::{media, person, section, source, story, topic};

use super::{
    ArticleKind, BodyBlock, BodyText, Direction, Media, Person, Section, Source, Story, Topic,
};
use crate::connection::connection;
use crate::error::{Error, Result};
use crate::object::{LoadEach, LoadOne, NestedList, enums, object};
use crate::scalar::DateTime;

/// A revision, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Revision;

connection!(Row as Revision, RevisionEdge in "RevisionConnection": "A page of an article's revisions.");

/// A saved version of an article: its author, its time and its complete content.
#[object(of = Row)]
impl Revision {
    /// Version number, starting at 1.
    fn version(revision: &Row) -> i32 {
        revision.version
    }

    /// The time at which the revision was saved.
    fn at(revision: &Row) -> DateTime {
        DateTime(revision.at)
    }

    /// Name of the user who saved the revision. `khabar` for the scheduler and for imports.
    fn author_name(revision: &Row) -> &str {
        &revision.author_name
    }

    /// The workflow step that created the revision.
    fn step(revision: &Row) -> ArticleStep {
        revision.step.into()
    }

    /// The author's reason for the change.
    fn note(revision: &Row) -> Option<&str> {
        revision.note.as_deref()
    }

    /// The kind of article in this revision.
    fn kind(revision: &Row) -> Result<ArticleKind> {
        let kind = Kind::parse(&revision.content.kind);
        Ok(kind.map_err(|error| Error::internal(&error))?.into())
    }

    /// URL slug in this revision.
    fn slug(revision: &Row) -> &khabar_domain::Slug {
        &revision.content.slug
    }

    /// Canonical URL in this revision.
    fn canonical_url(revision: &Row) -> Option<&WebUrl> {
        revision.content.canonical_url.as_ref()
    }

    /// Headline in this revision.
    fn headline(revision: &Row) -> &str {
        revision.content.headline.as_str()
    }

    /// Lead paragraph in this revision, which sums up the article.
    fn lead(revision: &Row) -> Option<&str> {
        revision.content.lead.as_deref()
    }

    /// The picture or video at the head of the article in this revision.
    fn hero(revision: &Row) -> LoadOne<Media, media::ById> {
        Media::load(revision.content.hero)
    }

    /// Content of this revision, as a list of blocks.
    fn body(revision: &Row) -> NestedList<'_, BodyBlock> {
        NestedList::new(revision.content.body.blocks().iter())
    }

    /// Plain text of this revision's body. Each block is a paragraph, and blank lines separate
    /// them.
    fn body_text(revision: &Row) -> BodyText {
        BodyText(revision.content.body.clone())
    }

    /// The agency or outlet that the article came from, in this revision.
    fn source(revision: &Row) -> LoadOne<Source, source::ById> {
        LoadOne::new(revision.content.source.map(source::ById))
    }

    /// The credited authors in this revision, in order.
    fn authors(revision: &Row) -> LoadEach<Person, person::ById> {
        LoadEach::new(revision.content.authors.iter().copied().map(person::ById))
    }

    /// The section that the article was filed in, in this revision.
    fn section(revision: &Row) -> LoadOne<Section, section::ById> {
        LoadOne::new(revision.content.section.map(section::ById))
    }

    /// The topics of the article in this revision, in order.
    fn topics(revision: &Row) -> LoadEach<Topic, topic::ById> {
        LoadEach::new(revision.content.topics.iter().copied().map(topic::ById))
    }

    /// The stories that the article belonged to in this revision, in order.
    fn stories(revision: &Row) -> LoadEach<Story, story::ById> {
        LoadEach::new(revision.content.stories.iter().copied().map(story::ById))
    }

    /// Language of the article in this revision.
    fn language(revision: &Row) -> &khabar_domain::Language {
        &revision.content.language
    }

    /// Text direction of the article in this revision.
    fn direction(revision: &Row) -> Direction {
        revision.content.direction.into()
    }

    /// Whether this revision was marked as having notable pictures.
    fn has_photos(revision: &Row) -> bool {
        revision.content.photos
    }

    /// Whether this revision was marked as having a video.
    fn has_video(revision: &Row) -> bool {
        revision.content.video
    }

    /// Whether this revision was marked as having audio.
    fn has_audio(revision: &Row) -> bool {
        revision.content.audio
    }
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

enums!(ArticleStep);
