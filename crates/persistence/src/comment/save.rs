//! Saving comments, and what a decision about one means for those below it.
//!
//! A comment is shown when it is approved and so is every comment above it. That is kept in its row,
//! so that lists and counts go by one flag; whatever changes it here changes the counts with it.

use std::collections::HashMap;

use khabar_domain::comment::Status;
use khabar_domain::commenting::{Decision, Reason};
use khabar_domain::{AccountId, ArticleId, Comment, CommentId, EditionId, Invalid};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::table;
use crate::change::{Act, Noun, Part};
use crate::row::Row;
use crate::{Doing, Result, Saved, Writer};

/// A comment that nobody else changes until this write has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The comment, whoever sees it.
    pub comment: Comment,
    /// How many comments stand above it.
    pub depth: i32,
    /// Whether readers see it.
    pub shown: bool,
}

/// Those of these comments that there are, whoever sees them; their articles are locked, in the
/// order of their ids, so that two who hold some never wait for each other in a circle.
pub async fn hold(writer: &Writer, ids: &[CommentId]) -> Result<HashMap<CommentId, Held>> {
    let mut articles: Vec<_> = rows_of(writer, ids)
        .await?
        .iter()
        .map(|row| ArticleId::new(row.article_id))
        .collect();
    articles.sort_unstable();
    articles.dedup();
    for article in articles {
        writer.lock_article(article).await?;
    }
    // What was read before may be different now.
    let held = rows_of(writer, ids).await?.into_iter().map(|row| {
        let (depth, shown) = (row.depth, row.shown);
        let comment = row.read()?;
        let held = Held {
            comment,
            depth,
            shown,
        };
        Ok((held.comment.id, held))
    });
    held.collect()
}

async fn rows_of(writer: &Writer, ids: &[CommentId]) -> Result<Vec<table::Model>> {
    use sea_orm::{ColumnTrait, QueryFilter};
    table::Entity::find()
        .filter(table::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
        .all(writer.connection())
        .await
        .doing("find comments")
}

/// Adds it, or changes the one with its id. What it answers stays as it was; counts and what is
/// shown follow.
pub async fn save(writer: &mut Writer, comment: &Comment) -> Result<Saved> {
    send(writer, comment, None).await
}

/// The same for one that is sent without an account, from this address.
pub async fn send(writer: &mut Writer, comment: &Comment, address: Option<&str>) -> Result<Saved> {
    writer.lock_article(comment.article).await?;
    let place = Place::find(writer, comment).await?;
    let row = place.row(comment, address);
    let saved = writer
        .save::<table::Entity, _>("save a comment", row.id, row, |old, new| {
            new.article_id = old.article_id;
            new.parent_id = old.parent_id;
            new.edition_id = old.edition_id;
            new.depth = old.depth;
            new.shown = old.shown;
            new.reply_count = old.reply_count;
            new.report_count = old.report_count;
            new.address.clone_from(&old.address);
            new.is_staff = old.is_staff;
        })
        .await?;
    match saved {
        Saved::Unchanged => {}
        Saved::Added => follow(writer, comment, Act::Added).await?,
        Saved::Changed => follow(writer, comment, Act::Changed).await?,
    }
    Ok(saved)
}

/// Writes down what a moderator decides about a comment; the reports that led to it are dealt with.
pub async fn decide(
    writer: &mut Writer,
    comment: &Comment,
    decision: Decision,
    reason: Option<&Reason>,
) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE comment SET status = {}, reason = {}, report_count = 0 WHERE id = {}",
        sql.bind(decision.leads_to().as_str()),
        sql.bind(reason.map(Reason::as_str)),
        sql.bind(comment.id.uuid())
    );
    writer.run("decide about a comment", sql, text).await?;
    follow(writer, comment, Act::Changed).await
}

/// Writes down that an account reports a comment; an account does so once for the words that stand
/// there, and again when its writer has changed them. Tells whether it is new.
pub async fn report(
    writer: &mut Writer,
    comment: &Comment,
    account: AccountId,
    reason: &Reason,
) -> Result<bool> {
    const DOING: &str = "report a comment";
    let mut sql = writer.sql();
    let values = [
        sql.bind(comment.id.uuid()),
        sql.bind(account.uuid()),
        sql.bind(reason.as_str()),
        sql.bind(writer.at()),
    ];
    let text = format!(
        "INSERT INTO comment_report (comment_id, account_id, reason, at) VALUES ({}) \
         ON CONFLICT (comment_id, account_id) DO UPDATE SET reason = excluded.reason, \
         at = excluded.at WHERE comment_report.at < {}",
        values.join(", "),
        sql.bind(comment.edited_at)
    );
    if writer.run(DOING, sql, text).await? == 0 {
        return Ok(false);
    }
    let mut sql = writer.sql();
    let id = sql.bind(comment.id.uuid());
    let text = format!("UPDATE comment SET report_count = report_count + 1 WHERE id = {id}");
    writer.run(DOING, sql, text).await?;
    let keys = vec![
        Noun::Comment.key(comment.id),
        Noun::Comment.list_key(comment.id, Part::Reports),
    ];
    writer.note(Noun::Comment, comment.id, Act::Changed, keys);
    Ok(true)
}

/// Where a comment stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    edition: Uuid,
    depth: i32,
}

impl Place {
    async fn find(writer: &Writer, comment: &Comment) -> Result<Self> {
        const DOING: &str = "find where a comment stands";
        let refuse = |problem| Err(Invalid::new("the comment", problem).into());
        if comment.parent == Some(comment.id) {
            return refuse("answers itself");
        }
        let mut sql = writer.sql();
        let parent = sql.bind(comment.parent.map(CommentId::uuid));
        let text = format!(
            "SELECT a.edition_id, p.article_id, p.depth FROM article a \
             LEFT JOIN comment p ON p.id = {parent} WHERE a.id = {}",
            sql.bind(comment.article.uuid())
        );
        let rows = writer.rows(DOING, sql, text).await?;
        let Some(row) = rows.first() else {
            return refuse("stands under no article");
        };
        let edition = row.try_get("", "edition_id").doing(DOING)?;
        if comment.parent.is_none() {
            return Ok(Self { edition, depth: 0 });
        }
        let article: Option<Uuid> = row.try_get("", "article_id").doing(DOING)?;
        let above: Option<i32> = row.try_get("", "depth").doing(DOING)?;
        match above {
            Some(above) if article == Some(comment.article.uuid()) => Ok(Self {
                edition,
                depth: above + 1,
            }),
            _ => refuse("answers one that is not under the same article"),
        }
    }

    fn row(self, comment: &Comment, address: Option<&str>) -> table::Model {
        table::Model {
            id: comment.id.uuid(),
            article_id: comment.article.uuid(),
            parent_id: comment.parent.map(Into::into),
            author_name: comment.author_name.as_str().to_owned(),
            text: comment.text.as_str().to_owned(),
            status: comment.status.as_str().to_owned(),
            posted_at: comment.posted_at,
            reply_count: 0,
            account_id: comment.account.map(Into::into),
            address: address.map(str::to_owned),
            edited_at: comment.edited_at,
            reason: comment.reason.clone(),
            report_count: comment.report_count,
            edition_id: self.edition,
            depth: self.depth,
            shown: false,
            is_staff: Some(comment.is_staff),
        }
    }
}

/// The rows of the comments that come with a new article, questions before answers, and how many
/// of them readers see.
pub(crate) fn rows(
    edition: EditionId,
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
        let mut place = Place {
            edition: edition.uuid(),
            depth: 0,
        };
        let mut shown = comment.status == Status::Approved;
        if let Some(parent) = comment.parent {
            let Some(at) = places.get(&parent) else {
                return refuse("answers one that is not before it under the same article");
            };
            let parent: &mut table::Model = &mut rows[*at];
            place.depth = parent.depth + 1;
            shown &= parent.shown;
            parent.reply_count += i64::from(shown);
        }
        places.insert(comment.id, rows.len());
        rows.push(table::Model {
            shown,
            ..place.row(comment, None)
        });
    }
    let seen = rows.iter().filter(|row| row.shown).count();
    Ok((rows, i64::try_from(seen).unwrap_or(i64::MAX)))
}

/// The reading keys that a comment touches beside its own.
pub(crate) fn touched(comment: &Comment) -> Vec<String> {
    let mut keys = vec![Noun::Article.list_key(comment.article, Part::Comments)];
    let parent = comment.parent;
    keys.extend(parent.map(|parent| Noun::Comment.list_key(parent, Part::Replies)));
    keys
}

/// A comment that readers see from now on, or no longer.
struct Turned {
    id: Uuid,
    parent: Option<Uuid>,
}

/// Makes what is shown and what is counted follow what was written of a comment, which is told the
/// change feed first; then those below it that come or go with it.
async fn follow(writer: &mut Writer, comment: &Comment, act: Act) -> Result<()> {
    let (shown, turned) = turn(writer, comment.id.uuid()).await?;
    if !turned.is_empty() {
        count(writer, comment, shown, &turned).await?;
    }
    let gone = !shown && !turned.is_empty();
    let act = if gone { Act::Withdrawn } else { act };
    let mut keys = vec![Noun::Comment.key(comment.id)];
    keys.extend(touched(comment));
    writer.note(Noun::Comment, comment.id, act, keys);
    for below in turned.iter().filter(|one| one.id != comment.id.uuid()) {
        let mut keys = vec![Noun::Comment.key(below.id)];
        keys.extend(
            below
                .parent
                .map(|parent| Noun::Comment.list_key(parent, Part::Replies)),
        );
        let act = if gone { Act::Withdrawn } else { Act::Changed };
        writer.note(Noun::Comment, below.id, act, keys);
    }
    Ok(())
}

/// Brings what is shown in line with a comment's status: of it and of the approved ones that hang
/// on it. Gives what it should be, and whose had to be turned.
async fn turn(writer: &Writer, id: Uuid) -> Result<(bool, Vec<Turned>)> {
    const DOING: &str = "show or hide comments";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT c.status, c.shown, c.parent_id, p.shown AS parent_shown FROM comment c \
         LEFT JOIN comment p ON p.id = c.parent_id WHERE c.id = {}",
        sql.bind(id)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let Some(row) = rows.first() else {
        return Ok((false, Vec::new()));
    };
    let status: String = row.try_get("", "status").doing(DOING)?;
    let was: bool = row.try_get("", "shown").doing(DOING)?;
    let parent: Option<Uuid> = row.try_get("", "parent_id").doing(DOING)?;
    let above: Option<bool> = row.try_get("", "parent_shown").doing(DOING)?;
    let hangs = parent.is_none() || above == Some(true);
    let shown = status == Status::Approved.as_str() && hangs;
    if was == shown {
        return Ok((shown, Vec::new()));
    }
    let mut sql = writer.sql();
    let (root, shown_now) = (sql.bind(id), sql.bind(shown));
    let text = format!(
        "WITH RECURSIVE below (id) AS (SELECT c.id FROM comment c WHERE c.id = {root} UNION ALL \
         SELECT c.id FROM comment c JOIN below b ON c.parent_id = b.id WHERE c.status = 'approved') \
         UPDATE comment SET shown = {shown_now} WHERE id IN (SELECT id FROM below) \
         AND shown <> {shown_now} RETURNING id, parent_id"
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let turned: Result<Vec<_>, _> = rows
        .iter()
        .map(|row| {
            Ok(Turned {
                id: row.try_get("", "id")?,
                parent: row.try_get("", "parent_id")?,
            })
        })
        .collect();
    Ok((shown, turned.doing(DOING)?))
}

/// Tells whoever counts them that so many comments are shown now, or no longer.
async fn count(writer: &Writer, comment: &Comment, shown: bool, turned: &[Turned]) -> Result<()> {
    const DOING: &str = "count an article's comments";
    let many = i64::try_from(turned.len()).unwrap_or(i64::MAX);
    let (by, one) = if shown { (many, 1) } else { (-many, -1) };
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE article SET comment_count = comment_count + {} WHERE id = {}",
        sql.bind(by),
        sql.bind(comment.article.uuid())
    );
    writer.run(DOING, sql, text).await?;
    crate::listing::recount_comments(writer, comment.article.uuid(), by).await?;
    if turned.len() > 1 {
        let mut sql = writer.sql();
        let among = sql.among("id", turned.iter().map(|one| one.id));
        let text = format!(
            "UPDATE comment SET reply_count = (SELECT count(*) FROM comment a \
             WHERE a.parent_id = comment.id AND a.shown) WHERE {among}"
        );
        writer.run(DOING, sql, text).await?;
    }
    if let Some(parent) = comment.parent {
        let mut sql = writer.sql();
        let text = format!(
            "UPDATE comment SET reply_count = reply_count + {} WHERE id = {}",
            sql.bind(one),
            sql.bind(parent.uuid())
        );
        writer.run(DOING, sql, text).await?;
    }
    Ok(())
}
