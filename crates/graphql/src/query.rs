//! The query root. Each field is an entry point for one kind of read.

use async_graphql::{Context, ID, Object};
use futures::future::try_join_all;
use khabar_persistence::comment::QueueFilter;
use khabar_persistence::section::Which;
use khabar_persistence::story::Filter;

use crate::connection::{Connection, Paging};
use crate::error::{Code, Error, Result};
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node::Node;
use crate::scalar::{Slug, Url};
use crate::types::{
    Article, ArticleConnection, ArticleListArguments, ArticleStatus, Articles, AuditEntry,
    AuditEntryConnection, BrokenRow, Comment, CommentConnection, CommentStatus, Edition,
    FollowChannel, Home, LiveChannel, Person, Section, Source, Story, StoryConnection, StoryKind,
    StoryStatus, Token, TokenConnection, Topic, Viewer,
};

/// The query root.
pub struct Query;

/// Entry points for all reads.
#[Object]
impl Query {
    /// Content for a front page or an app's first screen. Null if the edition does not exist.
    async fn home(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
    ) -> Result<Option<Home>> {
        Ok(Edition::named(ctx, edition).await?.map(Home))
    }

    /// An article, looked up by ID, slug or canonical URL. Provide exactly one of them. Null if it is
    /// not found.
    async fn article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the article.")] id: Option<ID>,
        #[graphql(desc = "Slug of the article in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "Canonical URL of the article.")] url: Option<Url>,
        #[graphql(desc = "Slug of the edition in which to look up `slug`. Defaults to `ar`.")]
        edition: Option<Slug>,
    ) -> Result<Option<Article>> {
        Article::look_up(ctx, id, slug, url, edition).await
    }

    /// Articles of an edition. Empty if the edition does not exist.
    async fn articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Slug of the edition. Defaults to the edition of the objects that the filter names by ID, or to `ar` if it names none."
        )]
        edition: Option<Slug>,
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
    ) -> Result<Option<ArticleConnection>> {
        Ok(Some(
            Articles::search(
                ctx,
                edition,
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
            .await?,
        ))
    }

    /// A story, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the story.")] id: Option<ID>,
        #[graphql(desc = "Slug of the story in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "Slug of the edition in which to look up `slug`. Defaults to `ar`.")]
        edition: Option<Slug>,
    ) -> Result<Option<Story>> {
        Story::look_up(ctx, Selector::read(id, slug, edition)?).await
    }

    /// Stories of an edition, the story with the newest article first. Pinned stories are listed in the
    /// order of the rail. Empty if the edition does not exist.
    async fn stories(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[graphql(
            desc = "Whether to return only pinned stories, in the order of the rail (true), or only stories that are not pinned (false). Omit to return both."
        )]
        pinned: Option<bool>,
        #[graphql(desc = "Kind of story. Defaults to all kinds.")] kind: Option<StoryKind>,
        #[graphql(desc = "Status of the stories to return. Defaults to all statuses.")]
        status: Option<StoryStatus>,
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
    ) -> Result<Option<StoryConnection>> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        let Some(Edition(edition)) = Edition::named(ctx, edition).await? else {
            return Ok(Some(Connection::empty()));
        };
        let filter = Filter {
            pinned,
            kind: kind.map(Into::into),
            status: status.map(Into::into),
        };
        Ok(Some(
            Story::of_edition(ctx, edition.id, filter, page).await?,
        ))
    }

    /// A section, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the section.")] id: Option<ID>,
        #[graphql(desc = "Slug of the section in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "Slug of the edition in which to look up `slug`. Defaults to `ar`.")]
        edition: Option<Slug>,
    ) -> Result<Option<Section>> {
        Section::look_up(ctx, Selector::read(id, slug, edition)?).await
    }

    /// Sections of an edition, in editorial order. Empty if the edition does not exist.
    async fn sections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[graphql(
            desc = "Whether to return only featured sections. Defaults to false. Cannot be combined with `roots`."
        )]
        featured: Option<bool>,
        #[graphql(
            desc = "Whether to return only top-level sections. Defaults to false. Cannot be combined with `featured`."
        )]
        roots: Option<bool>,
    ) -> Result<Option<Vec<Section>>> {
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
        let Some(Edition(edition)) = Edition::named(ctx, edition).await? else {
            return Ok(Some(Vec::new()));
        };
        Ok(Some(Section::of_edition(ctx, edition.id, which).await?))
    }

    /// A topic, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the topic.")] id: Option<ID>,
        #[graphql(desc = "Slug of the topic in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "Slug of the edition in which to look up `slug`. Defaults to `ar`.")]
        edition: Option<Slug>,
    ) -> Result<Option<Topic>> {
        Topic::look_up(ctx, Selector::read(id, slug, edition)?).await
    }

    /// A person, looked up by ID or slug. Provide exactly one of them. Null if they are not found.
    async fn person(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the person.")] id: Option<ID>,
        #[graphql(desc = "Slug of the person in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "Slug of the edition in which to look up `slug`. Defaults to `ar`.")]
        edition: Option<Slug>,
    ) -> Result<Option<Person>> {
        Person::look_up(ctx, Selector::read(id, slug, edition)?).await
    }

    /// A source, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the source.")] id: Option<ID>,
        #[graphql(desc = "Slug of the source in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "Slug of the edition in which to look up `slug`. Defaults to `ar`.")]
        edition: Option<Slug>,
    ) -> Result<Option<Source>> {
        Source::look_up(ctx, Selector::read(id, slug, edition)?).await
    }

    /// An edition, looked up by ID or slug. Provide exactly one of them. Null if it is not found.
    async fn edition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the edition.")] id: Option<ID>,
        #[graphql(desc = "Slug of the edition, such as `ar`.")] slug: Option<Slug>,
    ) -> Result<Option<Edition>> {
        Edition::look_up(ctx, id, slug).await
    }

    /// All editions, ordered by slug.
    async fn editions(&self, ctx: &Context<'_>) -> Result<Option<Vec<Edition>>> {
        Ok(Some(Edition::every(ctx).await?))
    }

    /// Live channels of an edition, in editorial order. Empty if the edition does not exist.
    async fn live_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
    ) -> Result<Option<Vec<LiveChannel>>> {
        Ok(Some(match Edition::named(ctx, edition).await? {
            Some(Edition(edition)) => LiveChannel::of_edition(ctx, edition.id).await,
            None => Ok(Vec::new()),
        }?))
    }

    /// Follow channels of an edition, in editorial order. Empty if the edition does not exist.
    async fn follow_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
    ) -> Result<Option<Vec<FollowChannel>>> {
        Ok(Some(match Edition::named(ctx, edition).await? {
            Some(Edition(edition)) => FollowChannel::of_edition(ctx, edition.id).await,
            None => Ok(Vec::new()),
        }?))
    }

    /// The viewer: the account identified by the request's token, or an anonymous reader.
    #[expect(clippy::unused_self, reason = "the engine calls it on the root")]
    fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        Ok(Some(Viewer::asking(ctx)?))
    }

    /// The audit log of all writes, newest first. Requires the right `audit`.
    async fn audit(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Global ID of an object. Only writes with this object as their primary subject are returned. Omit to return all writes."
        )]
        of: Option<ID>,
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
    ) -> Result<Option<AuditEntryConnection>> {
        let page = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(Some(AuditEntry::log(ctx, of, page).await?))
    }

    /// Database rows that this server has failed to read since it started. At most 1000 are listed. Run
    /// `khabar check` to find all of them. Requires the right `publish`.
    #[expect(clippy::unused_self, reason = "the engine calls it on the root")]
    fn broken_rows(&self, ctx: &Context<'_>) -> Result<Option<Vec<BrokenRow>>> {
        BrokenRow::met(ctx)
    }

    /// All API tokens ever issued, including revoked and expired ones, newest first. Requires the right
    /// `grant`.
    async fn tokens(
        &self,
        ctx: &Context<'_>,
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
    ) -> Result<Option<TokenConnection>> {
        let page = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(Some(Token::given(ctx, page).await?))
    }

    /// Unpublished and withdrawn articles of an edition, most recently changed first. Viewers with the
    /// right `publish` get all of them, viewers with the right `write` only their own. Empty if the
    /// edition does not exist.
    async fn unpublished_articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[graphql(desc = "Status of the articles to return. Defaults to all statuses.")]
        status: Option<ArticleStatus>,
        #[graphql(
            desc = "Whether to return only articles created by the viewer. Defaults to false."
        )]
        mine: Option<bool>,
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
    ) -> Result<Option<ArticleConnection>> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        Ok(Some(
            Article::unpublished(ctx, edition, status, mine.unwrap_or(false), page).await?,
        ))
    }

    /// The moderation queue: comments on an edition's articles, whether or not readers can see them,
    /// oldest first. Empty if the edition does not exist. Requires the right `moderate`.
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Slug of the edition. Defaults to `ar`.")] edition: Option<Slug>,
        #[graphql(desc = "Status of the comments to return. Defaults to all statuses.")]
        status: Option<CommentStatus>,
        #[graphql(
            desc = "Whether to return only comments reported since their last moderation decision (true), or only comments not reported since then (false). Omit to return both."
        )]
        reported: Option<bool>,
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
    ) -> Result<Option<CommentConnection>> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        let queue_filter = QueueFilter {
            status: status.map(Into::into),
            reported,
        };
        Ok(Some(
            Comment::queue(ctx, edition, queue_filter, page).await?,
        ))
    }

    /// Comments written by the viewer, newest first, with their actual status and regardless of who
    /// else can see them. Requires an account.
    async fn my_comments(
        &self,
        ctx: &Context<'_>,
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
    ) -> Result<Option<CommentConnection>> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        Ok(Some(Comment::own(ctx, page).await?))
    }

    /// An object, looked up by its global ID. Null if it is not found.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the object.")] id: ID,
    ) -> Result<Option<Node>> {
        Node::load(ctx, &id).await
    }

    /// Objects looked up by their global IDs, in the order of the IDs. The result has null in place of
    /// each object that is not found.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global IDs of the objects. At most 100.")] ids: Vec<ID>,
    ) -> Result<Option<Vec<Option<Node>>>> {
        let (most, had) = (u64::from(khabar_persistence::Page::MAX), ids.len() as u64);
        if had > most {
            return Err(Error::over_limit(Code::LimitList, "nodes", most, had));
        }
        Ok(Some(
            try_join_all(
                ids.iter()
                    .enumerate()
                    .map(|(index, id)| Node::load_or_null(ctx, index, id)),
            )
            .await?,
        ))
    }
}
