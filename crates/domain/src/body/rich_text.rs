//! Rich text: text with bold, italic and linked passages. No other markup is supported.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::html::write_escaped;
use crate::{WebUrl, unicode};

/// A run of text with uniform formatting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// The text of the run.
    pub text: String,
    /// Whether the text is bold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strong: bool,
    /// Whether the text is in italics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emphasis: bool,
    /// The target of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<WebUrl>,
}

/// Text with optional formatting. Unformatted text is stored as a plain string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RichText {
    /// Text without formatting.
    Plain(String),
    /// Text divided into formatted runs.
    Runs(Vec<Run>),
}

impl RichText {
    /// Creates rich text without formatting.
    pub fn plain(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }

    /// Returns the text without formatting.
    pub fn text(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Runs(runs) => runs.iter().map(|run| run.text.as_str()).collect(),
        }
    }

    /// Writes the text without formatting.
    pub(super) fn write_text(&self, out: &mut impl Write) -> std::fmt::Result {
        match self {
            Self::Plain(text) => out.write_str(text),
            Self::Runs(runs) => runs.iter().try_for_each(|run| out.write_str(&run.text)),
        }
    }

    /// Normalizes all runs as one text, because a bidi control opened in one run may be closed in
    /// another.
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

    /// Returns the text as HTML with `strong`, `em`, `a` and `br` elements. Everything else is escaped.
    pub fn html(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_html(&mut out);
        out
    }

    /// Writes the text as HTML.
    pub(super) fn write_html(&self, out: &mut impl Write) -> std::fmt::Result {
        match self {
            Self::Plain(text) => write_escaped(text, out),
            Self::Runs(runs) => runs.iter().try_for_each(|run| run.write_html(out)),
        }
    }
}

impl Run {
    fn write_html(&self, out: &mut impl Write) -> std::fmt::Result {
        if let Some(url) = &self.link {
            out.write_str("<a href=\"")?;
            write_escaped(url.as_str(), out)?;
            out.write_str("\" rel=\"noopener noreferrer\">")?;
        }
        out.write_str(if self.strong { "<strong>" } else { "" })?;
        out.write_str(if self.emphasis { "<em>" } else { "" })?;
        write_escaped(&self.text, out)?;
        out.write_str(if self.emphasis { "</em>" } else { "" })?;
        out.write_str(if self.strong { "</strong>" } else { "" })?;
        out.write_str(if self.link.is_some() { "</a>" } else { "" })
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
