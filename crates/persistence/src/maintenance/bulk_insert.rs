//! Bulk loading: writes all articles of a newsroom at once, for an archive that is restored or
//! generated.
//!
//! The resulting tables, including the rows of the change feed, match what [`article::save`],
//! [`comment::save`] and [`related::set`] would have written. It takes a fraction of the time: rows
//! are inserted by the thousand with their final counts, and each list's count is updated once.

mod articles;

use std::collections::HashMap;

use khabar_domain::{ArticleId, Comment, RelatedLink, SectionId};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Iterable};
use uuid::Uuid;

use self::articles::Articles;
use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::relations::join_table::{JoinTable, Link};
use crate::relations::list_membership;
use crate::tables::article::{self, Manuscript, body_row, body_table, linked, placements};
use crate::tables::{comment, related};
use crate::{Doing, Result, Saved, WriteTx};

const DOING: &str = "write many articles at once";

/// Maximum number of values in one statement. This is the limit of SQLite. PostgreSQL allows
/// 65,535.
const VALUES: usize = 32_766;
/// Maximum number of rows in one statement. This amounts to a few megabytes of article bodies.
const ROWS: usize = 1_000;

/// A bulk load of articles in one transaction.
///
/// All articles must be new: an existing article is an error. Dropping it without [`Bulk::finish`]
/// rolls everything back.
pub struct Bulk {
    writer: WriteTx,
    articles: Articles,
    bodies: Rows<body_table::Entity>,
    listing: Rows<list_membership::table::Entity>,
    comments: Rows<comment::table::Entity>,
    related: Rows<related::table::Entity>,
    links: Vec<(JoinTable, Vec<Link>)>,
    counts: list_membership::Counts,
    above: HashMap<SectionId, Vec<Uuid>>,
}

impl Bulk {
    /// Starts a bulk load in this transaction. Everything that the articles refer to must already
    /// have been written.
    pub fn new(writer: WriteTx) -> Self {
        Self {
            writer,
            articles: Articles::default(),
            bodies: Rows::default(),
            listing: Rows::default(),
            comments: Rows::default(),
            related: Rows::default(),
            links: Vec::new(),
            counts: list_membership::Counts::default(),
            above: HashMap::new(),
        }
    }

    /// Adds an article with its comments. Each comment must precede its replies.
    pub async fn add(&mut self, manuscript: &Manuscript, comments: &[Comment]) -> Result<()> {
        let article = &manuscript.article;
        let id = article.id.uuid();
        let (comment_rows, seen) = comment::rows(article.edition, article.id, comments)?;
        let mut row = article::table::Model::from(article);
        row.comment_count += seen;
        let above = match article.section {
            Some(section) => self.sections_above(section).await?,
            None => Vec::new(),
        };
        let lines = list_membership::lines(&row, placements(manuscript, &above));
        self.note(manuscript, &lines, comments);
        self.counts.add(&lines, 1);
        self.bodies.0.push(body_row(id, &manuscript.body));
        self.listing.0.extend(lines);
        self.comments.0.extend(comment_rows);
        let mut lists = Vec::new();
        for (place, (links, to)) in linked(manuscript).into_iter().enumerate() {
            let is_listed = links.list.is_some();
            if self.links.len() == place {
                self.links.push((links, Vec::new()));
            }
            self.links[place].1.extend(Link::all(id, &to));
            if is_listed {
                lists.push(to);
            }
        }
        self.articles.push(row, lists);
        // Everything else refers to articles, so it waits until a statement's worth of them is
        // ready.
        if self.articles.is_full() {
            self.write(End::OfStatement).await?;
        }
        Ok(())
    }

    /// Sets the related links of an article that has none yet. The linked articles must already
    /// have been added.
    pub async fn relate(&mut self, from: ArticleId, links: &[RelatedLink]) -> Result<()> {
        if links.is_empty() {
            return Ok(());
        }
        if !self.articles.is_empty() {
            self.write(End::OfAll).await?;
        }
        self.related.0.extend(related::rows(from, links)?);
        let keys = || related::touched(from);
        self.writer
            .note_saved(Saved::Added, EntityKind::Related, from, keys);
        self.related.write(&self.writer, End::OfStatement).await
    }

    /// Writes all remaining rows and the counts. Returns the writer, whose transaction is still
    /// open.
    pub async fn finish(mut self) -> Result<WriteTx> {
        self.write(End::OfAll).await?;
        self.related.write(&self.writer, End::OfAll).await?;
        self.counts.write(&self.writer).await?;
        Ok(self.writer)
    }

    async fn sections_above(&mut self, section: SectionId) -> Result<Vec<Uuid>> {
        if let Some(above) = self.above.get(&section) {
            return Ok(above.clone());
        }
        let above = list_membership::sections_above(&self.writer, section.uuid()).await?;
        self.above.insert(section, above.clone());
        Ok(above)
    }

    fn note(
        &mut self,
        manuscript: &Manuscript,
        lines: &[list_membership::table::Model],
        comments: &[Comment],
    ) {
        let id = manuscript.article.id;
        let slug = &manuscript.article.slug;
        let mut keys = vec![
            CacheTag::one(EntityKind::Article, id),
            CacheTag::part(EntityKind::Article, id, Facet::Text),
            CacheTag::slug(EntityKind::Article, slug),
        ];
        keys.extend(list_membership::touched(lines.iter()));
        self.writer
            .note(EntityKind::Article, id, Operation::Added, keys);
        for comment in comments {
            let keys = || comment::touched(comment);
            self.writer
                .note_saved(Saved::Added, EntityKind::Comment, comment.id, keys);
        }
    }

    /// Writes waiting rows, articles first, because the other rows refer to them.
    async fn write(&mut self, end: End) -> Result<()> {
        let writer = &self.writer;
        self.articles.write(writer, end).await?;
        self.bodies.write(writer, end).await?;
        for (table, waiting) in &mut self.links {
            while let Some(links) = cut(waiting, rows(Link::COLUMNS), end) {
                table.add_links(writer, &links).await?;
            }
        }
        self.listing.write(writer, end).await?;
        self.comments.write(writer, end).await
    }
}

/// The extent of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Write full statements only. With few distinct statement texts, the database caches few
    /// plans.
    OfStatement,
    /// Write everything, down to the last row.
    OfAll,
}

/// The rows of one table that are waiting to be written.
struct Rows<E: EntityTrait>(Vec<E::Model>);

impl<E: EntityTrait> Default for Rows<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E> Rows<E>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    fn most() -> usize {
        rows(E::Column::iter().count())
    }

    async fn write(&mut self, writer: &WriteTx, end: End) -> Result<()> {
        while let Some(rows) = cut(&mut self.0, Self::most(), end) {
            let rows = rows
                .into_iter()
                .map(|row| row.into_active_model().reset_all());
            E::insert_many(rows)
                .exec_without_returning(writer.connection())
                .await
                .doing(DOING)?;
        }
        Ok(())
    }
}

/// Returns the maximum number of rows in one statement for a table with this many columns.
fn rows(columns: usize) -> usize {
    ROWS.min(VALUES / columns)
}

/// Takes the rows for the next statement, or `None` if too few are waiting.
fn cut<T>(waiting: &mut Vec<T>, most: usize, end: End) -> Option<Vec<T>> {
    let enough = match end {
        End::OfStatement => most,
        End::OfAll => 1,
    };
    (waiting.len() >= enough).then(|| {
        let rest = waiting.split_off(most.min(waiting.len()));
        std::mem::replace(waiting, rest)
    })
}
