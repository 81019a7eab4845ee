//! The GraphQL type for people: those who write, film or speak for the newsroom.

use async_graphql::{Context, ID, Object};
use khabar_persistence::article::List;
use khabar_persistence::{edition, person};

use super::{ArticleConnection, ArticleListArguments, Articles, Edition, Media};
use crate::connection::Paging;
use crate::context::ContextExt;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::scalar::{Slug, count};

/// A person, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Person(pub khabar_domain::Person);

/// A person who writes, films or speaks for the newsroom.
#[Object]
impl Person {
    /// The globally unique, opaque ID of the person.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that the person works for.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// URL slug, unique within the edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Earlier slugs of the person, which still resolve to them. The current one is `slug`.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// Name of the person, as shown in bylines.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Job title, such as "economy editor".
    fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    /// Short biography, a few sentences long.
    fn biography(&self) -> Option<&str> {
        self.0.biography.as_deref()
    }

    /// Portrait of the person.
    async fn portrait(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.portrait).await
    }

    /// Number of published articles credited to the person.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Person(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles credited to the person.
    async fn articles(
        &self,
        ctx: &Context<'_>,
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
        let articles = Articles {
            list: List::Person(self.0.id),
            edition: self.0.edition,
            count: Some(self.0.article_count),
        };
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

impl Person {
    /// Looks up a person by ID or slug.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: Selector) -> Result<Option<Self>> {
        let found = match named {
            Selector::Id(id) => ctx.load_ahead(person::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => ctx.load_ahead(person::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }
}
