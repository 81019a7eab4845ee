//! Comments as rows, and the threads that they make.

mod report;
mod save;
mod sender;

use std::collections::HashMap;

use khabar_domain::comment::{Status, Text};
use khabar_domain::{
    AccountId, ArticleId, Comment, CommentId, EditionId, Invalid, Name, Right, Scope,
};

use crate::article::published;
use crate::batch::{grouped, lane};
use crate::cache::Kept;
use crate::cells::{columns, stored};
use crate::change::{Noun, Part};
use crate::page::{Lists, Order, Paged, Sorts};
use crate::row::{Row, broken, find_by};
use crate::sql::Sql;
use crate::tally::Counted;
use crate::{BatchKey, Page, Reader, Result, Slice, Tally};

pub use report::ReasonsOf;
pub(crate) use report::table as report_table;
pub use save::{Held, decide, hold, report, save, send};
pub(crate) use save::{rows, touched};
pub use sender::{Sender, keeps_pace};

/// The comment with this id, if the viewer may see it: readers see what is shown under a published
/// article; its writer and the moderators see it wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub CommentId);

impl BatchKey for ById {
    type Value = Comment;

    const FINDS_ONE: bool = true;

    fn is_kept(scope: Scope) -> bool {
        let viewer = scope.viewer;
        viewer.account.is_none() && !viewer.may(Right::Moderate)
    }

    fn keep(&self, value: Option<&Comment>) -> Option<Kept> {
        // Where there is none to be seen, it may be because of an article that is not known.
        let found = value?;
        Some(Kept::of::<Self>(value).on(Noun::Article, found.article))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Comment>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "find comments",
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

/// The comment with this id, whoever asks: for the answer to whoever has just sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sent(pub CommentId);

impl BatchKey for Sent {
    type Value = Comment;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Comment>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "find comments",
            |sql| ("comment t".to_owned(), sql.among("t.id", ids)),
            |found: &Comment| Self(found.id),
        )
        .await
    }
}

/// The condition under which the viewer may be shown a row `t` of `comment`, under the article `v`.
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

/// In which order.
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
    tag: 16,
    column: "posted_at",
    id: "id",
    sorts: Sorts::Times,
    descending: true,
};
const OLDEST: Order = Order {
    tag: 17,
    column: "posted_at",
    id: "id",
    sorts: Sorts::Times,
    descending: false,
};

/// A page of the comments under an article that answer no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle {
    /// Which article.
    pub article: ArticleId,
    /// In which order.
    pub by: By,
    /// Which page.
    pub page: Page,
}

impl BatchKey for OfArticle {
    type Value = Slice<Comment>;

    fn lane(&self) -> u64 {
        lane(&(self.by, self.page))
    }

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Slice<Comment>>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).part(Noun::Article, self.article, Part::Comments))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((by, page), keys) in grouped(keys, |key| (key.by, key.page)) {
            let lists = Lists {
                doing: "page through comments",
                table: "comment",
                parent: Some("article_id"),
                order: by.order(),
                select: &columns::<table::Model>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.article.uuid()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |_| THREADS.to_owned())
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl Paged for OfArticle {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(self.by.order())
    }
}

/// How many comments under an article answer no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOfArticle(pub ArticleId);

impl BatchKey for CountOfArticle {
    type Value = Tally;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Tally>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).part(Noun::Article, self.0, Part::Comments))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = Counted {
            doing: "count comments",
            table: "comment",
            parent: "article_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let counts = counted.of(reader, &parents, |_| THREADS.to_owned()).await?;
        Ok(keys.iter().copied().zip(counts).collect())
    }
}

/// A page of the comments that answer another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RepliesTo {
    /// Which comment they answer.
    pub comment: CommentId,
    /// In which order.
    pub by: By,
    /// Which page.
    pub page: Page,
}

impl BatchKey for RepliesTo {
    type Value = Slice<Comment>;

    fn lane(&self) -> u64 {
        lane(&(self.by, self.page))
    }

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Slice<Comment>>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).part(Noun::Comment, self.comment, Part::Replies))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((by, page), keys) in grouped(keys, |key| (key.by, key.page)) {
            let lists = Lists {
                doing: "page through replies",
                table: "comment",
                parent: Some("parent_id"),
                order: by.order(),
                select: &columns::<table::Model>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.comment.uuid()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |_| SHOWN.to_owned())
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl Paged for RepliesTo {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(self.by.order())
    }
}

const SHOWN: &str = " AND t.shown";
const THREADS: &str = " AND t.shown AND t.parent_id IS NULL";

/// Which comments of an edition moderators look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Only those that stand here.
    pub status: Option<Status>,
    /// Only those that were reported, or only those that were not.
    pub reported: Option<bool>,
}

impl Wanted {
    /// The words are our own, so they stand in the text, where the planner can match them with
    /// partial indexes.
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

/// A page of the comments under an edition's articles, whoever sees them, oldest first: for
/// moderators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Queue {
    /// Which edition.
    pub edition: EditionId,
    /// Which of its comments.
    pub wanted: Wanted,
    /// Which page.
    pub page: Page,
}

impl BatchKey for Queue {
    type Value = Slice<Comment>;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((wanted, page), keys) in grouped(keys, |key| (key.wanted, key.page)) {
            let lists = Lists {
                doing: "page through the moderators' queue",
                table: "comment",
                parent: Some("edition_id"),
                order: &OLDEST,
                select: &columns::<table::Model>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |_| wanted.condition())
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl Paged for Queue {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&OLDEST)
    }
}

/// How many comments under an edition's articles moderators look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountQueue {
    /// Which edition.
    pub edition: EditionId,
    /// Which of its comments.
    pub wanted: Wanted,
}

impl BatchKey for CountQueue {
    type Value = Tally;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = Counted {
            doing: "count the moderators' queue",
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

/// A page of the comments that were sent from an account, whoever sees them, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfAccount {
    /// Whose.
    pub account: AccountId,
    /// Which page.
    pub page: Page,
}

impl BatchKey for OfAccount {
    type Value = Slice<Comment>;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (page, keys) in grouped(keys, |key| key.page) {
            let lists = Lists {
                doing: "page through an account's comments",
                table: "comment",
                parent: Some("account_id"),
                order: &NEWEST,
                select: &columns::<table::Model>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.account.uuid()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |_| String::new())
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl Paged for OfAccount {
    type Item = Comment;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&NEWEST)
    }
}

/// How many comments were sent from an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOfAccount(pub AccountId);

impl BatchKey for CountOfAccount {
    type Value = Tally;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = Counted {
            doing: "count an account's comments",
            table: "comment",
            parent: "account_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let counts = counted.of(reader, &parents, |_| String::new()).await?;
        Ok(keys.iter().copied().zip(counts).collect())
    }
}

stored!(table::Model: id, article_id, parent_id, author_name, text, status, posted_at, reply_count, account_id, address, edited_at, reason, report_count, edition_id, depth, shown, is_staff);

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

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "comment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub article_id: Uuid,
        pub parent_id: Option<Uuid>,
        pub author_name: String,
        pub text: String,
        pub status: String,
        pub posted_at: DateTimeUtc,
        pub reply_count: i64,
        pub account_id: Option<Uuid>,
        pub address: Option<String>,
        pub edited_at: Option<DateTimeUtc>,
        pub reason: Option<String>,
        pub report_count: i64,
        pub edition_id: Uuid,
        pub depth: i32,
        pub shown: bool,
        pub is_staff: Option<bool>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
