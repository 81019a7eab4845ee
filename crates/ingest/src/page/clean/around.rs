//! Reads the blocks before the rail: live channels, links to follow the newsroom, and important sections.

use std::collections::HashSet;

use khabar_domain::edition::Labels;
use khabar_domain::follow_channel::Platform;
use khabar_domain::{Invalid, Name, Slug, WebUrl};

use super::lines::Lines;
use super::{Channel, Follow, Named};
use crate::page::error::PageError;
use crate::page::raw::Line;
use crate::page::title::key;
use crate::page::words::{Heading, Words};

mod platform;

/// The content of the blocks before the rail, and all headings up to that of the rail.
#[derive(Debug, Default)]
pub(super) struct Around {
    pub(super) labels: Labels,
    pub(super) live: Vec<Channel>,
    pub(super) follow: Vec<Follow>,
    pub(super) sections: Vec<Named>,
}

/// Reads the lines up to and including the heading of the rail.
pub(super) fn read(lines: &mut Lines<'_>, words: &Words) -> Result<Around, PageError> {
    let mut around = Around::default();
    let mut block = None;
    let mut seen = HashSet::new();
    let rail = format!("the heading {:?}", words.usual(Heading::Stories));
    while let Some(line) = lines.peek() {
        if let Some(heading) = words.heading(line) {
            let text = line.text.trim_end_matches(':').trim_end().to_owned();
            let label = match heading {
                Heading::Live => &mut around.labels.live,
                Heading::Follow => &mut around.labels.follow,
                Heading::Sections => &mut around.labels.sections,
                Heading::Stories => &mut around.labels.stories,
                Heading::Comments => return Err(lines.unexpected(line, rail)),
            };
            if label.replace(text).is_some() {
                return Err(lines.unexpected(line, format!("each heading once, then {rail}")));
            }
            lines.skip(1);
            if heading == Heading::Stories {
                return named_by_its_heading(around)
                    .map_err(|invalid| lines.refused(line, invalid));
            }
            block = Some(heading);
            continue;
        }
        // Pictures repeat the text of their links. Each text counts once per block.
        if seen.insert((block, key(&line.text))) {
            around.add(lines, block, line, &rail)?;
        }
        lines.skip(1);
    }
    Err(lines.cut_short(rail))
}

/// Adds a channel named like the live block's heading if the block has no channels. Some crawlers retain
/// only the heading.
fn named_by_its_heading(mut around: Around) -> Result<Around, Invalid> {
    if let (Some(label), true) = (&around.labels.live, around.live.is_empty()) {
        around.live.push(Channel {
            name: Name::parse(label)?,
            url: None,
        });
    }
    Ok(around)
}

impl Around {
    fn add(
        &mut self,
        lines: &Lines<'_>,
        block: Option<Heading>,
        line: &Line,
        rail: &str,
    ) -> Result<(), PageError> {
        let refused = |invalid| lines.refused(line, invalid);
        let link = Link::read(&line.text).map_err(refused)?;
        match block {
            Some(Heading::Live) => {
                let name = Name::parse(&link.words).map_err(refused)?;
                self.live.push(Channel {
                    name,
                    url: link.url,
                });
            }
            Some(Heading::Follow) => self.follow.push(follow(link).map_err(refused)?),
            Some(Heading::Sections) => {
                let name = Name::parse(&link.words).map_err(refused)?;
                let slug = Slug::from_text(name.as_str()).map_err(refused)?;
                self.sections.push(Named { name, slug });
            }
            _ => return Err(lines.unexpected(line, rail)),
        }
        Ok(())
    }
}

/// The text of a line, and the first URL in it, if any.
struct Link {
    words: String,
    url: Option<WebUrl>,
}

impl Link {
    fn read(text: &str) -> Result<Self, Invalid> {
        let is_url = |word: &&str| word.starts_with("https://") || word.starts_with("http://");
        let (urls, words): (Vec<_>, Vec<_>) = text.split(' ').partition(is_url);
        let words = words.join(" ");
        Ok(Self {
            words: words
                .trim_end_matches([':', '-', '–'])
                .trim_end()
                .to_owned(),
            url: urls.first().map(|url| WebUrl::parse(url)).transpose()?,
        })
    }
}

/// Parses a line such as "Telegram: @khabar https://…". Each of the three parts is optional.
fn follow(link: Link) -> Result<Follow, Invalid> {
    let (mut words, mut handle) = (Vec::new(), None);
    for word in link.words.split_whitespace() {
        if handle.is_none() && word.len() > 1 && word.starts_with('@') {
            handle = Some(word.to_owned());
        } else {
            words.push(word);
        }
    }
    let mut name = words.join(" ");
    // "Telegram: khabar": a single word after a platform's name is the handle.
    if let (Some((platform, rest)), None) = (name.split_once(':'), &handle)
        && platform::named(platform) != Platform::Other
        && !rest.trim().is_empty()
        && !rest.trim().contains(' ')
    {
        handle = Some(rest.trim().to_owned());
        name = platform.to_owned();
    }
    if let Some(handle) = &handle {
        // A handle is displayed like a name, so the rules for names apply.
        Name::parse(handle).map_err(|invalid| Invalid::new("the handle", invalid.problem))?;
    }
    let name = name.trim_end_matches(':').trim_end();
    let platform = match (platform::named(name), &link.url) {
        (Platform::Other, Some(url)) => platform::at(url),
        (named, _) => named,
    };
    // Without a name, the handle or else the URL is the text of the link.
    let address = link.url.as_ref().map(WebUrl::as_str);
    let said = Some(name)
        .filter(|name| !name.is_empty())
        .or(handle.as_deref())
        .or(address);
    let name = Name::parse(said.unwrap_or_default())?;
    Ok(Follow {
        platform,
        name,
        handle,
        url: link.url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Platform, String, Option<String>, bool) {
        let follow = follow(Link::read(text).unwrap()).unwrap();
        (
            follow.platform,
            follow.name.to_string(),
            follow.handle,
            follow.url.is_some(),
        )
    }

    #[test]
    fn a_follow_line_is_read_as_far_as_it_goes() {
        let handle = |text: &str| Some(text.to_owned());
        for (text, expected) in [
            (
                "Telegram: @a https://t.me/a",
                (Platform::Telegram, "Telegram".into(), handle("@a"), true),
            ),
            (
                "تلغرام : a",
                (Platform::Telegram, "تلغرام".into(), handle("a"), false),
            ),
            (
                "قناتنا https://www.youtube.com/@a",
                (Platform::Youtube, "قناتنا".into(), None, true),
            ),
            (
                "@a https://x.com/a",
                (Platform::X, "@a".into(), handle("@a"), true),
            ),
            (
                "https://example.org/a",
                (Platform::Other, "https://example.org/a".into(), None, true),
            ),
            (
                "نشرتنا: كل صباح",
                (Platform::Newsletter, "نشرتنا: كل صباح".into(), None, false),
            ),
            ("راديو", (Platform::Other, "راديو".into(), None, false)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
