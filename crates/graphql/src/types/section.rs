//! The GraphQL type for sections.

use async_graphql::{Context, ID, Object};
use khabar_domain::{EditionId, SectionId};
use khabar_persistence::article::List;
use khabar_persistence::section::Which;
use khabar_persistence::{edition, section};

use super::{ArticleConnection, ArticleListArguments, Articles, Edition};
use crate::connection::Paging;
use crate::context::ContextExt;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::scalar::{Slug, count};

/// A section, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Section(pub khabar_domain::Section);

/// A department of an edition, such as economy or sport. Sections can be nested.
#[Object]
impl Section {
    /// The globally unique, opaque ID of the section.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that the section belongs to.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// URL slug, unique within the edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Earlier slugs of the section, which still resolve to it. The current one is `slug`.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// Display name of the section.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// One-sentence description of the section's coverage.
    fn summary(&self) -> Option<&str> {
        self.0.summary.as_deref()
    }

    /// Position among sibling sections, starting at 0.
    fn position(&self) -> i32 {
        self.0.position
    }

    /// Whether the section is featured, for example on the home page.
    fn featured(&self) -> bool {
        self.0.featured
    }

    /// The parent section. Null for a top-level section.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Self>> {
        let Some(id) = self.0.parent else {
            return Ok(None);
        };
        Ok(ctx.load(section::ById(id)).await?.map(Section))
    }

    /// The direct child sections, in order.
    async fn children(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        let found = ctx.load(section::ChildrenOf(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Section).collect())
    }

    /// The path to the section: all sections from the top-level section down to this one,
    /// inclusive.
    async fn path(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        let found = ctx.load(section::PathTo(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Section).collect())
    }

    /// Number of published articles filed in the section or its descendants.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Section(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles filed in the section.
    async fn articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Whether to include articles of its subsections, at any depth. Defaults to true."
        )]
        include_descendants: Option<bool>,
        #[graphql(desc = "Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[graphql(desc = "Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
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
    ) -> Result<ArticleConnection> {
        let articles = self.list(include_descendants.unwrap_or(true));
        articles
            .load(
                ctx,
                ArticleListArguments {
                    filter,
                    order_by,
                    page: Paging {
                        first,
                        after,
                        last,
                        before,
                    }
                    .page()?,
                },
            )
            .await
    }
}

impl Section {
    /// Looks up a section by ID or slug.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: Selector) -> Result<Option<Self>> {
        let found = match named {
            Selector::Id(id) => ctx.load(section::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => ctx.load(section::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }

    /// Loads the sections of an edition that `which` selects, in order.
    pub(crate) async fn of_edition(
        ctx: &Context<'_>,
        edition: EditionId,
        which: Which,
    ) -> Result<Vec<Self>> {
        let found = ctx.load(section::OfEdition { edition, which }).await?;
        Ok(found.unwrap_or_default().into_iter().map(Self).collect())
    }

    /// Loads the top-level sections of an edition, in order.
    pub(crate) async fn roots(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<Self>> {
        Self::of_edition(ctx, edition, Which::Roots).await
    }

    /// Loads the siblings of a section, in order and including the section. Returns an empty list
    /// if the section does not exist.
    pub(crate) async fn beside(ctx: &Context<'_>, id: SectionId) -> Result<Vec<Self>> {
        let Some(section) = ctx.load(section::ById(id)).await? else {
            return Ok(Vec::new());
        };
        let Some(parent) = section.parent else {
            return Self::roots(ctx, section.edition).await;
        };
        let found = ctx.load(section::ChildrenOf(parent)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Self).collect())
    }

    fn list(&self, include_descendants: bool) -> Articles {
        let (list, count) = if include_descendants {
            (List::Section(self.0.id), Some(self.0.article_count))
        } else {
            (List::SectionAlone(self.0.id), None)
        };
        Articles {
            list,
            edition: self.0.edition,
            count,
        }
    }
}
