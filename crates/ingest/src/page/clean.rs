//! The clean stage: the content of a page as validated domain values. Content that the page does not have
//! is `None` or empty.

mod around;
mod article;
mod lines;
mod rail;

use khabar_domain::article::MediaFlags;
use khabar_domain::edition::Labels;
use khabar_domain::follow_channel::Platform;
use khabar_domain::story::Kind;
use khabar_domain::{Body, Headline, Language, Name, Slug, WebUrl};

use super::error::{PageError, Problem};
use super::raw::Raw;
use super::words::Words;
use lines::Lines;

/// The content of one page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The language of the page.
    pub language: Language,
    /// The default name of the edition in that language, used when the edition is created.
    pub edition: Name,
    /// The headings of the page, as written there.
    pub labels: Labels,
    /// The live channels, in page order.
    pub live: Vec<Channel>,
    /// The links to follow the newsroom, in page order.
    pub follow: Vec<Follow>,
    /// The important sections, in page order.
    pub sections: Vec<Named>,
    /// The stories on the rail, in page order.
    pub stories: Vec<Story>,
    /// The main article of the page.
    pub article: Article,
    /// The headlines of other articles, in page order. Never includes the main article's headline.
    pub others: Vec<Headlined>,
}

/// A live channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The display name.
    pub name: Name,
    /// The address of the channel's stream.
    pub url: Option<WebUrl>,
}

/// A link to follow the newsroom on another platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The platform that the link leads to.
    pub platform: Platform,
    /// The text of the link.
    pub name: Name,
    /// The newsroom's account name on the platform.
    pub handle: Option<String>,
    /// The address that the link leads to.
    pub url: Option<WebUrl>,
}

/// A named resource with a slug: a section or a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The display name.
    pub name: Name,
    /// The slug used in URLs.
    pub slug: Slug,
}

/// A story on the rail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The title of the story.
    pub title: Name,
    /// The slug used in URLs.
    pub slug: Slug,
    /// The kind indicated by the title. `None` if the title indicates none.
    pub kind: Option<Kind>,
    /// The alternative text of the story's picture. `None` if there is no picture.
    pub picture: Option<String>,
    /// The number of articles in the story, as reported by the page.
    pub reported_article_count: Option<i64>,
}

/// A headline and the media badges that followed it in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headlined {
    /// The headline without its badges.
    pub headline: Headline,
    /// The slug used in URLs.
    pub slug: Slug,
    /// The media flags indicated by the badges.
    pub flags: MediaFlags,
}

/// The main article of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// The headline and its media flags.
    pub headlined: Headlined,
    /// The summary paragraph below the headline.
    pub lead: Option<String>,
    /// The alternative text of the lead picture. `None` if there is no picture.
    pub picture: Option<String>,
    /// The text of the article.
    pub body: Body,
    /// The agency or outlet that the article came from.
    pub source: Named,
}

/// Extracts the content of a raw page.
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
