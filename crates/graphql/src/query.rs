//! The query root: where every read of the API begins. Each entry is one call.

use async_graphql::{Context, ID, Object};
use futures::future::try_join_all;
use khabar_persistence::comment::Wanted;
use khabar_persistence::section::Which;
use khabar_persistence::story::Filter;

use crate::connection::{Connection, Paging};
use crate::error::{Code, Error, Result};
use crate::input::{ArticleFilter, ArticleOrder, LookUp};
use crate::node::Node;
use crate::scalar::{Slug, Url};
use crate::types::{
    Article, ArticleConnection, ArticleStatus, Articles, AskedArticles, AuditEntry,
    AuditEntryConnection, BrokenRow, Comment, CommentConnection, CommentStatus, Edition,
    FollowChannel, Home, LiveChannel, Person, Section, Source, Story, StoryConnection, StoryKind,
    StoryStatus, Token, TokenConnection, Topic, Viewer,
};

/// The query root.
pub struct Query;

/// Where every read begins.
#[Object]
impl Query {
    /// What a front page or an app's first screen needs; null for an unknown edition.
    async fn home(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edition's slug; `ar` when nothing is said.")] edition: Option<Slug>,
    ) -> Result<Option<Home>> {
        Ok(Edition::named(ctx, edition).await?.map(Home))
    }

    /// The article with this id, slug or address (give exactly one); null when there is none.
    async fn article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its slug in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "Its canonical address.")] url: Option<Url>,
        #[graphql(desc = "The edition's slug, for `slug`; `ar` when nothing is said.")]
        edition: Option<Slug>,
    ) -> Result<Option<Article>> {
        Article::look_up(ctx, id, slug, url, edition).await
    }

    /// Articles of an edition; empty for an unknown one.
    async fn articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The edition's slug. When nothing is said: the edition of what the filter names by id or, when it names nothing, `ar`."
        )]
        edition: Option<Slug>,
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
        Articles::search(
            ctx,
            edition,
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

    /// The story with this id or slug (give exactly one); null when there is none.
    async fn story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its slug in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "The edition's slug, for `slug`; `ar` when nothing is said.")]
        edition: Option<Slug>,
    ) -> Result<Option<Story>> {
        Story::look_up(ctx, LookUp::read(id, slug, edition)?).await
    }

    /// Stories of an edition, the one with the newest article first; pinned ones in the rail's order.
    /// Empty for an unknown edition.
    async fn stories(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edition's slug; `ar` when nothing is said.")] edition: Option<Slug>,
        #[graphql(
            desc = "Only those on the rail, in its order (true), or only those that are not (false)."
        )]
        pinned: Option<bool>,
        #[graphql(desc = "Only those of this kind.")] kind: Option<StoryKind>,
        #[graphql(desc = "Only those in this state.")] status: Option<StoryStatus>,
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
    ) -> Result<StoryConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        let Some(Edition(edition)) = Edition::named(ctx, edition).await? else {
            return Ok(Connection::empty());
        };
        let filter = Filter {
            pinned,
            kind: kind.map(Into::into),
            status: status.map(Into::into),
        };
        Story::of_edition(ctx, edition.id, filter, page).await
    }

    /// The section with this id or slug (give exactly one); null when there is none.
    async fn section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its slug in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "The edition's slug, for `slug`; `ar` when nothing is said.")]
        edition: Option<Slug>,
    ) -> Result<Option<Section>> {
        Section::look_up(ctx, LookUp::read(id, slug, edition)?).await
    }

    /// Sections of an edition, in order; empty for an unknown edition.
    async fn sections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edition's slug; `ar` when nothing is said.")] edition: Option<Slug>,
        #[graphql(desc = "True: only the important ones. False, or nothing said: all.")]
        featured: Option<bool>,
        #[graphql(
            desc = "True: only those that lie in no other. False, or nothing said: all. Not together with `featured`."
        )]
        roots: Option<bool>,
    ) -> Result<Vec<Section>> {
        let which = match (featured.unwrap_or(false), roots.unwrap_or(false)) {
            (false, false) => Which::All,
            (true, false) => Which::Featured,
            (false, true) => Which::Roots,
            (true, true) => return Err(Error::bad_input("Give `featured` or `roots`, not both.")),
        };
        let Some(Edition(edition)) = Edition::named(ctx, edition).await? else {
            return Ok(Vec::new());
        };
        Section::of_edition(ctx, edition.id, which).await
    }

    /// The topic with this id or slug (give exactly one); null when there is none.
    async fn topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its slug in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "The edition's slug, for `slug`; `ar` when nothing is said.")]
        edition: Option<Slug>,
    ) -> Result<Option<Topic>> {
        Topic::look_up(ctx, LookUp::read(id, slug, edition)?).await
    }

    /// The person with this id or slug (give exactly one); null when there is none.
    async fn person(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their global id.")] id: Option<ID>,
        #[graphql(desc = "Their slug in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "The edition's slug, for `slug`; `ar` when nothing is said.")]
        edition: Option<Slug>,
    ) -> Result<Option<Person>> {
        Person::look_up(ctx, LookUp::read(id, slug, edition)?).await
    }

    /// The source with this id or slug (give exactly one); null when there is none.
    async fn source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its slug in the edition.")] slug: Option<Slug>,
        #[graphql(desc = "The edition's slug, for `slug`; `ar` when nothing is said.")]
        edition: Option<Slug>,
    ) -> Result<Option<Source>> {
        Source::look_up(ctx, LookUp::read(id, slug, edition)?).await
    }

    /// The edition with this id or slug (give exactly one); null when there is none.
    async fn edition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its slug, such as `ar`.")] slug: Option<Slug>,
    ) -> Result<Option<Edition>> {
        Edition::look_up(ctx, id, slug).await
    }

    /// Every edition, by slug.
    async fn editions(&self, ctx: &Context<'_>) -> Result<Vec<Edition>> {
        Edition::every(ctx).await
    }

    /// The live channels of an edition, in order; empty for an unknown edition.
    async fn live_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edition's slug; `ar` when nothing is said.")] edition: Option<Slug>,
    ) -> Result<Vec<LiveChannel>> {
        match Edition::named(ctx, edition).await? {
            Some(Edition(edition)) => LiveChannel::of_edition(ctx, edition.id).await,
            None => Ok(Vec::new()),
        }
    }

    /// The follow channels of an edition, in order; empty for an unknown edition.
    async fn follow_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edition's slug; `ar` when nothing is said.")] edition: Option<Slug>,
    ) -> Result<Vec<FollowChannel>> {
        match Edition::named(ctx, edition).await? {
            Some(Edition(edition)) => FollowChannel::of_edition(ctx, edition.id).await,
            None => Ok(Vec::new()),
        }
    }

    /// Who is asking: whoever the request's token names, or a reader who did not say.
    #[expect(clippy::unused_self, reason = "the engine calls it on the root")]
    fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        Viewer::asking(ctx)
    }

    /// Who wrote what: a page of the log of every write, the latest first. Needs the right `audit`.
    async fn audit(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only writes that were about this thing first of all: its global id. All when nothing is said."
        )]
        of: Option<ID>,
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
    ) -> Result<AuditEntryConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        };
        AuditEntry::log(ctx, of, page).await
    }

    /// The rows of the database that cannot be read, as far as this server has met them since it
    /// started; at most 1000. `khabar check` finds all that there are. Needs the right `publish`.
    #[expect(clippy::unused_self, reason = "the engine calls it on the root")]
    fn broken_rows(&self, ctx: &Context<'_>) -> Result<Option<Vec<BrokenRow>>> {
        BrokenRow::met(ctx)
    }

    /// Every API token that was ever given out, revoked and expired ones too, the newest first. Needs
    /// the right `grant`.
    async fn tokens(
        &self,
        ctx: &Context<'_>,
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
    ) -> Result<TokenConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        };
        Token::given(ctx, page).await
    }

    /// What lies on an edition's desk: the articles that readers do not see yet or no longer, last
    /// touched first; empty for an unknown edition. With the right `publish` all of them, with the
    /// right `write` one's own.
    async fn desk(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edition's slug; `ar` when nothing is said.")] edition: Option<Slug>,
        #[graphql(desc = "Only those that stand here on their way.")] status: Option<ArticleStatus>,
        #[graphql(desc = "True: only those that the viewer wrote first.")] mine: Option<bool>,
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
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        Article::on_desk(ctx, edition, status, mine.unwrap_or(false), page).await
    }

    /// What moderators look at: the comments under an edition's articles, whoever sees them, oldest
    /// first; empty for an unknown edition. Needs the right `moderate`.
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The edition's slug; `ar` when nothing is said.")] edition: Option<Slug>,
        #[graphql(desc = "Only those that stand here.")] status: Option<CommentStatus>,
        #[graphql(
            desc = "Only those that were reported since they were last decided on (true), or only those that were not (false)."
        )]
        reported: Option<bool>,
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
    ) -> Result<CommentConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        let wanted = Wanted {
            status: status.map(Into::into),
            reported,
        };
        Comment::queue(ctx, edition, wanted, page).await
    }

    /// What the viewer has written, newest first, each in its true status, wherever it stands. Needs
    /// an account.
    async fn my_comments(
        &self,
        ctx: &Context<'_>,
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
    ) -> Result<CommentConnection> {
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        Comment::own(ctx, page).await
    }

    /// Anything by its global id; null when there is no such thing.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id.")] id: ID,
    ) -> Result<Option<Node>> {
        Node::load(ctx, &id).await
    }

    /// Several things by their global ids, in the order of the ids; null in the place of each that
    /// there is not.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global ids, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        let (most, had) = (u64::from(khabar_persistence::Page::MAX), ids.len() as u64);
        if had > most {
            return Err(Error::over_limit(Code::LimitList, "nodes", most, had));
        }
        try_join_all(ids.iter().map(|id| Node::load_or_null(ctx, id))).await
    }
}
