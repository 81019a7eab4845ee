//! The GraphQL type for editions, with its headings and text direction.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::edition::Labels;
use khabar_persistence::article::List;
use khabar_persistence::{BatchKey, edition};

use super::EditionCommenting;
use crate::context::ContextExt;
use crate::error::{Error, Result};
use crate::input::{edition_slug, exactly_one};
use crate::node;
use crate::scalar::{Language, Slug, count};

/// An edition, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Edition(pub khabar_domain::Edition);

/// The newsroom's publication in one language, with its own sections, stories and front page.
#[Object]
impl Edition {
    /// The globally unique, opaque ID of the edition.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// URL slug, such as `ar`.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Display name of the edition.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Default language of the edition's articles. An article can specify another one.
    fn language(&self) -> Language {
        Language(self.0.language.clone())
    }

    /// Text direction of the edition's pages.
    fn direction(&self) -> Direction {
        self.0.direction.into()
    }

    /// Headings for the blocks on the edition's pages.
    fn labels(&self) -> EditionLabels<'_> {
        EditionLabels(&self.0.labels)
    }

    /// Default commenting settings for the edition's articles. An article can override each of
    /// them.
    async fn commenting(&self, ctx: &Context<'_>) -> Result<EditionCommenting> {
        EditionCommenting::of(ctx, self.0.id).await
    }

    /// Number of published articles in the edition.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Edition(self.0.id).key());
        count(self.0.article_count)
    }
}

/// Headings of an edition's page blocks, as exposed through GraphQL.
pub struct EditionLabels<'a>(&'a Labels);

/// Headings for the blocks around an article, in the language of the edition. A heading is null if
/// it is not known.
#[Object]
impl EditionLabels<'_> {
    /// Heading above the link to live television.
    fn live(&self) -> Option<&str> {
        self.0.live.as_deref()
    }

    /// Heading above the channels on which to follow the newsroom.
    fn follow(&self) -> Option<&str> {
        self.0.follow.as_deref()
    }

    /// Heading above the featured sections.
    fn sections(&self) -> Option<&str> {
        self.0.sections.as_deref()
    }

    /// Heading above the pinned stories.
    fn stories(&self) -> Option<&str> {
        self.0.stories.as_deref()
    }

    /// Heading above the comments.
    fn comments(&self) -> Option<&str> {
        self.0.comments.as_deref()
    }
}

impl Edition {
    /// Looks up an edition by its slug. Without a slug, returns the newsroom's default edition.
    pub(crate) async fn named(ctx: &Context<'_>, slug: Option<Slug>) -> Result<Option<Self>> {
        let found = ctx.load(edition::BySlug(edition_slug(slug)?)).await?;
        if let Some(edition) = &found {
            ctx.prime(edition::ById(edition.id), edition.clone())
                .await?;
        }
        Ok(found.map(Self))
    }

    /// Looks up an edition by either its ID or its slug. Returns an error unless exactly one of
    /// them is given.
    pub(crate) async fn look_up(
        ctx: &Context<'_>,
        id: Option<ID>,
        slug: Option<Slug>,
    ) -> Result<Option<Self>> {
        match (id, slug) {
            (Some(id), None) => Ok(ctx.load(edition::ById(node::parse(&id)?)).await?.map(Self)),
            (None, Some(slug)) => Self::named(ctx, Some(slug)).await,
            _ => Err(exactly_one("`id` and `slug`")),
        }
    }

    /// Loads all editions, ordered by slug.
    pub(crate) async fn every(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let found = ctx.load(edition::Every).await?.unwrap_or_default();
        Ok(found.into_iter().map(Self).collect())
    }

    /// Loads the edition that an object belongs to. Returns an internal error if there is none,
    /// which the database rules out.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        key: impl BatchKey<Value = khabar_domain::Edition>,
    ) -> Result<Self> {
        let found = ctx.load(key.clone()).await?;
        found.map(Self).ok_or_else(|| {
            tracing::error!(?key, "edition_missing");
            Error::unexplained()
        })
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
