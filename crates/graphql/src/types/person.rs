//! A person who writes, films or speaks for the newsroom, as the API shows them.

use async_graphql::{Context, ID, Object};
use khabar_persistence::article::List;
use khabar_persistence::{edition, person};

use super::{ArticleConnection, Articles, AskedArticles, Edition, Media};
use crate::connection::Paging;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, LookUp};
use crate::node;
use crate::scalar::{Slug, count};
use crate::scope::Asked;

/// A person.
#[derive(Clone, Debug)]
pub struct Person(pub khabar_domain::Person);

/// Somebody who writes, films or speaks for the newsroom.
#[Object]
impl Person {
    /// Their global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that they sign in.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// Their part of an address, unique in their edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Slugs that they had before, which still lead to them; `slug` is where they live now.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// How they sign.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What they do, such as "economy editor".
    fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    /// A few sentences about them.
    fn biography(&self) -> Option<&str> {
        self.0.biography.as_deref()
    }

    /// Their portrait.
    async fn portrait(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.portrait).await
    }

    /// How many published articles they signed.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Person(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles that they signed.
    async fn articles(
        &self,
        ctx: &Context<'_>,
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
        let articles = Articles {
            list: List::Person(self.0.id),
            edition: self.0.edition,
            count: Some(self.0.article_count),
        };
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

impl Person {
    /// The person that is named.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: LookUp) -> Result<Option<Self>> {
        let found = match named {
            LookUp::Id(id) => ctx.load_ahead(person::ById(node::parse(&id)?)).await?,
            LookUp::Slug(key) => ctx.load_ahead(person::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }
}
