//! Merging: a page brought into the newsroom that is there already.
//!
//! What the page says is put in place; what it does not say stays as it is, so nothing that an
//! editor added is lost. Ids are derived from the page's own words, so merging it twice finds
//! everything in its place and changes nothing.

mod around;
mod article;
mod story;

use std::collections::BTreeMap;

use khabar_domain::edition::Labels;
use khabar_domain::story::Kind;
use khabar_domain::{ArticleId, Edition, EditionId, Slug, derived};
use khabar_persistence::change::Noun;
use khabar_persistence::{Error, Saved, Writer, edition, slug};
use uuid::Uuid;

use super::clean::Page;
use super::title::key;

/// What merging a page did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The edition that it went into.
    pub edition: Slug,
    /// The page's own article.
    pub article: ArticleId,
    /// How many things are new: articles, stories, sections and so on.
    pub added: usize,
    /// How many were there and are different now.
    pub changed: usize,
    /// How many were there and are the same.
    pub unchanged: usize,
}

/// Puts a page into the newsroom. `kinds` are the kinds of stories whose titles do not say them;
/// a story that neither names is a running one. The caller commits.
pub async fn merge(
    writer: &mut Writer,
    page: &Page,
    kinds: &BTreeMap<String, Kind>,
) -> Result<Imported, Error> {
    let mut desk = Desk::open(writer, page).await?;
    around::merge(&mut desk, page).await?;
    story::merge(&mut desk, page, kinds).await?;
    let article = article::merge(&mut desk, page).await?;
    let Tally {
        added,
        changed,
        unchanged,
    } = desk.tally;
    Ok(Imported {
        edition: desk.slug,
        article,
        added,
        changed,
        unchanged,
    })
}

/// Where one page is merged: the edition, the open transaction, and the tally so far.
struct Desk<'a> {
    writer: &'a mut Writer,
    edition: EditionId,
    slug: Slug,
    tally: Tally,
}

impl<'a> Desk<'a> {
    /// Finds or opens the page's edition.
    async fn open(writer: &'a mut Writer, page: &Page) -> Result<Self, Error> {
        let slug = Slug::parse(page.language.as_str())?;
        let wanted = match edition::find(writer, &slug).await? {
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
        tally.add(edition::save(writer, &wanted).await?);
        Ok(Self {
            writer,
            edition: wanted.id,
            slug,
            tally,
        })
    }

    /// The id of something that the edition knows by these words.
    fn id<T: From<Uuid>>(&self, noun: &str, words: &[&str]) -> T {
        let words: Vec<_> = words.iter().map(|words| key(words)).collect();
        let parts = std::iter::once(self.slug.as_str()).chain(words.iter().map(String::as_str));
        derived(noun, &parts.collect::<Vec<_>>()).into()
    }
}

/// The page's labels, and the old ones where it has none.
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

/// What the newsroom has under an id or a slug.
enum Known<T> {
    /// The thing itself.
    Here(T),
    /// Not that thing; this is the slug that it can have.
    New(Slug),
}

/// What the page means by something.
struct Meant<'a> {
    noun: Noun,
    id: Uuid,
    title: &'a str,
    slug: &'a Slug,
}

impl Desk<'_> {
    /// Tells whether what was `found` is what the page means: it has the id derived from the page, or
    /// the same title. Something else that has the slug, or had it and is still found by it, keeps it.
    async fn known<T>(
        &self,
        found: Option<T>,
        meant: Meant<'_>,
        own: impl Fn(&T) -> (Uuid, &str),
    ) -> Result<Known<T>, Error> {
        let Meant {
            noun,
            id,
            title,
            slug,
        } = meant;
        if let Some(found) = found {
            let (found_id, found_title) = own(&found);
            if found_id == id || key(found_title) == key(title) {
                return Ok(Known::Here(found));
            }
            return Ok(Known::New(distinct(slug, id)?));
        }
        if slug::is_known(self.writer, self.edition, noun, slug, id).await? {
            return Ok(Known::New(distinct(slug, id)?));
        }
        Ok(Known::New(slug.clone()))
    }
}

/// The slug with a few letters of the id behind it.
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
