//! The raw stage: the lines of a page with their numbers and layout, not yet interpreted.

use khabar_domain::unicode;
use unicode_normalization::UnicodeNormalization;

use super::error::{PageError, Problem};

/// A file split into lines. There is at least one line.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    /// The name of the file.
    pub(super) file: &'a str,
    /// The lines that have text.
    pub(super) lines: Vec<Line>,
    /// The number of the last line in the file.
    pub(super) last: usize,
}

/// A line with text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The line number, from 1, as shown in text editors.
    pub(super) number: usize,
    /// The layout of the line.
    pub(super) set: Set,
    /// The text: in NFC, with white space collapsed, and without bullet, bidi controls or other invisible
    /// marks.
    pub(super) text: String,
}

/// The layout of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Starting at the margin.
    Plain,
    /// Indented by white space.
    Indented,
    /// Preceded by a bullet, whether indented or not.
    Bulleted,
}

/// Splits a file into lines. Fails if the file is empty or not valid UTF-8.
pub(super) fn read<'a>(file: &'a str, bytes: &[u8]) -> Result<Raw<'a>, PageError> {
    let error = |line, problem| PageError {
        file: file.to_owned(),
        line,
        problem,
    };
    let text = std::str::from_utf8(bytes).map_err(|utf8| {
        let offset = utf8.valid_up_to();
        let before = String::from_utf8_lossy(&bytes[..offset]);
        error(
            breaks(&before).split('\n').count(),
            Problem::NotUtf8 { offset },
        )
    })?;
    let text = breaks(text);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let lines: Vec<_> = (1..)
        .zip(text.split('\n'))
        .filter_map(|(at, text)| line(at, text))
        .collect();
    if lines.is_empty() {
        return Err(error(1, Problem::Empty));
    }
    Ok(Raw {
        file,
        lines,
        last: text.split('\n').count(),
    })
}

/// Converts all line breaks to `\n`, whichever system the text came from.
fn breaks(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn line(number: usize, text: &str) -> Option<Line> {
    let seen: String = text.chars().filter(|c| !is_unseen(*c)).nfc().collect();
    let indented = seen.starts_with(char::is_whitespace);
    let text = seen.trim();
    let (set, text) = match after_bullet(text) {
        Some(text) => (Set::Bulleted, text),
        None if indented => (Set::Indented, text),
        None => (Set::Plain, text),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(Line { number, set, text })
}

fn after_bullet(text: &str) -> Option<&str> {
    // These characters are always bullets. The others can also start a number or a dialogue, and are
    // bullets only if white space follows.
    if let Some(rest) = text.strip_prefix(['•', '·', '●', '▪', '‣', '◦']) {
        return Some(rest);
    }
    let rest = text.strip_prefix(['-', '*', '–'])?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// Whether a character is removed from the text of a page: a display mark or a bidi control. Typed text
/// with unbalanced bidi controls is refused. A page was written by someone else, and its controls say
/// nothing about its words, so they are removed instead.
fn is_unseen(c: char) -> bool {
    unicode::is_mark(c) || unicode::is_bidi_control(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, Set, String)> {
        let raw = read("a.txt", text.as_bytes()).unwrap();
        raw.lines
            .into_iter()
            .map(|line| (line.number, line.set, line.text))
            .collect()
    }

    #[test]
    fn lines_keep_their_numbers_and_how_they_are_set() {
        let expected = [
            (1, Set::Plain, "مباشر".to_owned()),
            (3, Set::Bulleted, "ميناء الشمال".to_owned()),
            (4, Set::Indented, "ميناء".to_owned()),
            (5, Set::Bulleted, "ب".to_owned()),
            (6, Set::Bulleted, "ج".to_owned()),
            (7, Set::Plain, "-5 درجات".to_owned()),
        ];
        let text = "\u{feff}مباشر\n\n  • ميناء\u{a0} الشمال\n\tميناء\n- ب\n·ج\n-5 درجات\n";
        assert_eq!(lines(text), expected);
        assert_eq!(lines(&text.replace('\n', "\r\n")), expected);
        assert_eq!(lines(&text.replace('\n', "\r")), expected);
    }

    #[test]
    fn bidi_controls_go_and_joiners_stay() {
        assert_eq!(
            lines("\u{200f}\u{202b}خبر\u{202c} می\u{200c}شود")[0].2,
            "خبر می\u{200c}شود"
        );
    }

    #[test]
    fn what_is_not_text_is_refused_with_its_place() {
        let refuse = |bytes: &[u8]| read("a.txt", bytes).unwrap_err().to_string();
        assert_eq!(
            refuse(b"one\r\ntwo \xff"),
            "a.txt, line 2: expected UTF-8, but byte 9 of the file (from 0) is none"
        );
        for empty in ["", "\n \n", "\u{feff}", "  •\n"] {
            assert_eq!(
                refuse(empty.as_bytes()),
                "a.txt, line 1: expected a news page, but the file is empty"
            );
        }
    }
}
