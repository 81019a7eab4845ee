//! The GraphQL type for editions, with its headings and text direction.

use std::sync::Arc;

use async_graphql::{Enum, ID};
use khabar_domain::Edition as Row;
use khabar_domain::edition::Labels;
use khabar_persistence::article::List;
use khabar_persistence::{commenting, edition};

use super::EditionCommenting;
use crate::error::{Error, Result};
use crate::input::{edition_slug, exactly_one};
use crate::node;
use crate::object::{Nested, Owned, ReadContext, Shared, enums, object};
use crate::scalar::{Slug, count};

/// An edition, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Edition;

/// The newsroom's publication in one language, with its own sections, stories and front page.
#[object(of = Row)]
impl Edition {
    /// The globally unique, opaque ID of the edition.
    fn id(edition: &Row) -> ID {
        node::id(edition.id)
    }

    /// URL slug, such as `ar`.
    fn slug(edition: &Row) -> &khabar_domain::Slug {
        &edition.slug
    }

    /// Display name of the edition.
    fn name(edition: &Row) -> &str {
        edition.name.as_str()
    }

    /// Default language of the edition's articles. An article can specify another one.
    fn language(edition: &Row) -> &khabar_domain::Language {
        &edition.language
    }

    /// Text direction of the edition's pages.
    fn direction(edition: &Row) -> Direction {
        edition.direction.into()
    }

    /// Headings for the blocks on the edition's pages.
    fn labels(edition: &Row) -> Nested<'_, EditionLabels> {
        Nested(&edition.labels)
    }

    /// Default commenting settings for the edition's articles. An article can override each of
    /// them.
    async fn commenting(edition: &Row, context: &ReadContext) -> Result<Owned<EditionCommenting>> {
        let policy = context.load(commenting::OfEdition(edition.id)).await?;
        let policy = policy.ok_or_else(|| Error::not_found("The edition no longer exists."))?;
        Ok(Owned(*policy))
    }

    /// Number of published articles in the edition.
    fn article_count(edition: &Row, context: &ReadContext) -> i32 {
        context.shows(|| List::Edition(edition.id).key());
        count(edition.article_count)
    }
}

/// Headings of an edition's page blocks, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct EditionLabels;

/// Headings for the blocks around an article, in the language of the edition. A heading is null if
/// it is not known.
#[object(of = Labels)]
impl EditionLabels {
    /// Heading above the link to live television.
    fn live(labels: &Labels) -> Option<&str> {
        labels.live.as_deref()
    }

    /// Heading above the channels on which to follow the newsroom.
    fn follow(labels: &Labels) -> Option<&str> {
        labels.follow.as_deref()
    }

    /// Heading above the featured sections.
    fn sections(labels: &Labels) -> Option<&str> {
        labels.sections.as_deref()
    }

    /// Heading above the pinned stories.
    fn stories(labels: &Labels) -> Option<&str> {
        labels.stories.as_deref()
    }

    /// Heading above the comments.
    fn comments(labels: &Labels) -> Option<&str> {
        labels.comments.as_deref()
    }
}

impl Edition {
    /// Looks up an edition by its slug. Without a slug, returns the newsroom's default edition.
    pub(crate) async fn named(
        context: &ReadContext,
        slug: Option<Slug>,
    ) -> Result<Option<Arc<Row>>> {
        let found = context.load(edition::BySlug(edition_slug(slug)?)).await?;
        if let Some(edition) = &found {
            context.prime(edition::ById(edition.id), Arc::clone(edition));
        }
        Ok(found)
    }

    /// Looks up an edition by either its ID or its slug. Returns an error unless exactly one of
    /// them is given.
    pub(crate) async fn look_up(
        context: &ReadContext,
        id: Option<ID>,
        slug: Option<Slug>,
    ) -> Result<Shared<Self>> {
        Ok(Shared(match (id, slug) {
            (Some(id), None) => context.load(edition::ById(node::parse(&id)?)).await?,
            (None, Some(slug)) => Self::named(context, Some(slug)).await?,
            _ => return Err(exactly_one("`id` and `slug`")),
        }))
    }
}

/// Text direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "khabar_domain::Direction")]
pub enum Direction {
    /// Left to right, as in English.
    Ltr,
    /// Right to left, as in Arabic.
    Rtl,
}

enums!(Direction);
