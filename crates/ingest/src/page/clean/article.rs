//! Reads the main article of a page and the headlines of other articles below it.

use std::collections::HashSet;

use khabar_domain::{Block, Body, Headline, Invalid, Name, RichText, Slug};

use super::lines::Lines;
use super::{Article, Headlined, Named};
use crate::page::error::PageError;
use crate::page::raw::{Line, Set};
use crate::page::title::{key, without_badges};
use crate::page::words::{Heading, Words};

/// Reads the lines from the headline up to and including the comments heading. Returns the article and
/// that heading.
pub(super) fn read(lines: &mut Lines<'_>, words: &Words) -> Result<(Article, String), PageError> {
    let rest = lines.rest();
    let Some((head, below)) = rest.split_first() else {
        return Err(lines.cut_short("the headline"));
    };
    if is_furniture(head, words) {
        return Err(lines.unexpected(head, "the headline"));
    }
    let headlined = headlined(lines, head)?;
    let end = parts(lines, words, below)?;
    let (before, source) = (&below[..end], &below[end]);
    let is_headline =
        |line: &Line| key(without_badges(&line.text).0) == key(headlined.headline.as_str());
    // A repeated headline is the alternative text of the picture between the lead and the text. A page
    // without a picture still has its lead directly below the headline.
    let picture = before.iter().position(is_headline);
    let (lead, paragraphs): (Option<&Line>, Vec<&Line>) = match (picture, before) {
        (Some(0), [_, text @ ..]) => (None, text.iter().collect()),
        (Some(at), [lead, ..]) => (
            Some(lead),
            before[1..at].iter().chain(&before[at + 1..]).collect(),
        ),
        (_, [lead, text @ ..]) => (Some(lead), text.iter().collect()),
        (_, []) => (None, Vec::new()),
    };
    if paragraphs.is_empty() {
        return Err(lines.unexpected(source, "the article's text"));
    }
    let article = Article {
        lead: lead.map(|line| lines.words(line, "the lead")).transpose()?,
        picture: picture.map(|_| headlined.headline.as_str().to_owned()),
        body: body(lines, &paragraphs, source)?,
        source: named(lines, source, words)?,
        headlined,
    };
    let comments = below[end + 1]
        .text
        .trim_end_matches(':')
        .trim_end()
        .to_owned();
    lines.skip(end + 3);
    Ok((article, comments))
}

/// Returns the index of the source line, which the comments heading must follow directly. The error names
/// the first missing part, in page order.
fn parts(lines: &Lines<'_>, words: &Words, below: &[Line]) -> Result<usize, PageError> {
    let heading = format!("the heading {:?}", words.usual(Heading::Comments));
    let comments = below
        .iter()
        .position(|line| words.heading(line) == Some(Heading::Comments));
    let before = &below[..comments.unwrap_or(below.len())];
    let is_source = |line: &Line| words.source(&line.text).is_some();
    let Some(source) = before.iter().rposition(is_source) else {
        let expected = match before {
            [] => "the article's lead and text".to_owned(),
            _ => format!("the article's source, {:?}", words.usual_source()),
        };
        return Err(match comments {
            Some(at) => lines.unexpected(&below[at], expected),
            None => lines.cut_short(expected),
        });
    };
    match below.get(source + 1) {
        Some(next) if Some(source + 1) != comments => Err(lines.unexpected(next, heading)),
        Some(_) => Ok(source),
        None => Err(lines.cut_short(heading)),
    }
}

/// Reads the other headlines up to the end of the file, without duplicates and without the main article's
/// own headline.
pub(super) fn others(
    lines: &mut Lines<'_>,
    own: &Headlined,
    words: &Words,
) -> Result<Vec<Headlined>, PageError> {
    let mut seen = HashSet::from([key(own.headline.as_str())]);
    let mut others: Vec<Headlined> = Vec::new();
    for line in lines.rest() {
        // A second page in the same file, or a block of this page in the wrong place.
        if is_furniture(line, words) {
            return Err(lines.unexpected(line, "another article's headline"));
        }
        let other = headlined(lines, line)?;
        if seen.insert(key(other.headline.as_str())) {
            others.push(other);
        }
    }
    lines.skip(lines.rest().len());
    Ok(others)
}

/// Whether a line is a block heading or an article count, and therefore cannot be a headline.
fn is_furniture(line: &Line, words: &Words) -> bool {
    words.heading(line).is_some() || words.count(&line.text).is_some()
}

fn headlined(lines: &Lines<'_>, line: &Line) -> Result<Headlined, PageError> {
    let refused = |invalid| lines.refused(line, invalid);
    let (headline, flags) = without_badges(&line.text);
    let headline = Headline::parse(headline).map_err(refused)?;
    let slug = Slug::from_text(headline.as_str()).map_err(refused)?;
    Ok(Headlined {
        headline,
        slug,
        flags,
    })
}

fn named(lines: &Lines<'_>, line: &Line, words: &Words) -> Result<Named, PageError> {
    let refused = |invalid: Invalid| lines.refused(line, invalid.within("the source"));
    let name = Name::parse(words.source(&line.text).unwrap_or_default()).map_err(refused)?;
    let slug = Slug::from_text(name.as_str()).map_err(refused)?;
    Ok(Named { name, slug })
}

fn body(lines: &Lines<'_>, text: &[&Line], source: &Line) -> Result<Body, PageError> {
    let mut blocks = Vec::with_capacity(text.len());
    // Consecutive bulleted lines form one list.
    for run in text.chunk_by(|one, next| one.set == Set::Bulleted && next.set == Set::Bulleted) {
        let block = if run[0].set == Set::Bulleted {
            let items = run.iter().map(|line| RichText::plain(&line.text)).collect();
            Block::List {
                ordered: false,
                items,
            }
        } else {
            Block::paragraph(&run[0].text)
        };
        let block = checked(block).map_err(|invalid| lines.refused(run[0], invalid))?;
        blocks.push(block);
    }
    Body::parse(blocks).map_err(|invalid| lines.refused(source, invalid))
}

/// Validates a block. The "block 1: " prefix is removed from errors, because they give the line number
/// instead.
fn checked(block: Block) -> Result<Block, Invalid> {
    match Body::parse(vec![block.clone()]) {
        Ok(_) => Ok(block),
        Err(Invalid { what, problem }) => {
            Err(Invalid::new(what.trim_start_matches("block 1: "), problem))
        }
    }
}
