//! The merge stage: stores the content of a page in the existing database.
//!
//! Content of the page is added or updated. Everything else remains unchanged, so nothing that an editor
//! added is lost. IDs are derived from the text of the page. Merging is therefore idempotent: merging the
//! same page again changes nothing.

mod around;
mod article;
mod story;

use std::collections::BTreeMap;

use khabar_domain::edition::Labels;
use khabar_domain::story::Kind;
use khabar_domain::{ArticleId, Edition, EditionId, Slug, derived};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Error, Saved, WriteTx, edition, slug};
use uuid::Uuid;

use super::clean::Page;
use super::title::key;

/// The result of merging a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The slug of the edition that the page was merged into.
    pub edition: Slug,
    /// The ID of the page's main article.
    pub article: ArticleId,
    /// The number of objects created: articles, stories, sections and so on.
    pub added: usize,
    /// The number of existing objects that were updated.
    pub changed: usize,
    /// The number of existing objects that were already up to date.
    pub unchanged: usize,
}

/// Merges a page into the database. The caller must commit the transaction.
///
/// `kinds` maps story titles to kinds, for stories whose titles do not indicate one. Without either, an
/// existing story retains its kind, and a new one is [`Kind::Running`].
pub async fn merge(
    writer: &mut WriteTx,
    page: &Page,
    kinds: &BTreeMap<String, Kind>,
) -> Result<Imported, Error> {
    let mut merger = PageMerger::open(writer, page).await?;
    around::merge(&mut merger, page).await?;
    story::merge(&mut merger, page, kinds).await?;
    let article = article::merge(&mut merger, page).await?;
    let Tally {
        added,
        changed,
        unchanged,
    } = merger.tally;
    Ok(Imported {
        edition: merger.slug,
        article,
        added,
        changed,
        unchanged,
    })
}

/// The state of a merge: the edition, the open transaction, and the counts so far.
struct PageMerger<'a> {
    writer: &'a mut WriteTx,
    edition: EditionId,
    slug: Slug,
    tally: Tally,
}

impl<'a> PageMerger<'a> {
    /// Finds or creates the edition of the page, and updates its labels.
    async fn open(writer: &'a mut WriteTx, page: &Page) -> Result<Self, Error> {
        let slug = Slug::parse(page.language.as_str())?;
        let merged = match edition::find_by_slug(writer, &slug).await? {
            Some(old) => Edition {
                labels: over(&page.labels, old.labels),
                ..old
            },
            None => Edition {
                id: EditionId::new(derived("edition", &[slug.as_str()])),
                slug: slug.clone(),
                name: page.edition.clone(),
                language: page.language.clone(),
                direction: page.language.direction(),
                labels: page.labels.clone(),
                article_count: 0,
            },
        };
        let mut tally = Tally::default();
        tally.add(edition::save(writer, &merged).await?);
        Ok(Self {
            writer,
            edition: merged.id,
            slug,
            tally,
        })
    }

    /// Derives the ID of an object in the edition from its kind and identifying texts. Differences that
    /// [`key`] ignores do not matter.
    fn id<T: From<Uuid>>(&self, kind: &str, words: &[&str]) -> T {
        let words: Vec<_> = words.iter().map(|words| key(words)).collect();
        let parts = std::iter::once(self.slug.as_str()).chain(words.iter().map(String::as_str));
        derived(kind, &parts.collect::<Vec<_>>()).into()
    }
}

/// Returns the labels of the page, with missing ones taken from the old labels.
fn over(page: &Labels, old: Labels) -> Labels {
    Labels {
        live: page.live.clone().or(old.live),
        follow: page.follow.clone().or(old.follow),
        sections: page.sections.clone().or(old.sections),
        stories: page.stories.clone().or(old.stories),
        comments: page.comments.clone().or(old.comments),
    }
}

#[derive(Debug, Default)]
struct Tally {
    added: usize,
    changed: usize,
    unchanged: usize,
}

impl Tally {
    fn add(&mut self, saved: Saved) {
        *match saved {
            Saved::Added => &mut self.added,
            Saved::Changed => &mut self.changed,
            Saved::Unchanged => &mut self.unchanged,
        } += 1;
    }
}

/// The result of looking up an object by ID or slug.
enum Match<T> {
    /// The object exists.
    Existing(T),
    /// The object does not exist. Contains a free slug for it.
    New(Slug),
}

/// The identity of an object as given by the page.
struct PageIdentity<'a> {
    entity: EntityKind,
    id: Uuid,
    title: &'a str,
    slug: &'a Slug,
}

impl PageMerger<'_> {
    /// Determines whether `found` is the object on the page: its ID is the one derived from the page, or its
    /// title is equal by [`key`]. If not, or if nothing was found, returns a slug for a new object. If
    /// another object has the page's slug, or a redirect from it, the new object gets a distinct one.
    async fn find_match<T>(
        &self,
        found: Option<T>,
        identity: PageIdentity<'_>,
        own: impl Fn(&T) -> (Uuid, &str),
    ) -> Result<Match<T>, Error> {
        let PageIdentity {
            entity,
            id,
            title,
            slug,
        } = identity;
        if let Some(found) = found {
            let (found_id, found_title) = own(&found);
            if found_id == id || key(found_title) == key(title) {
                return Ok(Match::Existing(found));
            }
            return Ok(Match::New(distinct(slug, id)?));
        }
        if slug::is_known(self.writer, self.edition, entity, slug, id).await? {
            return Ok(Match::New(distinct(slug, id)?));
        }
        Ok(Match::New(slug.clone()))
    }
}

/// Appends the first eight hexadecimal digits of an ID to a slug. The slug is truncated if necessary.
fn distinct(slug: &Slug, id: Uuid) -> Result<Slug, Error> {
    const LETTERS: usize = 8;
    let room = Slug::MAX - LETTERS - 1;
    let kept: String = slug.as_str().chars().take(room).collect();
    let id = id.simple().to_string();
    Ok(Slug::parse(&format!(
        "{}-{}",
        kept.trim_end_matches('-'),
        &id[..LETTERS]
    ))?)
}
