//! Database rows of comments, and the threads that they form.

mod rate_limit;
mod report;
mod save;

use std::collections::HashMap;

use khabar_domain::comment::{Status, Text};
use khabar_domain::{
    AccountId, ArticleId, Comment, CommentId, EditionId, Invalid, Name, Right, Scope,
};
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{EntityKind, Facet};
use crate::query::count::CountQuery;
use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::lookup::find_by;
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::broken;
use crate::query::sql::Sql;
use crate::query::table::table;
use crate::session::batch::{group_hash, grouped};
use crate::tables::article::published;
use crate::{BatchKey, Page, ReadSession, Result, Slice, Tally};

pub use rate_limit::{Sender, keeps_pace};
pub use report::ReasonsOf;
pub(crate) use report::table as report_table;
pub use save::{LockedComment, decide, lock, report, save, send};
pub(crate) use save::{rows, touched};

/// The comment with this id, if the viewer may see it. Readers see comments shown under a published
/// article. The commenter and moderators see the comment in any status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub CommentId);

impl BatchKey for ById {
    type Value = Comment;

    const FINDS_ONE: bool = true;

    fn is_cacheable(scope: Scope) -> bool {
        let viewer = scope.viewer;
        viewer.account.is_none() && !viewer.may(Right::Moderate)
    }

    fn cache_meta(&self, value: Option<&Comment>) -> Option<CacheMeta> {
        // A miss is not cached: it may depend on an article that is not known here.
        let found = value?;
        Some(CacheMeta::of(value).on(EntityKind::Article, found.article))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Comment>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "comment.by_id",
            |sql| {
                let from = "comment t JOIN article v ON v.id = t.article_id".to_owned();
                let condition = [sql.among("t.id", ids), visible(reader.scope(), sql)];
                (from, condition.join(" AND "))
            },
            |found: &Comment| Self(found.id),
        )
        .await
    }
}

/// The comment with this id, regardless of the viewer. Used to answer the client that has just sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JustPosted(pub CommentId);

impl BatchKey for JustPosted {
    type Value = Comment;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Comment>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "comment.by_id",
            |sql| ("comment t".to_owned(), sql.among("t.id", ids)),
            |found: &Comment| Self(found.id),
        )
        .await
    }
}

/// Builds the condition for showing the viewer a row `t` of `comment` under the article `v`.
fn visible(scope: Scope, sql: &mut Sql) -> String {
    let viewer = scope.viewer;
    if viewer.may(Right::Moderate) {
        return "true".to_owned();
    }
    let shown = format!("t.shown AND {}", published("v"));
    match viewer.account {
        None => shown,
        Some(account) => format!("({shown} OR t.account_id = {})", sql.bind(account.uuid())),
    }
}

/// The sort order of comments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum By {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

impl By {
    const fn order(self) -> &'static Order {
        match self {
            Self::Newest => &NEWEST,
            Self::Oldest => &OLDEST,
        }
    }
}

const NEWEST: Order = Order {
    source: Source::CommentsNewestFirst,
    column: "posted_at",
    id: "id",
    sorts: SortKind::Times,
    descending: true,
};
const OLDEST: Order = Order {
    source: Source::CommentsOldestFirst,
    column: "posted_at",
    id: "id",
    sorts: SortKind::Times,
    descending: false,
};

/// A list of comments that have the same parent.
struct CommentList {
    query: &'static str,
    /// The column with the id of the parent.
    parent: &'static str,
}

/// The part of a list that a key selects. Keys that select alike are answered by one statement.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Selection {
    by: By,
    page: Page,
    condition: String,
}

impl CommentList {
    /// Reads the page that each key selects of its parent's list.
    async fn pages<K: BatchKey>(
        &self,
        reader: &ReadSession,
        keys: &[K],
        parent: impl Fn(&K) -> Uuid,
        selection: impl Fn(&K) -> Selection,
    ) -> Result<HashMap<K, Slice<Comment>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (selection, keys) in grouped(keys, selection) {
            let lists = KeysetQuery {
                query: self.query,
                table: "comment",
                parent: Some(self.parent),
                order: selection.by.order(),
                select: &columns::<table::Model>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(&parent).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, selection.page, |_| selection.condition)
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

/// A page of the top-level comments shown under an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle {
    /// The article.
    pub article: ArticleId,
    /// The sort order of comments.
    pub by: By,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for OfArticle {
    type Value = Slice<Comment>;

    fn group_hash(&self) -> u64 {
        group_hash(&(self.by, self.page))
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Slice<Comment>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Article, self.article, Facet::Comments))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let lists = CommentList {
            query: "comment.of_article",
            parent: "article_id",
        };
        let selection = |key: &Self| Selection {
            by: key.by,
            page: key.page,
            condition: THREADS.to_owned(),
        };
        let parent = |key: &Self| key.article.uuid();
        lists.pages(reader, keys, parent, selection).await
    }
}

impl PageKey for OfArticle {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(self.by.order())
    }
}

/// The number of top-level comments shown under an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOfArticle(pub ArticleId);

impl BatchKey for CountOfArticle {
    type Value = Tally;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Tally>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Article, self.0, Facet::Comments))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = CountQuery {
            query: "comment.count_of_article",
            table: "comment",
            parent: "article_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let counts = counted.of(reader, &parents, |_| THREADS.to_owned()).await?;
        Ok(keys.iter().copied().zip(counts).collect())
    }
}

/// A page of the replies shown under a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RepliesTo {
    /// The comment replied to.
    pub comment: CommentId,
    /// The sort order of comments.
    pub by: By,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for RepliesTo {
    type Value = Slice<Comment>;

    fn group_hash(&self) -> u64 {
        group_hash(&(self.by, self.page))
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Slice<Comment>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Comment, self.comment, Facet::Replies))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let lists = CommentList {
            query: "comment.replies",
            parent: "parent_id",
        };
        let selection = |key: &Self| Selection {
            by: key.by,
            page: key.page,
            condition: SHOWN.to_owned(),
        };
        let parent = |key: &Self| key.comment.uuid();
        lists.pages(reader, keys, parent, selection).await
    }
}

impl PageKey for RepliesTo {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(self.by.order())
    }
}

const SHOWN: &str = " AND t.shown";
const THREADS: &str = " AND t.shown AND t.parent_id IS NULL";

/// A filter for the comments listed for moderators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QueueFilter {
    /// Only comments with this status.
    pub status: Option<Status>,
    /// Only comments with open reports (`true`) or without any (`false`).
    pub reported: Option<bool>,
}

impl QueueFilter {
    /// Builds the SQL condition. The values are constants of this program and are written into the
    /// statement, where the planner can match them with partial indexes.
    fn condition(self) -> String {
        let status = self.status.map(Status::as_str);
        let status = status.map(|status| format!(" AND t.status = '{status}'"));
        let reported = match self.reported {
            None => "",
            Some(true) => " AND t.report_count > 0",
            Some(false) => " AND t.report_count = 0",
        };
        status.unwrap_or_default() + reported
    }
}

/// A page of the comments under an edition's articles in any status, oldest first. For moderators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Queue {
    /// The edition.
    pub edition: EditionId,
    /// The filter to apply.
    pub wanted: QueueFilter,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for Queue {
    type Value = Slice<Comment>;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let lists = CommentList {
            query: "comment.queue",
            parent: "edition_id",
        };
        let selection = |key: &Self| Selection {
            by: By::Oldest,
            page: key.page,
            condition: key.wanted.condition(),
        };
        let parent = |key: &Self| key.edition.uuid();
        lists.pages(reader, keys, parent, selection).await
    }
}

impl PageKey for Queue {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&OLDEST)
    }
}

/// The number of comments under an edition's articles that match a filter. For moderators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountQueue {
    /// The edition.
    pub edition: EditionId,
    /// The filter to apply.
    pub wanted: QueueFilter,
}

impl BatchKey for CountQueue {
    type Value = Tally;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = CountQuery {
            query: "comment.count_queue",
            table: "comment",
            parent: "edition_id",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for (wanted, keys) in grouped(keys, |key| key.wanted) {
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let counts = counted.of(reader, &parents, |_| wanted.condition()).await?;
            found.extend(keys.into_iter().zip(counts));
        }
        Ok(found)
    }
}

/// A page of the comments sent from an account in any status, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfAccount {
    /// The account.
    pub account: AccountId,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for OfAccount {
    type Value = Slice<Comment>;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let lists = CommentList {
            query: "comment.of_account",
            parent: "account_id",
        };
        let selection = |key: &Self| Selection {
            by: By::Newest,
            page: key.page,
            condition: String::new(),
        };
        let parent = |key: &Self| key.account.uuid();
        lists.pages(reader, keys, parent, selection).await
    }
}

impl PageKey for OfAccount {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&NEWEST)
    }
}

/// The number of comments sent from an account, in any status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOfAccount(pub AccountId);

impl BatchKey for CountOfAccount {
    type Value = Tally;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = CountQuery {
            query: "comment.count_of_account",
            table: "comment",
            parent: "account_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let counts = counted.of(reader, &parents, |_| String::new()).await?;
        Ok(keys.iter().copied().zip(counts).collect())
    }
}

impl Cacheable for Comment {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Replies);
        meta.text(self.author_name.as_str());
        meta.text(self.text.as_str());
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "comment";
    type Means = Comment;

    fn read(self) -> Result<Comment> {
        let broken = |column| broken("comment", column, self.id);
        Ok(Comment {
            id: self.id.into(),
            article: self.article_id.into(),
            parent: self.parent_id.map(Into::into),
            account: self.account_id.map(Into::into),
            author_name: Name::parse(&self.author_name).map_err(broken("author_name"))?,
            text: Text::parse(&self.text).map_err(broken("text"))?,
            status: Status::parse(&self.status).map_err(broken("status"))?,
            reason: self.reason,
            posted_at: self.posted_at,
            edited_at: self.edited_at,
            reply_count: self.reply_count,
            report_count: self.report_count,
            is_staff: self.is_staff.unwrap_or_default(),
        })
    }
}

table! {
    mod table = "comment", entity Comment with lists [Replies], parent parent_id;
    key id: Uuid;
    article_id: Uuid,
    parent_id: Option<Uuid>,
    author_name: String,
    text: String,
    status: String,
    posted_at: DateTimeUtc,
    reply_count: i64,
    account_id: Option<Uuid>,
    // The sender's network address, used to count the comments sent from it within a day.
    address: Option<String> as private,
    edited_at: Option<DateTimeUtc>,
    reason: Option<String>,
    report_count: i64,
    edition_id: Uuid as nullable,
    depth: i32,
    shown: bool,
    is_staff: Option<bool>,
}
