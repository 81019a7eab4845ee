//! Whatever a rule takes, it takes again as it was stored, and changes it no further: else a write
//! leaves what no read can show.

use std::fmt::Debug;

use khabar_domain::commenting::Reason;
use khabar_domain::media::{Rendition, placeholder};
use khabar_domain::{Block, Body, Headline, Invalid, Language, Name, RichText, Slug, WebUrl, body};
use khabar_domain::{comment, invalid};
use proptest::prelude::*;

/// Texts rich in what the rules change: line breaks, marks, what composes, what cannot be seen.
fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        "[a-cA-C0-2 \t\r\n\u{85}\u{a0}\u{2028}\u{3000}]{0,16}",
        "[a\u{301}e\u{328}ا\u{653}\u{654}\u{1100}\u{1161}\u{11a8}\u{212b}\u{2000} ]{0,16}",
        "[ab\u{200b}\u{200d}\u{200f}\u{feff}\u{61c}\u{202a}-\u{202e}\u{2066}-\u{2069}]{0,12}",
        "[\u{3164}\u{2800}\u{115f}\u{fe0f}\u{ffa0}\u{e0041}\u{ad} a]{0,6}",
        // Near the bounds, where what is measured before and after normalizing differs.
        (
            0_usize..6,
            "[\u{344}\u{958}\u{fb2c}\u{1d15e}\u{1100}\u{1161}]"
        )
            .prop_map(|(times, text)| text.repeat(times * 140)),
    ]
}

fn taken_again<T: Debug + PartialEq>(
    parse: impl Fn(&str) -> Result<T, Invalid>,
    stored: impl Fn(&T) -> String,
    text: &str,
) -> Result<(), TestCaseError> {
    if let Ok(taken) = parse(text) {
        prop_assert_eq!(parse(&stored(&taken)), Ok(taken));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_line_or_a_text_is_taken_again(text in typed()) {
        taken_again(Headline::parse, |taken| taken.as_str().to_owned(), &text)?;
        taken_again(Name::parse, |taken| taken.as_str().to_owned(), &text)?;
        taken_again(comment::Text::parse, |taken| taken.as_str().to_owned(), &text)?;
        taken_again(Reason::parse, |taken| taken.as_str().to_owned(), &text)?;
        taken_again(Language::parse, |taken| taken.as_str().to_owned(), &text)?;
        taken_again(WebUrl::parse, |taken| taken.as_str().to_owned(), &text)?;
        taken_again(Slug::parse, |taken| taken.as_str().to_owned(), &text)?;
        taken_again(placeholder, String::clone, &text)?;
        let prose = |text: &str| invalid::text("the summary", text);
        taken_again(prose, |taken| taken.clone().unwrap_or_default(), &text)?;
        // A slug that is numbered is one.
        if let Ok(slug) = Slug::from_text(&text) {
            let numbered = slug.numbered(4_000_000_000).map(String::from);
            let numbered = numbered.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(Slug::parse(&numbered).is_ok());
        }
    }

    #[test]
    fn a_tag_and_a_format_are_taken_again(
        tag in "[a-zA-Z]{1,4}(-[a-zA-Z0-9]{1,9}){0,5}",
        format in "[a-zA-Z+.]{0,130}/[A-Za-z0-9+.-]{0,4}",
        size in (-1_i32..70_000, -1_i32..70_000),
    ) {
        taken_again(Language::parse, |taken| taken.as_str().to_owned(), &tag)?;
        let url = WebUrl::parse("/a.webp").map_err(|error| TestCaseError::fail(error.to_string()))?;
        if let Ok(rendition) = Rendition::new(url, size, &format) {
            let stored = serde_json::to_string(&rendition).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(serde_json::from_str::<Rendition>(&stored).ok(), Some(rendition));
        }
    }

    #[test]
    fn a_body_is_taken_again(
        one in typed(),
        other in typed(),
        level in 0_u8..6,
        url in "https?://[a-zخß]{1,5}/[a-cخ%?#]{0,500}",
    ) {
        let run = |text: &str, link: Option<WebUrl>| body::Run {
            text: text.to_owned(),
            strong: true,
            link,
            ..body::Run::default()
        };
        let plain = RichText::plain(&one);
        let runs = RichText::Runs(vec![run(&one, WebUrl::parse(&url).ok()), run(&other, None)]);
        let mut blocks = vec![
            Block::Paragraph { text: runs.clone() },
            Block::Heading { level, text: one.clone() },
            Block::Quotation { text: plain.clone(), attribution: Some(other.clone()) },
            Block::List { ordered: true, items: vec![plain, runs] },
            Block::Table {
                caption: Some(one.clone()),
                header: vec![other.clone()],
                rows: vec![vec![one.clone()]],
            },
        ];
        if let Ok(url) = WebUrl::parse(&url) {
            blocks.push(Block::Embed { provider: one, url, title: Some(other) });
        }
        for block in blocks {
            if let Ok(body) = Body::parse(vec![block]) {
                let stored = serde_json::to_string(&body).map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert_eq!(serde_json::from_str::<Body>(&stored).ok(), Some(body));
            }
        }
    }
}
