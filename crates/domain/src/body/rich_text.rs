//! Rich text: words of which some are strong, stressed or a link. No other markup exists.

use serde::{Deserialize, Serialize};

use crate::{WebUrl, unicode};

/// A stretch of words that look alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// The words.
    pub text: String,
    /// In bold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strong: bool,
    /// In italics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emphasis: bool,
    /// Where a click leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<WebUrl>,
}

/// Words with a little markup. Plain words are stored as a plain string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RichText {
    /// Words without markup.
    Plain(String),
    /// Words with some.
    Runs(Vec<Run>),
}

impl RichText {
    /// Words without markup.
    pub fn plain(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }

    /// The words alone.
    pub fn text(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Runs(runs) => runs.iter().map(|run| run.text.as_str()).collect(),
        }
    }

    /// Normalizes its words as one text: what one run opens, another may close.
    pub(super) fn normalize(&mut self) {
        match self {
            Self::Plain(text) => super::normalize(text),
            Self::Runs(runs) => {
                let words = runs.iter().flat_map(|run| run.text.chars());
                let balanced = unicode::is_balanced(words);
                for run in runs {
                    run.text = unicode::normalized_run(&run.text, balanced);
                }
            }
        }
    }

    /// The words as HTML: `strong`, `em`, `a` and `br`, everything else escaped.
    pub fn html(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Plain(text) => super::html::escape_into(text, &mut out),
            Self::Runs(runs) => runs.iter().for_each(|run| push_run(run, &mut out)),
        }
        out
    }
}

fn push_run(run: &Run, out: &mut String) {
    if let Some(url) = &run.link {
        out.push_str("<a href=\"");
        super::html::escape_into(url.as_str(), out);
        out.push_str("\" rel=\"noopener noreferrer\">");
    }
    for (on, tag) in [(run.strong, "<strong>"), (run.emphasis, "<em>")] {
        out.push_str(if on { tag } else { "" });
    }
    super::html::escape_into(&run.text, out);
    for (on, tag) in [
        (run.emphasis, "</em>"),
        (run.strong, "</strong>"),
        (run.link.is_some(), "</a>"),
    ] {
        out.push_str(if on { tag } else { "" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_a_writer_is_shown_not_obeyed() {
        assert_eq!(
            RichText::plain("<b>a & \"b\"</b>\nc").html(),
            "&lt;b&gt;a &amp; &quot;b&quot;&lt;/b&gt;<br>c"
        );
        let link = Run {
            text: "هنا".into(),
            strong: true,
            link: Some(WebUrl::parse("https://example.org/?a=1&b=2").unwrap()),
            ..Run::default()
        };
        assert_eq!(
            RichText::Runs(vec![
                Run {
                    text: "انظر ".into(),
                    ..Run::default()
                },
                link
            ])
            .html(),
            "انظر <a href=\"https://example.org/?a=1&amp;b=2\" rel=\"noopener noreferrer\"><strong>هنا</strong></a>"
        );
    }
}
