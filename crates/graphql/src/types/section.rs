//! The GraphQL type for sections.

use async_graphql::ID;
use khabar_domain::{EditionId, Section as Row};
use khabar_persistence::article::List;
use khabar_persistence::section::Which;
use khabar_persistence::{Page, edition, section};

use super::{ArticleListArguments, Articles, Edition, LoadArticles};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::object::{LoadMany, LoadOne, LoadRequired, ReadContext, Shared, object};
use crate::scalar::{Slug, count};

/// A section, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Section;

/// A department of an edition, such as economy or sport. Sections can be nested.
#[object(of = Row)]
impl Section {
    /// The globally unique, opaque ID of the section.
    fn id(section: &Row) -> ID {
        node::id(section.id)
    }

    /// The edition that the section belongs to.
    fn edition(section: &Row) -> LoadRequired<Edition, edition::ById> {
        LoadRequired::new(edition::ById(section.edition))
    }

    /// URL slug, unique within the edition.
    fn slug(section: &Row) -> &khabar_domain::Slug {
        &section.slug
    }

    /// Earlier slugs of the section, which still resolve to it. The current one is `slug`.
    async fn former_slugs(section: &Row, context: &ReadContext) -> Result<Vec<Slug>> {
        Slug::former(context, section.id).await
    }

    /// Display name of the section.
    fn name(section: &Row) -> &str {
        section.name.as_str()
    }

    /// One-sentence description of the section's coverage.
    fn summary(section: &Row) -> Option<&str> {
        section.summary.as_deref()
    }

    /// Position among sibling sections, starting at 0.
    fn position(section: &Row) -> i32 {
        section.position
    }

    /// Whether the section is featured, for example on the home page.
    fn featured(section: &Row) -> bool {
        section.featured
    }

    /// The parent section. Null for a top-level section.
    fn parent(section: &Row) -> LoadOne<Self, section::ById> {
        LoadOne::new(section.parent.map(section::ById))
    }

    /// The direct child sections, in order.
    fn children(section: &Row) -> LoadMany<Self, section::ChildrenOf> {
        LoadMany::new(section::ChildrenOf(section.id))
    }

    /// The path to the section: all sections from the top-level section down to this one,
    /// inclusive.
    fn path(section: &Row) -> LoadMany<Self, section::PathTo> {
        LoadMany::new(section::PathTo(section.id))
    }

    /// Number of published articles filed in the section or its descendants.
    fn article_count(section: &Row, context: &ReadContext) -> i32 {
        context.shows(|| List::Section(section.id).key());
        count(section.article_count)
    }

    /// The articles filed in the section.
    async fn articles(
        section: &Row,
        context: &ReadContext,
        #[arg("Whether to include articles of its subsections, at any depth. Defaults to true.")]
        include_descendants: Option<bool>,
        #[arg("Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[arg("Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
        page: Page,
    ) -> Result<LoadArticles> {
        let articles = list(section, include_descendants.unwrap_or(true));
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

impl Section {
    /// Looks up a section by ID or slug.
    pub(crate) async fn look_up(context: &ReadContext, named: Selector) -> Result<Shared<Self>> {
        Ok(Shared(match named {
            Selector::Id(id) => context.load(section::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => context.load(section::BySlug(key)).await?,
        }))
    }

    /// Returns the sections of an edition that `which` selects, in order.
    pub(crate) fn of_edition(
        edition: EditionId,
        which: Which,
    ) -> LoadMany<Self, section::OfEdition> {
        LoadMany::new(section::OfEdition { edition, which })
    }
}

fn list(section: &Row, include_descendants: bool) -> Articles {
    let (list, count) = if include_descendants {
        (List::Section(section.id), Some(section.article_count))
    } else {
        (List::SectionAlone(section.id), None)
    };
    Articles {
        list,
        edition: section.edition,
        count,
    }
}
