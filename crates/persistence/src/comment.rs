//! Comments as rows, and the threads that they make.

use std::collections::HashMap;

use khabar_domain::comment::{Status, Text};
use khabar_domain::{ArticleId, Comment, CommentId, Invalid, Name};
use sea_orm::EntityTrait;

use crate::article::visible;
use crate::batch::grouped;
use crate::change::Noun;
use crate::page::{Counted, Lists, Order, Paged, Sorts};
use crate::row::{Row, broken, find_by};
use crate::sql::columns;
use crate::{BatchKey, Doing, Page, Reader, Result, Saved, Slice, Writer};

/// The comment with this id, if readers see it and the viewer may see its article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub CommentId);

impl BatchKey for ById {
    type Value = Comment;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Comment>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        let visible = visible(reader.scope(), "v");
        find_by::<table::Entity, _, _>(
            reader,
            "find comments",
            |sql| {
                let from = "comment t JOIN article v ON v.id = t.article_id".to_owned();
                (
                    from,
                    format!(
                        "{} AND t.status = 'approved' AND {visible}",
                        sql.among("t.id", ids)
                    ),
                )
            },
            |found: &Comment| Self(found.id),
        )
        .await
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

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((by, page), keys) in grouped(keys, |key| (key.by, key.page)) {
            let lists = Lists {
                doing: "page through comments",
                table: "comment",
                parent: "article_id",
                order: by.order(),
                select: &columns::<table::Entity>("t"),
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
    type Value = i64;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, i64>> {
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

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Comment>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((by, page), keys) in grouped(keys, |key| (key.by, key.page)) {
            let lists = Lists {
                doing: "page through replies",
                table: "comment",
                parent: "parent_id",
                order: by.order(),
                select: &columns::<table::Entity>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.comment.uuid()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |_| APPROVED.to_owned())
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

const APPROVED: &str = " AND t.status = 'approved'";
const THREADS: &str = " AND t.status = 'approved' AND t.parent_id IS NULL";

/// Adds it, or changes the one with its id; the counts of its article and of the comment that it
/// answers follow.
pub async fn save(writer: &mut Writer, comment: &Comment) -> Result<Saved> {
    const DOING: &str = "save a comment";
    if let Some(parent) = comment.parent {
        let found = table::Entity::find_by_id(parent.uuid())
            .one(writer.connection())
            .await
            .doing(DOING)?;
        if found.is_none_or(|found| found.article_id != comment.article.uuid()) {
            return Err(Invalid::new(
                "the comment",
                "answers one that is not under the same article",
            )
            .into());
        }
    }
    let row = table::Model::from(comment);
    let mut added = shown(&row);
    let saved = writer
        .save::<table::Entity, _>(DOING, row.id, row, |old, new| {
            new.reply_count = old.reply_count;
            new.article_id = old.article_id;
            new.parent_id = old.parent_id;
            added -= shown(old);
        })
        .await?;
    if added != 0 {
        count(writer, comment, added).await?;
    }
    writer.note_saved(saved, Noun::Comment, comment.id, || {
        touched(comment, added != 0)
    });
    Ok(saved)
}

/// Whether readers see it.
pub(crate) fn is_shown(row: &table::Model) -> bool {
    row.status == Status::Approved.as_str()
}

fn shown(row: &table::Model) -> i64 {
    i64::from(is_shown(row))
}

/// The reading keys that a comment touches beside its own.
pub(crate) fn touched(comment: &Comment, counts: bool) -> Vec<String> {
    let mut keys = vec![Noun::Article.list_key(comment.article, "comments")];
    keys.extend(counts.then(|| Noun::Article.key(comment.article)));
    keys.extend(
        comment
            .parent
            .map(|parent| Noun::Comment.list_key(parent, "replies")),
    );
    keys
}

/// The rows of the comments that come with a new article, questions before answers, and how many
/// of them readers see.
pub(crate) fn rows(
    article: ArticleId,
    comments: &[Comment],
) -> Result<(Vec<table::Model>, i64), Invalid> {
    let refuse = |problem| Err(Invalid::new("the comment", problem));
    let mut rows: Vec<table::Model> = Vec::with_capacity(comments.len());
    let mut places = HashMap::with_capacity(comments.len());
    for comment in comments {
        if comment.article != article {
            return refuse("stands under another article");
        }
        let row = table::Model::from(comment);
        if let Some(parent) = comment.parent {
            let Some(place) = places.get(&parent) else {
                return refuse("answers one that is not before it under the same article");
            };
            let parent: &mut table::Model = &mut rows[*place];
            parent.reply_count += shown(&row);
        }
        places.insert(comment.id, rows.len());
        rows.push(row);
    }
    let seen = rows.iter().map(shown).sum();
    Ok((rows, seen))
}

async fn count(writer: &Writer, comment: &Comment, added: i64) -> Result<()> {
    const DOING: &str = "count an article's comments";
    let mut sql = writer.sql();
    let (by, id) = (sql.bind(added), sql.bind(comment.article.uuid()));
    let text = format!("UPDATE article SET comment_count = comment_count + {by} WHERE id = {id}");
    writer.run(DOING, sql, text).await?;
    crate::listing::recount_comments(writer, comment.article.uuid(), added).await?;
    if let Some(parent) = comment.parent {
        let mut sql = writer.sql();
        let (by, id) = (sql.bind(added), sql.bind(parent.uuid()));
        let text = format!("UPDATE comment SET reply_count = reply_count + {by} WHERE id = {id}");
        writer.run(DOING, sql, text).await?;
    }
    Ok(())
}

impl From<&Comment> for table::Model {
    fn from(comment: &Comment) -> Self {
        Self {
            id: comment.id.uuid(),
            article_id: comment.article.uuid(),
            parent_id: comment.parent.map(Into::into),
            author_name: comment.author_name.as_str().to_owned(),
            text: comment.text.as_str().to_owned(),
            status: comment.status.as_str().to_owned(),
            posted_at: comment.posted_at,
            reply_count: comment.reply_count,
        }
    }
}

impl Row for table::Model {
    type Means = Comment;

    fn read(self) -> Result<Comment> {
        let broken = |column| broken("comment", column, self.id);
        Ok(Comment {
            id: self.id.into(),
            article: self.article_id.into(),
            parent: self.parent_id.map(Into::into),
            author_name: Name::parse(&self.author_name).map_err(broken("author_name"))?,
            text: Text::parse(&self.text).map_err(broken("text"))?,
            status: Status::parse(&self.status).map_err(broken("status"))?,
            posted_at: self.posted_at,
            reply_count: self.reply_count,
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
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
