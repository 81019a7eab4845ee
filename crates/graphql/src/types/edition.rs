//! An edition, as the API shows it.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::edition::Labels;
use khabar_persistence::article::List;
use khabar_persistence::{BatchKey, edition};

use super::EditionCommenting;
use crate::error::{Error, Result};
use crate::input::{edition_slug, exactly_one};
use crate::node;
use crate::scalar::{Language, Slug, count};
use crate::scope::Asked;

/// An edition.
#[derive(Clone, Debug)]
pub struct Edition(pub khabar_domain::Edition);

/// The newsroom in one language, with its own sections, stories and front page.
#[Object]
impl Edition {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// Its part of an address, such as `ar`.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// What it is called.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The language that its articles are in unless they say otherwise.
    fn language(&self) -> Language {
        Language(self.0.language.clone())
    }

    /// From which side its pages are read.
    fn direction(&self) -> Direction {
        self.0.direction.into()
    }

    /// What the blocks of its pages are called.
    fn labels(&self) -> EditionLabels<'_> {
        EditionLabels(&self.0.labels)
    }

    /// How comments are taken in under its articles that do not decide it themselves.
    async fn commenting(&self, ctx: &Context<'_>) -> Result<EditionCommenting> {
        EditionCommenting::of(ctx, self.0.id).await
    }

    /// How many published articles it has.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Edition(self.0.id).key());
        count(self.0.article_count)
    }
}

/// The headings of the blocks around an article.
pub struct EditionLabels<'a>(&'a Labels);

/// The headings of the blocks around an article, in the edition's own words; null where not known.
#[Object]
impl EditionLabels<'_> {
    /// Over the link to live television.
    fn live(&self) -> Option<&str> {
        self.0.live.as_deref()
    }

    /// Over "where to follow us".
    fn follow(&self) -> Option<&str> {
        self.0.follow.as_deref()
    }

    /// Over the important sections.
    fn sections(&self) -> Option<&str> {
        self.0.sections.as_deref()
    }

    /// Over the rail of stories.
    fn stories(&self) -> Option<&str> {
        self.0.stories.as_deref()
    }

    /// Over the comments.
    fn comments(&self) -> Option<&str> {
        self.0.comments.as_deref()
    }
}

impl Edition {
    /// The edition with this slug; the newsroom's first when nothing is said.
    pub(crate) async fn named(ctx: &Context<'_>, slug: Option<Slug>) -> Result<Option<Self>> {
        let found = ctx.load(edition::BySlug(edition_slug(slug)?)).await?;
        if let Some(edition) = &found {
            ctx.prime(edition::ById(edition.id), edition.clone())
                .await?;
        }
        Ok(found.map(Self))
    }

    /// The edition that is named by its id or its slug.
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

    /// Every edition, by slug.
    pub(crate) async fn every(ctx: &Context<'_>) -> Result<Vec<Self>> {
        let found = ctx.load(edition::Every).await?.unwrap_or_default();
        Ok(found.into_iter().map(Self).collect())
    }

    /// The edition that something belongs to: the database lets nothing be without one.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        key: impl BatchKey<Value = khabar_domain::Edition>,
    ) -> Result<Self> {
        let found = ctx.load(key.clone()).await?;
        found.map(Self).ok_or_else(|| {
            tracing::error!(?key, "something is without its edition");
            Error::unexplained()
        })
    }
}

/// From which side a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "khabar_domain::Direction")]
pub enum Direction {
    /// From the left, as English.
    Ltr,
    /// From the right, as Arabic.
    Rtl,
}
