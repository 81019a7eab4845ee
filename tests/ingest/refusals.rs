//! Refusals: an invalid file is rejected with the location of the error, and none of it is stored.

use khabar_ingest::page::{self, PageError, Problem};
use khabar_tests::harness::{TestDb, newsroom};

use super::{Kinds, feed, fixture, read};

/// Returns the error for an invalid file. Panics if the file is valid.
fn refused(bytes: impl AsRef<[u8]>) -> PageError {
    match page::read("page.txt", bytes.as_ref()) {
        Err(error) => error,
        Ok(page) => panic!("the file is read: {page:?}"),
    }
}

fn error_of(bytes: impl AsRef<[u8]>) -> String {
    refused(bytes).to_string()
}

/// Returns the line number of a line, counted from 1. Ignores whitespace around the line.
fn line_of(text: &str, wanted: &str) -> usize {
    let at = text.lines().position(|line| line.trim() == wanted);
    at.unwrap_or_else(|| panic!("no line is {wanted:?}")) + 1
}

/// Replaces one line of a fixture. The replacement may be several lines, or empty.
fn with_line(text: &str, number: usize, change: &str) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    lines[number - 1] = change;
    lines.join("\n")
}

const HEADLINE: &str = "المدينة تفتتح الرصيف الثالث في ميناء الشمال بعد عامين من العمل";
const SOURCE: &str = "المصدر: وكالة المرفأ";
const COMMENTS: &str = "التعليقات";

#[test]
fn a_file_without_text_is_empty() {
    for empty in ["", "\n", " \r\n\t\n", "\u{feff}\u{200f}\n", "•\n"] {
        let expected = "page.txt, line 1: expected a news page, but the file is empty";
        assert_eq!(error_of(empty), expected, "{empty:?}");
    }
}

#[test]
fn invalid_utf_8_is_rejected_with_its_offset() {
    let text = fixture("bare.txt");
    let at = text.find(HEADLINE).expect("no headline");
    let mut bytes = text.into_bytes();
    bytes[at] = 0xff;
    let expected = format!("expected UTF-8, but byte {at} of the file (from 0) is none");
    let PageError { line, problem, .. } = refused(&bytes);
    assert_eq!(problem.to_string(), expected);
    assert_eq!(line, line_of(&fixture("bare.txt"), HEADLINE));
}

#[test]
fn other_texts_are_rejected() {
    let expected = "page.txt, line 2: expected the first heading of a news page (\"مباشر\" or \"Live\"), \
                    but found \"<html lang=\\\"ar\\\">\"";
    assert_eq!(
        error_of("\n<html lang=\"ar\">\n<body>مباشر</body>"),
        expected
    );
    // A heading further down, or an indented heading, does not make a text a page.
    for text in ["رسالة\n\nStories\n", "  مباشر\n"] {
        let problem = refused(text).problem;
        assert!(matches!(problem, Problem::NotAPage { .. }), "{problem}");
    }
}

/// Returns the next part missing from a page cut after `lines` lines. `None` if it is complete.
fn missing_part(text: &str, lines: usize) -> Option<&'static str> {
    let bullet = line_of(text, "• توسعة ميناء الشمال");
    let headline = line_of(text, HEADLINE);
    [
        (line_of(text, "Stories"), "the heading \"Stories\""),
        (bullet, "a story's title after a bullet"),
        (headline, "the headline"),
        (headline + 2, "the article's lead and text"),
        (line_of(text, SOURCE), "the article's source, \"المصدر: …\""),
        (line_of(text, COMMENTS), "the heading \"التعليقات\""),
    ]
    .into_iter()
    .find(|(first, _)| lines < *first)
    .map(|(_, missing_part)| missing_part)
}

#[test]
fn a_truncated_page_is_rejected_with_the_missing_part() -> anyhow::Result<()> {
    let text = fixture("bare.txt");
    let all: Vec<_> = text.lines().collect();
    let comments = line_of(&text, COMMENTS);
    for end in 1..=all.len() {
        let prefix = all[..end].join("\n");
        if let Some(expected) = missing_part(&text, end) {
            // A blank last line is only the line break of the line before it.
            let last = prefix.strip_suffix('\n').unwrap_or(&prefix);
            let number = last.split('\n').count();
            assert_eq!(
                error_of(&prefix),
                format!("page.txt, line {number}: expected {expected}, but the file ends")
            );
        } else {
            // Any number of headlines may follow, so this page is complete.
            let page = page::read("page.txt", prefix.as_bytes())?;
            let headlines = all[comments..end].iter().filter(|line| !line.is_empty());
            assert_eq!(page.others.len(), headlines.count(), "after line {end}");
        }
    }
    Ok(())
}

#[test]
fn a_page_truncated_within_a_line_is_rejected() {
    for name in ["bare.txt", "blocks.txt", "english.txt"] {
        let text = fixture(name);
        let comments = ["\nالتعليقات", "\nComments"];
        let end = comments
            .iter()
            .find_map(|heading| Some(text.rfind(heading)? + heading.len()))
            .expect("no comments");
        for at in 0..end {
            let PageError { line, .. } = refused(&text.as_bytes()[..at]);
            assert!(
                line <= text[..end].lines().count(),
                "{name}: {at}: line {line}"
            );
        }
        for at in end..text.len() {
            // Skip cuts within a character, which are not valid UTF-8.
            if text.is_char_boundary(at) {
                assert!(
                    page::read(name, &text.as_bytes()[..at]).is_ok(),
                    "{name}: {at}"
                );
            }
        }
    }
}

#[test]
fn a_duplicate_heading_is_rejected() {
    let text = fixture("bare.txt");
    let again = |number, lines: &str| error_of(with_line(&text, number, lines));
    assert_eq!(
        again(2, "مباشر"),
        "page.txt, line 2: expected each heading once, then the heading \"Stories\", but found \"مباشر\""
    );
    let stories = line_of(&text, "Stories");
    assert_eq!(
        again(stories, "Stories\nقصص"),
        "page.txt, line 7: expected a story's title after a bullet, but found \"قصص\""
    );
    let headline = line_of(&text, HEADLINE);
    assert_eq!(
        again(headline, "Stories"),
        format!("page.txt, line {headline}: expected the headline, but found \"Stories\"")
    );
    let comments = line_of(&text, COMMENTS);
    for heading in [COMMENTS, "مباشر", "٤ أخبار"] {
        assert_eq!(
            again(comments, &format!("{COMMENTS}\n{heading}")),
            format!(
                "page.txt, line {}: expected another article's headline, but found {heading:?}",
                comments + 1
            )
        );
    }
}

#[test]
fn headings_and_blocks_must_be_in_order() {
    let text = fixture("bare.txt");
    assert_eq!(
        error_of(with_line(&text, 4, COMMENTS)),
        "page.txt, line 4: expected the heading \"Stories\", but found \"التعليقات\""
    );
    let between = format!("{SOURCE}\nكلام آخر");
    let source = line_of(&text, SOURCE);
    assert_eq!(
        error_of(with_line(&text, source, &between)),
        format!(
            "page.txt, line {}: expected the heading \"التعليقات\", but found \"كلام آخر\"",
            source + 1
        )
    );
    let first = line_of(&text, "• توسعة ميناء الشمال");
    assert_eq!(
        error_of(with_line(&text, first, "    كلام تحت لا شيء")),
        format!(
            "page.txt, line {first}: expected a story's title after a bullet, but found \"كلام تحت لا شيء\""
        )
    );
}

#[test]
fn a_count_must_be_a_leading_number() {
    let text = fixture("bare.txt");
    let count = line_of(&text, "٢٧ خبر");
    assert_eq!(
        error_of(with_line(&text, count, "99999999999999999999 خبر")),
        format!(
            "page.txt, line {count}: expected a count such as 41 خبر, but found \"99999999999999999999 خبر\""
        )
    );
    assert_eq!(
        error_of(with_line(
            &text,
            count + 1,
            "  • توسعة ميناء الشمال\n  ٣ أخبار"
        )),
        format!(
            "page.txt, line {}: expected a count only before the first story, but found \"٣ أخبار\"",
            count + 2
        )
    );
}

#[test]
fn a_page_without_source_or_text_is_rejected() {
    let text = fixture("bare.txt");
    let (headline, source) = (line_of(&text, HEADLINE), line_of(&text, SOURCE));
    let comments = line_of(&text, COMMENTS);
    assert_eq!(
        error_of(with_line(&text, source, "")),
        format!(
            "page.txt, line {comments}: expected the article's source, \"المصدر: …\", but found \"التعليقات\""
        )
    );
    assert_eq!(
        error_of(with_line(&text, source, "المصدر:")),
        format!("page.txt, line {source}: the source: the name is empty")
    );
    let cut = |from: usize, to: usize| {
        let lines = text.lines().zip(1..);
        let remaining: Vec<_> = lines
            .filter(|(_, number)| *number < from || *number > to)
            .map(|(line, _)| line)
            .collect();
        remaining.join("\n")
    };
    // First without lead and text, then with only a lead.
    let error_of = |from, to| refused(cut(from, to)).problem.to_string();
    let expected = format!("expected the article's text, but found {SOURCE:?}");
    assert_eq!(error_of(headline + 1, source - 1), expected);
    assert_eq!(error_of(headline + 3, source - 1), expected);
    assert_eq!(
        error_of(headline + 1, source),
        "expected the article's lead and text, but found \"التعليقات\""
    );
}

#[test]
fn invalid_values_are_rejected_with_their_line() {
    let text = fixture("blocks.txt");
    let shown = |at| format!("has a character that may not be shown (U+0007, character {at})");
    let long = "ق".repeat(201);
    for (words, change, problem) in [
        (
            "مترو الضفتين يصل",
            "\u{7}مترو الضفتين يصل",
            format!("the headline {}", shown(1)),
        ),
        (
            "وصلت أعمال",
            "\u{7}وصلت أعمال",
            format!("the lead {}", shown(1)),
        ),
        (
            "المهندس المشرف",
            "\u{7}المهندس المشرف",
            format!("the paragraph {}", shown(6)),
        ),
        (
            "مد السكة",
            "\u{7}مد السكة",
            format!("the list's item {}", shown(1)),
        ),
        (
            "المصدر: المرفأ",
            "المصدر: \u{7}المرفأ",
            format!("the source: the name {}", shown(1)),
        ),
        (
            "حدائق الأحياء",
            "حدائق \u{7}الأحياء",
            format!("the name {}", shown(7)),
        ),
        (
            "  - صور",
            "    \u{7}نفق طويل\n  - صور",
            format!("the picture's words {}", shown(1)),
        ),
        (
            "@almarfa",
            "@al\u{7}marfa",
            format!("the handle {}", shown(4)),
        ),
        (
            "البحر والميناء",
            &long,
            "the name is longer than 200 characters (201)".to_owned(),
        ),
        (
            "live.example.org/marfa.m3u8",
            "a:b@live.example.org",
            "the URL \"https://a:b@live.example.org\" carries a user name or a password".to_owned(),
        ),
        (
            "حديقة جديدة بين برجين في الحي الشمالي",
            "؟!",
            "the slug cannot be made from \"؟!\": it has no word that fits".to_owned(),
        ),
    ] {
        let at = text.find(words).expect("the fixture has no such words");
        let line = text[..at].matches('\n').count() + 1;
        let expected = format!("page.txt, line {line}: {problem}");
        assert_eq!(error_of(text.replacen(words, change, 1)), expected);
    }
}

#[test]
fn the_length_of_a_headline_is_limited() {
    let text = fixture("bare.txt");
    for old in [HEADLINE, "مكتبة الحي القديم تفتح أبوابها ليلا في الصيف"]
    {
        let number = line_of(&text, old);
        let most = with_line(&text, number, &"خبر ".repeat(75));
        assert!(page::read("page.txt", most.as_bytes()).is_ok());
        let long = format!("{}و", "خبر ".repeat(75));
        assert_eq!(
            error_of(with_line(&text, number, &long)),
            format!("page.txt, line {number}: the headline is longer than 300 characters (301)")
        );
    }
}

#[tokio::test]
async fn an_uncommitted_import_leaves_nothing() -> anyhow::Result<()> {
    for db in TestDb::each().await? {
        let mut writer = db.db().writer(newsroom::opened()).await?;
        page::merge(&mut writer, &read("bare.txt")?, &Kinds::new()).await?;
        // An import of several files ends like this if the second file cannot be stored.
        drop(writer);
        assert_eq!(feed(&db).await?, [], "{}", db.name());
    }
    Ok(())
}
