//! Reads the rail: the row of stories on a page, each with a picture.

use khabar_domain::{Name, Slug};

use super::Story;
use super::lines::Lines;
use crate::page::error::PageError;
use crate::page::raw::{Line, Set};
use crate::page::title::key;
use crate::page::words::Words;

/// Reads the rail, which ends at the first line that is neither indented nor bulleted.
pub(super) fn read(lines: &mut Lines<'_>, words: &Words) -> Result<Vec<Story>, PageError> {
    const EXPECTED: &str = "a story's title after a bullet";
    let reported = count(lines, words)?;
    let mut rail: Vec<Story> = Vec::new();
    // Index of the story with the most recent bullet.
    let mut last = None;
    while let Some(line) = lines.peek().filter(|line| line.set != Set::Plain) {
        if words.count(&line.text).is_some() {
            return Err(lines.unexpected(line, "a count only before the first story"));
        }
        let known = rail
            .iter()
            .position(|story| key(story.title.as_str()) == key(&line.text));
        match (line.set, known, last) {
            (Set::Bulleted, Some(at), _) => last = Some(at),
            (Set::Bulleted, None, _) => {
                last = Some(rail.len());
                rail.push(story(lines, line, words)?);
            }
            // Text below a title is the alternative text of the story's picture. Text that repeats the
            // title of another story belongs to that story's picture.
            (_, Some(at), _) | (_, None, Some(at)) => {
                let words = lines.words(line, "the picture's words")?;
                rail[at].picture.get_or_insert(words);
            }
            (_, None, None) => return Err(lines.unexpected(line, EXPECTED)),
        }
        lines.skip(1);
    }
    let Some(first) = rail.first_mut() else {
        return Err(match lines.peek() {
            Some(line) => lines.unexpected(line, EXPECTED),
            None => lines.cut_short(EXPECTED),
        });
    };
    first.reported_article_count = reported;
    Ok(rail)
}

/// Reads the count above the rail, if there is one. The count belongs to the first story.
fn count(lines: &mut Lines<'_>, words: &Words) -> Result<Option<i64>, PageError> {
    let Some(line) = lines.peek().filter(|line| line.set != Set::Bulleted) else {
        return Ok(None);
    };
    match words.count(&line.text) {
        None => Ok(None),
        Some(None) => {
            Err(lines.unexpected(line, format!("a count such as {}", words.usual_count())))
        }
        Some(count) => {
            lines.skip(1);
            Ok(count)
        }
    }
}

fn story(lines: &Lines<'_>, line: &Line, words: &Words) -> Result<Story, PageError> {
    let refused = |invalid| lines.refused(line, invalid);
    let title = Name::parse(&line.text).map_err(refused)?;
    Ok(Story {
        slug: Slug::from_text(title.as_str()).map_err(refused)?,
        kind: words.kind(title.as_str()),
        title,
        picture: None,
        reported_article_count: None,
    })
}
