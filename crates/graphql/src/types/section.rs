//! A section, as the API shows it.

use async_graphql::{Context, ID, Object};
use khabar_domain::{EditionId, SectionId};
use khabar_persistence::article::List;
use khabar_persistence::section::Which;
use khabar_persistence::{edition, section};

use super::{ArticleConnection, Articles, AskedArticles, Edition};
use crate::connection::Paging;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, LookUp};
use crate::node;
use crate::scalar::{Slug, count};
use crate::scope::Asked;

/// A section.
#[derive(Clone, Debug)]
pub struct Section(pub khabar_domain::Section);

/// A department of an edition, such as economy or sport. Sections nest.
#[Object]
impl Section {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that it is part of.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// Its part of an address, unique in its edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Slugs that it had before, which still lead to it; `slug` is where it lives now.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// What it is called.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What it covers, in a sentence.
    fn summary(&self) -> Option<&str> {
        self.0.summary.as_deref()
    }

    /// Its place among its siblings, from 0.
    fn position(&self) -> i32 {
        self.0.position
    }

    /// Whether it stands among the important sections.
    fn featured(&self) -> bool {
        self.0.featured
    }

    /// The section that it is part of; null for one that lies in no other.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Self>> {
        let Some(id) = self.0.parent else {
            return Ok(None);
        };
        Ok(ctx.load(section::ById(id)).await?.map(Section))
    }

    /// The sections that lie directly in it, in order.
    async fn children(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        let found = ctx.load(section::ChildrenOf(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Section).collect())
    }

    /// The sections from the root down to this one, itself included.
    async fn path(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        let found = ctx.load(section::PathTo(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Section).collect())
    }

    /// How many published articles are filed in it or below it.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Section(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles that are filed in it.
    async fn articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether what is filed below it counts; true when nothing is said.")]
        include_descendants: Option<bool>,
        #[graphql(desc = "Only these; all when nothing is said.")] filter: Option<ArticleFilter>,
        #[graphql(desc = "In which order; newest first when nothing is said.")] order_by: Option<
            ArticleOrder,
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
    ) -> Result<ArticleConnection> {
        let articles = self.list(include_descendants.unwrap_or(true));
        articles
            .load(
                ctx,
                AskedArticles {
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
    /// The section that is named.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: LookUp) -> Result<Option<Self>> {
        let found = match named {
            LookUp::Id(id) => ctx.load(section::ById(node::parse(&id)?)).await?,
            LookUp::Slug(key) => ctx.load(section::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }

    /// Those of an edition, in order.
    pub(crate) async fn of_edition(
        ctx: &Context<'_>,
        edition: EditionId,
        which: Which,
    ) -> Result<Vec<Self>> {
        let found = ctx.load(section::OfEdition { edition, which }).await?;
        Ok(found.unwrap_or_default().into_iter().map(Self).collect())
    }

    /// Those that lie in no section of an edition, in order.
    pub(crate) async fn roots(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<Self>> {
        Self::of_edition(ctx, edition, Which::Roots).await
    }

    /// Those that lie where this one does, in order.
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
