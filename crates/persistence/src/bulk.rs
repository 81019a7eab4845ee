//! Bulk: a whole newsroom's articles written at once, for an archive that is restored or generated.
//!
//! What stands in the tables afterwards is what [`article::save`], [`comment::save`] and
//! [`related::set`] would have left, the rows of the change feed included. It takes a fraction of
//! the time: rows go out by the thousand, each already with its final counts, and every list is
//! told its count once.

use std::collections::HashMap;

use khabar_domain::{ArticleId, Comment, RelatedLink, SectionId};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Iterable};
use uuid::Uuid;

use crate::article::{self, Manuscript, body_row, body_table, linked, placements};
use crate::change::{Act, Noun, Part};
use crate::link::{Link, Links};
use crate::{Doing, Result, Saved, Writer, comment, listing, related};

const DOING: &str = "write many articles at once";

/// How many values one statement may carry: what SQLite takes; PostgreSQL takes 65,535.
const VALUES: usize = 32_766;
/// How many rows one statement has at most: some megabytes of bodies.
const ROWS: usize = 1_000;

/// Articles on their way into the database, in one transaction. All of them are new: one that is
/// there already is an error. Dropped without [`Bulk::finish`], it leaves nothing.
pub struct Bulk {
    writer: Writer,
    articles: Rows<article::table::Entity>,
    bodies: Rows<body_table::Entity>,
    listing: Rows<listing::table::Entity>,
    comments: Rows<comment::table::Entity>,
    related: Rows<related::table::Entity>,
    links: Vec<(Links, Vec<Link>)>,
    counts: listing::Counts,
    above: HashMap<SectionId, Vec<Uuid>>,
}

impl Bulk {
    /// Goes on in this transaction; whatever the articles refer to has been written.
    pub fn new(writer: Writer) -> Self {
        Self {
            writer,
            articles: Rows::default(),
            bodies: Rows::default(),
            listing: Rows::default(),
            comments: Rows::default(),
            related: Rows::default(),
            links: Vec::new(),
            counts: listing::Counts::default(),
            above: HashMap::new(),
        }
    }

    /// Adds an article with the comments under it, questions before answers.
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
        let lines = listing::lines(&row, placements(manuscript, &above));
        self.note(manuscript, &lines, comments);
        self.counts.add(&lines, 1);
        self.articles.0.push(row);
        self.bodies.0.push(body_row(id, &manuscript.body));
        self.listing.0.extend(lines);
        self.comments.0.extend(comment_rows);
        for (place, (links, to)) in linked(manuscript).into_iter().enumerate() {
            if self.links.len() == place {
                self.links.push((links, Vec::new()));
            }
            self.links[place].1.extend(Link::all(id, &to));
        }
        // Everything else refers to articles, so it waits for a full statement of these.
        if self.articles.is_full() {
            self.write(End::OfStatement).await?;
        }
        Ok(())
    }

    /// Makes these the related links of an article, which has none; where they lead was added.
    pub async fn relate(&mut self, from: ArticleId, links: &[RelatedLink]) -> Result<()> {
        if links.is_empty() {
            return Ok(());
        }
        if !self.articles.0.is_empty() {
            self.write(End::OfAll).await?;
        }
        self.related.0.extend(related::rows(from, links)?);
        let keys = || related::touched(from);
        self.writer
            .note_saved(Saved::Added, Noun::Related, from, keys);
        self.related.write(&self.writer, End::OfStatement).await
    }

    /// Writes what still waits, and the counts; the transaction goes on.
    pub async fn finish(mut self) -> Result<Writer> {
        self.write(End::OfAll).await?;
        self.related.write(&self.writer, End::OfAll).await?;
        self.counts.write(&self.writer).await?;
        Ok(self.writer)
    }

    async fn sections_above(&mut self, section: SectionId) -> Result<Vec<Uuid>> {
        if let Some(above) = self.above.get(&section) {
            return Ok(above.clone());
        }
        let above = listing::sections_above(&self.writer, section.uuid()).await?;
        self.above.insert(section, above.clone());
        Ok(above)
    }

    fn note(
        &mut self,
        manuscript: &Manuscript,
        lines: &[listing::table::Model],
        comments: &[Comment],
    ) {
        let id = manuscript.article.id;
        let slug = &manuscript.article.slug;
        let mut keys = vec![
            Noun::Article.key(id),
            Noun::Article.list_key(id, Part::Text),
            Noun::Article.slug_key(slug),
        ];
        keys.extend(listing::touched(lines.iter()));
        self.writer.note(Noun::Article, id, Act::Added, keys);
        for comment in comments {
            let keys = || comment::touched(comment);
            self.writer
                .note_saved(Saved::Added, Noun::Comment, comment.id, keys);
        }
    }

    /// Articles first: the others refer to them.
    async fn write(&mut self, end: End) -> Result<()> {
        let writer = &self.writer;
        self.articles.write(writer, end).await?;
        self.bodies.write(writer, end).await?;
        for (table, waiting) in &mut self.links {
            while let Some(links) = cut(waiting, rows(Link::COLUMNS), end) {
                table.add(writer, &links).await?;
            }
        }
        self.listing.write(writer, end).await?;
        self.comments.write(writer, end).await
    }
}

/// How far to write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// As far as there are full statements: with few texts, the database keeps few plans.
    OfStatement,
    /// To the last row.
    OfAll,
}

/// The rows of one table that wait to be written.
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

    fn is_full(&self) -> bool {
        self.0.len() >= Self::most()
    }

    async fn write(&mut self, writer: &Writer, end: End) -> Result<()> {
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

/// How many rows of so many columns one statement carries.
fn rows(columns: usize) -> usize {
    ROWS.min(VALUES / columns)
}

/// Takes the rows of the next statement.
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
