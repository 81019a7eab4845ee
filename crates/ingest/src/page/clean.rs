//! A page as we mean it: what it says, in the newsroom's own values. What it does not say is
//! absent.

mod around;
mod article;
mod lines;
mod rail;

use khabar_domain::article::MediaFlags;
use khabar_domain::edition::Labels;
use khabar_domain::follow::Platform;
use khabar_domain::story::Kind;
use khabar_domain::{Body, Headline, Language, Name, Slug, WebUrl};

use super::error::{PageError, Problem};
use super::raw::Raw;
use super::words::Words;
use lines::Lines;

/// One page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The language that it is in.
    pub language: Language,
    /// What the edition in that language is called until somebody calls it something else.
    pub edition: Name,
    /// Its headings, in its own words.
    pub labels: Labels,
    /// The live channels, in order.
    pub live: Vec<Channel>,
    /// Where to follow the newsroom, in order.
    pub follow: Vec<Follow>,
    /// The important sections, in order.
    pub sections: Vec<Named>,
    /// The rail of stories, in order.
    pub stories: Vec<Story>,
    /// The article that the page is about.
    pub article: Article,
    /// The other headlines, in order; none is the article's own.
    pub others: Vec<Headlined>,
}

/// A live channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// What it is called.
    pub name: Name,
    /// Where it is.
    pub url: Option<WebUrl>,
}

/// Somewhere to follow the newsroom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Where.
    pub platform: Platform,
    /// What the link says.
    pub name: Name,
    /// The newsroom's name there.
    pub handle: Option<String>,
    /// Where the link leads.
    pub url: Option<WebUrl>,
}

/// Something with a name and an address: a section, a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is called.
    pub name: Name,
    /// Its part of an address.
    pub slug: Slug,
}

/// A story on the rail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// What it is called.
    pub title: Name,
    /// Its part of an address.
    pub slug: Slug,
    /// The kind that its title names.
    pub kind: Option<Kind>,
    /// The words that stand for its picture, where it has one.
    pub picture: Option<String>,
    /// How many articles the page says it has.
    pub reported_article_count: Option<i64>,
}

/// A headline, and what stood behind it in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headlined {
    /// The headline, without brackets.
    pub headline: Headline,
    /// Its part of an address.
    pub slug: Slug,
    /// What the brackets said.
    pub flags: MediaFlags,
}

/// The page's own article.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// Its headline.
    pub headlined: Headlined,
    /// The paragraph that sums it up.
    pub lead: Option<String>,
    /// The words that stand for the picture at its head, where it has one.
    pub picture: Option<String>,
    /// Its text.
    pub body: Body,
    /// The agency or outlet that it came from.
    pub source: Named,
}

/// Finds out what a page says.
pub(super) fn clean(raw: &Raw<'_>) -> Result<Page, PageError> {
    let mut lines = Lines::new(raw);
    let first = &raw.lines[0];
    let words = Words::of(&raw.lines).filter(|words| words.heading(first).is_some());
    let words = words.ok_or_else(|| PageError {
        file: raw.file.to_owned(),
        line: first.number,
        problem: Problem::NotAPage {
            expected: Words::first_headings(),
            found: lines::shown(&first.text),
        },
    })?;
    let refused = |invalid| lines.refused(first, invalid);
    let language = Language::parse(words.language).map_err(refused)?;
    let edition = Name::parse(words.edition).map_err(refused)?;
    let around = around::read(&mut lines, words)?;
    let stories = rail::read(&mut lines, words)?;
    let (article, comments) = article::read(&mut lines, words)?;
    let others = article::others(&mut lines, &article.headlined, words)?;
    Ok(Page {
        language,
        edition,
        labels: Labels {
            comments: Some(comments),
            ..around.labels
        },
        live: around.live,
        follow: around.follow,
        sections: around.sections,
        stories,
        article,
        others,
    })
}
