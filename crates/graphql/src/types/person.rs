//! The GraphQL type for people: those who write, film or speak for the newsroom.

use async_graphql::ID;
use khabar_domain::Person as Row;
use khabar_persistence::article::List;
use khabar_persistence::{Includes, Page, edition, media, person};

use super::{ArticleListArguments, Articles, Edition, LoadArticles, Media};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::object::{LoadOne, LoadRequired, ReadContext, Shared, object};
use crate::scalar::{Slug, count};

/// A person, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Person;

/// A person who writes, films or speaks for the newsroom.
#[object(of = Row)]
impl Person {
    /// The globally unique, opaque ID of the person.
    fn id(person: &Row) -> ID {
        node::id(person.id)
    }

    /// The edition that the person works for.
    fn edition(person: &Row) -> LoadRequired<Edition, edition::ById> {
        LoadRequired::new(edition::ById(person.edition))
    }

    /// URL slug, unique within the edition.
    fn slug(person: &Row) -> &khabar_domain::Slug {
        &person.slug
    }

    /// Earlier slugs of the person, which still resolve to them. The current one is `slug`.
    async fn former_slugs(person: &Row, context: &ReadContext) -> Result<Vec<Slug>> {
        Slug::former(context, person.id).await
    }

    /// Name of the person, as shown in bylines.
    fn name(person: &Row) -> &str {
        person.name.as_str()
    }

    /// Job title, such as "economy editor".
    fn role(person: &Row) -> Option<&str> {
        person.role.as_deref()
    }

    /// Short biography, a few sentences long.
    fn biography(person: &Row) -> Option<&str> {
        person.biography.as_deref()
    }

    /// Portrait of the person.
    fn portrait(person: &Row) -> LoadOne<Media, media::ById> {
        Media::load(person.portrait)
    }

    /// Number of published articles credited to the person.
    fn article_count(person: &Row, context: &ReadContext) -> i32 {
        context.shows(|| List::Person(person.id).key());
        count(person.article_count)
    }

    /// The articles credited to the person.
    async fn articles(
        person: &Row,
        context: &ReadContext,
        #[arg("Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[arg("Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
        page: Page,
    ) -> Result<LoadArticles> {
        let articles = Articles {
            list: List::Person(person.id),
            edition: person.edition,
            count: Some(person.article_count),
        };
        articles
            .load(
                context,
                ArticleListArguments {
                    filter,
                    order_by,
                    page,
                },
            )
            .await
    }
}

impl Person {
    /// Looks up a person by ID or slug.
    pub(crate) async fn look_up(
        context: &ReadContext,
        named: Selector,
        includes: Includes,
    ) -> Result<Shared<Self>> {
        Ok(Shared(match named {
            Selector::Id(id) => {
                context
                    .load_including(person::ById(node::parse(&id)?), includes)
                    .await?
            }
            Selector::Slug(key) => {
                context
                    .load_including(person::BySlug(key), includes)
                    .await?
            }
        }))
    }
}
