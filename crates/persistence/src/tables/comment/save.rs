//! Saves comments, and applies moderation decisions to the replies below them.
//!
//! A comment is shown if it and all comments above it are approved. This is stored as a flag in its
//! row, so that lists and counts filter by one column. Every change to the flag here updates the counts
//! as well.

use std::collections::HashMap;

use khabar_domain::comment::Status;
use khabar_domain::commenting::{Decision, Reason};
use khabar_domain::{AccountId, ArticleId, Comment, CommentId, EditionId, Invalid};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::table;
use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::query::decode::Row;
use crate::{Doing, Result, Saved, WriteTx};

/// A comment that is locked against changes by other writers until the transaction ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedComment {
    /// The comment, in any status.
    pub comment: Comment,
    /// The number of comments above it in the thread.
    pub depth: i32,
    /// Whether the comment is shown to readers.
    pub shown: bool,
}

/// Locks the articles of these comments and returns the comments that exist, in any status. The
/// articles are locked in the order of their ids, so that concurrent writers cannot deadlock.
pub async fn lock(
    writer: &WriteTx,
    ids: &[CommentId],
) -> Result<HashMap<CommentId, LockedComment>> {
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
    // The comments may have changed before the locks were acquired.
    let locked = rows_of(writer, ids).await?.into_iter().map(|row| {
        let (depth, shown) = (row.depth, row.shown);
        let comment = row.read()?;
        let locked = LockedComment {
            comment,
            depth,
            shown,
        };
        Ok((locked.comment.id, locked))
    });
    locked.collect()
}

async fn rows_of(writer: &WriteTx, ids: &[CommentId]) -> Result<Vec<table::Model>> {
    use sea_orm::{ColumnTrait, QueryFilter};
    table::Entity::find()
        .filter(table::Column::Id.is_in(ids.iter().map(|id| id.uuid())))
        .all(writer.connection())
        .await
        .doing("find comments")
}

/// Adds the comment, or updates the one with its id. An update does not move it to another article or
/// parent. Counts and visibility are updated.
pub async fn save(writer: &mut WriteTx, comment: &Comment) -> Result<Saved> {
    send(writer, comment, None).await
}

/// Saves a comment as [`save`] does. `address` is stored with a new comment that a guest sends. An
/// update retains the stored address.
pub async fn send(writer: &mut WriteTx, comment: &Comment, address: Option<&str>) -> Result<Saved> {
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
        Saved::Added => follow(writer, comment, Operation::Added).await?,
        Saved::Changed => follow(writer, comment, Operation::Changed).await?,
    }
    Ok(saved)
}

/// Stores a moderator's decision about a comment, with its reason. Resets the report count, because the
/// decision settles the reports that led to it.
pub async fn decide(
    writer: &mut WriteTx,
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
    follow(writer, comment, Operation::Changed).await
}

/// Stores an account's report of a comment. An account can report the same text only once, and again
/// after the text was edited. Returns whether the report is new.
pub async fn report(
    writer: &mut WriteTx,
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
        CacheTag::one(EntityKind::Comment, comment.id),
        CacheTag::part(EntityKind::Comment, comment.id, Facet::Reports),
    ];
    writer.note(EntityKind::Comment, comment.id, Operation::Changed, keys);
    Ok(true)
}

/// The edition and thread depth of a comment.
#[derive(Clone, Copy)]
pub(super) struct Place {
    edition: Uuid,
    depth: i32,
}

impl Place {
    async fn find(writer: &WriteTx, comment: &Comment) -> Result<Self> {
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

/// Builds the rows of the comments of a new article. Each parent must come before its replies. Returns
/// the rows and the number of comments shown to readers.
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

/// Returns the cache tags that a comment touches in addition to its own.
pub(crate) fn touched(comment: &Comment) -> Vec<CacheTag> {
    let mut keys = vec![CacheTag::part(
        EntityKind::Article,
        comment.article,
        Facet::Comments,
    )];
    let parent = comment.parent;
    keys.extend(parent.map(|parent| CacheTag::part(EntityKind::Comment, parent, Facet::Replies)));
    keys
}

/// A comment whose visibility to readers has changed.
struct Turned {
    id: Uuid,
    parent: Option<Uuid>,
}

/// Updates visibility and counts after a comment was written. Notes the comment in the change feed
/// first, then the replies that are shown or hidden with it.
async fn follow(writer: &mut WriteTx, comment: &Comment, act: Operation) -> Result<()> {
    let (shown, turned) = turn(writer, comment.id.uuid()).await?;
    if !turned.is_empty() {
        count(writer, comment, shown, &turned).await?;
    }
    let gone = !shown && !turned.is_empty();
    let act = if gone { Operation::Withdrawn } else { act };
    let mut keys = vec![CacheTag::one(EntityKind::Comment, comment.id)];
    keys.extend(touched(comment));
    writer.note(EntityKind::Comment, comment.id, act, keys);
    for below in turned.iter().filter(|one| one.id != comment.id.uuid()) {
        let mut keys = vec![CacheTag::one(EntityKind::Comment, below.id)];
        keys.extend(
            below
                .parent
                .map(|parent| CacheTag::part(EntityKind::Comment, parent, Facet::Replies)),
        );
        let act = if gone {
            Operation::Withdrawn
        } else {
            Operation::Changed
        };
        writer.note(EntityKind::Comment, below.id, act, keys);
    }
    Ok(())
}

/// Updates the visibility of a comment, and of the approved replies below it, to match its status.
/// Returns whether the comment should be shown, and the comments whose visibility has changed.
async fn turn(writer: &WriteTx, id: Uuid) -> Result<(bool, Vec<Turned>)> {
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

/// Updates the comment count of the article and the reply counts after the visibility of the comments
/// in `turned` has changed.
async fn count(writer: &WriteTx, comment: &Comment, shown: bool, turned: &[Turned]) -> Result<()> {
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
    crate::relations::list_membership::recount_comments(writer, comment.article.uuid(), by).await?;
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
