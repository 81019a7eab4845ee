//! A comment, as the API shows it.

use async_graphql::{Context, ID, Object};
use khabar_persistence::comment::By;
use khabar_persistence::{article, comment};

use super::Article;
use crate::connection::{Connection, Listed, Paging, Plain, Total};
use crate::error::Result;
use crate::input::CommentOrder;
use crate::node;
use crate::scalar::{DateTime, count};
use crate::scope::Asked;

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment(pub khabar_domain::Comment);

/// What a reader wrote under an article, or under another comment.
#[Object]
impl Comment {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// How its writer signed.
    fn author_name(&self) -> &str {
        self.0.author_name.as_str()
    }

    /// The words, as plain text.
    fn text(&self) -> &str {
        self.0.text.as_str()
    }

    /// When it was sent.
    fn posted_at(&self) -> DateTime {
        DateTime(self.0.posted_at)
    }

    /// The article that it stands under; null when that has been taken back meanwhile.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<Article>> {
        Ok(ctx.load(article::ById(self.0.article)).await?.map(Article))
    }

    /// The comment that it answers; null when it answers none.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Self>> {
        let Some(id) = self.0.parent else {
            return Ok(None);
        };
        Ok(ctx.load(comment::ById(id)).await?.map(Comment))
    }

    /// How many comments answer it directly.
    fn reply_count(&self) -> i32 {
        count(self.0.reply_count)
    }

    /// The comments that answer it directly.
    async fn replies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which order; oldest first when nothing is said.")] order_by: Option<
            CommentOrder,
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
    ) -> Result<CommentConnection> {
        let key = comment::RepliesTo {
            comment: self.0.id,
            by: Self::order(order_by, CommentOrder::Oldest),
            page: Paging {
                first,
                after,
                last,
                before,
            }
            .page()?,
        };
        Connection::load(ctx, key, Total::Known(self.0.reply_count)).await
    }
}

/// A page of a list of comments.
pub type CommentConnection = Connection<Plain<Comment>>;

impl Listed for Comment {
    type Item = khabar_domain::Comment;
    const EDGE: &'static str = "CommentEdge";
    const CONNECTION: &'static str = "CommentConnection";
    const ABOUT: &'static str = "A page of a list of comments.";
}

impl Comment {
    /// The order that was asked for, or the usual one.
    pub(crate) fn order(asked: Option<CommentOrder>, usual: CommentOrder) -> By {
        asked.unwrap_or(usual).into()
    }
}

impl From<khabar_domain::Comment> for Comment {
    fn from(comment: khabar_domain::Comment) -> Self {
        Self(comment)
    }
}
