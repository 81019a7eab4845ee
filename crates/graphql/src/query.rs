//! The query root. Each field is an entry point for one kind of read.

use async_graphql::ID;
use khabar_persistence::article::unpublished;
use khabar_persistence::comment::QueueFilter;
use khabar_persistence::section::Which;
use khabar_persistence::story::{Filter, OfEdition};
use khabar_persistence::token::AllTokens;
use khabar_persistence::{
    Includes, Page, audit, comment, edition, follow_channel, live_channel, section,
};

use crate::error::{Code, Error, Result};
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node::{Node, OwnedNodes};
use crate::object::{
    LoadMany, LoadPage, Nullable, Owned, OwnedList, OwnedOption, ReadContext, Shared, object,
};
use crate::scalar::{Slug, Url};
use crate::types::{
    Article, ArticleListArguments, ArticleStatus, Articles, AuditEntry, BrokenRow, Comment,
    CommentStatus, Edition, FollowChannel, Home, LiveChannel, LoadArticles, Person, Section,
    Source, Story, StoryKind, StoryStatus, Token, Topic, Viewer,
};

/// The query root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query;

/// Entry points for all reads.
#[object]
impl Query {
    /// Content for a front page or an app's first screen. Null if the edition does not exist.
    async fn home(
        &self,
        context: &ReadContext,
        #[arg("Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
    ) -> Result<Shared<Home>> {
        Edition::named(context, edition).await.map(Shared)
    }

    /// An article, looked up by ID, slug or canonical URL. Provide exactly one of them. Null if it is
    /// not found.
    async fn article(
        &self,
        context: &ReadContext,
        includes: Includes,
        #[arg("Global ID of the article.")] id: Option<ID>,
        #[arg("Slug of the article in the edition.")] slug: Option<Slug>,
        #[arg("Canonical URL of the article.")] url: Option<Url>,
        #[arg("Slug of the edition in which to look up `slug`. Defaults to `ar`.")] edition: Option<
            Slug,
        >,
    ) -> Result<Shared<Article>> {
        Article::look_up(context, includes, id, slug, url, edition).await
    }

    /// Articles of an edition. Empty if the edition does not exist.
    async fn articles(
        &self,
        context: &ReadContext,
        #[arg(
            "Slug of the edition. Defaults to the edition of the objects that the filter names by ID, or to `ar` if it names none."
        )]
        edition: Option<Slug>,
        #[arg("Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[arg("Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
        page: Page,
    ) -> Result<Nullable<LoadArticles>> {
        let arguments = ArticleListArguments {
            filter,
            order_by,
            page,
        };
        let articles = Articles::search(context, edition, arguments).await;
        articles.map(Nullable)
    }

    /// A story, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn story(
        &self,
        context: &ReadContext,
        includes: Includes,
        #[arg("Global ID of the story.")] id: Option<ID>,
        #[arg("Slug of the story in the edition.")] slug: Option<Slug>,
        #[arg("Slug of the edition in which to look up `slug`. Defaults to `ar`.")] edition: Option<
            Slug,
        >,
    ) -> Result<Shared<Story>> {
        Story::look_up(context, Selector::read(id, slug, edition)?, includes).await
    }

    /// Stories of an edition, the story with the newest article first. Pinned stories are listed in the
    /// order of the rail. Empty if the edition does not exist.
    async fn stories(
        &self,
        context: &ReadContext,
        #[arg("Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[arg(
            "Whether to return only pinned stories, in the order of the rail (true), or only stories that are not pinned (false). Omit to return both."
        )]
        pinned: Option<bool>,
        #[arg("Kind of story. Defaults to all kinds.")] kind: Option<StoryKind>,
        #[arg("Status of the stories to return. Defaults to all statuses.")] status: Option<
            StoryStatus,
        >,
        page: Page,
    ) -> Result<Nullable<LoadPage<OfEdition>>> {
        let Some(edition) = Edition::named(context, edition).await? else {
            return Ok(Nullable(LoadPage::empty()));
        };
        let filter = Filter {
            pinned,
            kind: kind.map(Into::into),
            status: status.map(Into::into),
        };
        Ok(Nullable(Story::of_edition(edition.id, filter, page)))
    }

    /// A section, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn section(
        &self,
        context: &ReadContext,
        #[arg("Global ID of the section.")] id: Option<ID>,
        #[arg("Slug of the section in the edition.")] slug: Option<Slug>,
        #[arg("Slug of the edition in which to look up `slug`. Defaults to `ar`.")] edition: Option<
            Slug,
        >,
    ) -> Result<Shared<Section>> {
        Section::look_up(context, Selector::read(id, slug, edition)?).await
    }

    /// Sections of an edition, in editorial order. Empty if the edition does not exist.
    async fn sections(
        &self,
        context: &ReadContext,
        #[arg("Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[arg(
            "Whether to return only featured sections. Defaults to false. Cannot be combined with `roots`."
        )]
        featured: Option<bool>,
        #[arg(
            "Whether to return only top-level sections. Defaults to false. Cannot be combined with `featured`."
        )]
        roots: Option<bool>,
    ) -> Result<Nullable<LoadMany<Section, section::OfEdition>>> {
        let which = match (featured.unwrap_or(false), roots.unwrap_or(false)) {
            (false, false) => Which::All,
            (true, false) => Which::Featured,
            (false, true) => Which::Roots,
            (true, true) => {
                return Err(Error::bad_input(
                    "Specify either `featured` or `roots`, not both.",
                ));
            }
        };
        let edition = Edition::named(context, edition).await?;
        Ok(Nullable(match edition {
            Some(edition) => Section::of_edition(edition.id, which),
            None => LoadMany::new(None),
        }))
    }

    /// A topic, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn topic(
        &self,
        context: &ReadContext,
        #[arg("Global ID of the topic.")] id: Option<ID>,
        #[arg("Slug of the topic in the edition.")] slug: Option<Slug>,
        #[arg("Slug of the edition in which to look up `slug`. Defaults to `ar`.")] edition: Option<
            Slug,
        >,
    ) -> Result<Shared<Topic>> {
        Topic::look_up(context, Selector::read(id, slug, edition)?).await
    }

    /// A person, looked up by ID or slug. Provide exactly one of them. Null if they are not found.
    async fn person(
        &self,
        context: &ReadContext,
        includes: Includes,
        #[arg("Global ID of the person.")] id: Option<ID>,
        #[arg("Slug of the person in the edition.")] slug: Option<Slug>,
        #[arg("Slug of the edition in which to look up `slug`. Defaults to `ar`.")] edition: Option<
            Slug,
        >,
    ) -> Result<Shared<Person>> {
        Person::look_up(context, Selector::read(id, slug, edition)?, includes).await
    }

    /// A source, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn source(
        &self,
        context: &ReadContext,
        #[arg("Global ID of the source.")] id: Option<ID>,
        #[arg("Slug of the source in the edition.")] slug: Option<Slug>,
        #[arg("Slug of the edition in which to look up `slug`. Defaults to `ar`.")] edition: Option<
            Slug,
        >,
    ) -> Result<Shared<Source>> {
        Source::look_up(context, Selector::read(id, slug, edition)?).await
    }

    /// An edition, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn edition(
        &self,
        context: &ReadContext,
        #[arg("Global ID of the edition.")] id: Option<ID>,
        #[arg("Slug of the edition, such as `ar`.")] slug: Option<Slug>,
    ) -> Result<Shared<Edition>> {
        Edition::look_up(context, id, slug).await
    }

    /// All editions, ordered by slug.
    fn editions(&self) -> Nullable<LoadMany<Edition, edition::Every>> {
        Nullable(LoadMany::new(edition::Every))
    }

    /// Live channels of an edition, in editorial order. Empty if the edition does not exist.
    async fn live_channels(
        &self,
        context: &ReadContext,
        #[arg("Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
    ) -> Result<Nullable<LoadMany<LiveChannel, live_channel::OfEdition>>> {
        let edition = Edition::named(context, edition).await?;
        Ok(Nullable(match edition {
            Some(edition) => LiveChannel::of_edition(edition.id),
            None => LoadMany::new(None),
        }))
    }

    /// Follow channels of an edition, in editorial order. Empty if the edition does not exist.
    async fn follow_channels(
        &self,
        context: &ReadContext,
        #[arg("Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
    ) -> Result<Nullable<LoadMany<FollowChannel, follow_channel::OfEdition>>> {
        let edition = Edition::named(context, edition).await?;
        Ok(Nullable(match edition {
            Some(edition) => FollowChannel::of_edition(edition.id),
            None => LoadMany::new(None),
        }))
    }

    /// The viewer: the account identified by the request's token, or an anonymous reader.
    fn viewer(&self, context: &ReadContext) -> Nullable<Owned<Viewer>> {
        Nullable(Owned(Viewer::asking(context)))
    }

    /// The audit log of all writes, newest first. Requires the right `audit`.
    fn audit(
        &self,
        context: &ReadContext,
        #[arg(
            "Global ID of an object. Only writes with this object as their primary subject are returned. Omit to return all writes."
        )]
        of: Option<ID>,
        page: Page,
    ) -> Result<Nullable<LoadPage<audit::Log>>> {
        AuditEntry::log(context, of.as_ref(), page).map(Nullable)
    }

    /// Database rows that this server has failed to read since it started. At most 1000 are listed. Run
    /// `khabar check` to find all of them. Requires the right `publish`.
    fn broken_rows(&self, context: &ReadContext) -> Result<Nullable<OwnedList<BrokenRow>>> {
        BrokenRow::known(context).map(Nullable)
    }

    /// All API tokens ever issued, including revoked and expired ones, newest first. Requires the right
    /// `grant`.
    fn tokens(&self, context: &ReadContext, page: Page) -> Result<Nullable<LoadPage<AllTokens>>> {
        Token::all(context, page).map(Nullable)
    }

    /// Unpublished and withdrawn articles of an edition, most recently changed first. Viewers with the
    /// right `publish` get all of them, viewers with the right `write` only their own. Empty if the
    /// edition does not exist.
    async fn unpublished_articles(
        &self,
        context: &ReadContext,
        #[arg("Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[arg("Status of the articles to return. Defaults to all statuses.")] status: Option<
            ArticleStatus,
        >,
        #[arg("Whether to return only articles created by the viewer. Defaults to false.")]
        mine: Option<bool>,
        page: Page,
    ) -> Result<Nullable<LoadPage<unpublished::Listed>>> {
        let mine = mine.unwrap_or(false);
        let articles = Article::unpublished(context, edition, status, mine, page).await;
        articles.map(Nullable)
    }

    /// The moderation queue: comments on an edition's articles, whether or not readers can see them,
    /// oldest first. Empty if the edition does not exist. Requires the right `moderate`.
    async fn comments(
        &self,
        context: &ReadContext,
        #[arg("Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[arg("Status of the comments to return. Defaults to all statuses.")] status: Option<
            CommentStatus,
        >,
        #[arg(
            "Whether to return only comments reported since their last moderation decision (true), or only comments not reported since then (false). Omit to return both."
        )]
        reported: Option<bool>,
        page: Page,
    ) -> Result<Nullable<LoadPage<comment::Queue>>> {
        let queue_filter = QueueFilter {
            status: status.map(Into::into),
            reported,
        };
        let comments = Comment::queue(context, edition, queue_filter, page).await;
        comments.map(Nullable)
    }

    /// Comments written by the viewer, newest first, with their actual status and regardless of who
    /// else can see them. Requires an account.
    fn my_comments(
        &self,
        context: &ReadContext,
        page: Page,
    ) -> Result<Nullable<LoadPage<comment::OfAccount>>> {
        Comment::own(context, page).map(Nullable)
    }

    /// An object, looked up by its global ID. Null if it is not found.
    async fn node(
        &self,
        context: &ReadContext,
        #[arg("Global ID of the object.")] id: ID,
    ) -> Result<OwnedOption<Node>> {
        Node::load(context, &id).await
    }

    /// Objects looked up by their global IDs, in the order of the IDs. The result has null in place of
    /// each object that is not found.
    async fn nodes(
        &self,
        context: &ReadContext,
        #[arg("Global IDs of the objects. At most 100.")] ids: Vec<ID>,
    ) -> Result<OwnedNodes> {
        let (most, had) = (u64::from(Page::MAX), ids.len() as u64);
        if had > most {
            return Err(Error::over_limit(Code::LimitList, "nodes", most, had));
        }
        Node::load_each(context, &ids).await
    }
}
