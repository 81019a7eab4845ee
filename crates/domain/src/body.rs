//! The body of an article: an ordered list of content blocks.

mod html;
mod rich_text;

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use html::write_html;
pub use rich_text::{RichText, Run};

use crate::invalid::{check_characters, check_length};
use crate::{Invalid, MediaId, WebUrl, unicode};

/// One content block of a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "lowercase")]
pub enum Block {
    /// A paragraph of running text.
    Paragraph {
        /// The text of the paragraph.
        text: RichText,
    },
    /// A heading between paragraphs.
    Heading {
        /// The heading level, 2 to 4. Level 1 is the headline.
        level: u8,
        /// The text of the heading.
        text: String,
    },
    /// A quotation.
    Quotation {
        /// The quoted text.
        text: RichText,
        /// The person or publication quoted.
        attribution: Option<String>,
    },
    /// A bulleted or numbered list.
    List {
        /// Whether the list is numbered.
        ordered: bool,
        /// The list items.
        items: Vec<RichText>,
    },
    /// An image.
    Image {
        /// The ID of the image.
        media: MediaId,
    },
    /// A gallery of images.
    Gallery {
        /// The IDs of the images, in display order.
        media: Vec<MediaId>,
    },
    /// A video.
    Video {
        /// The ID of the video.
        media: MediaId,
    },
    /// A post or player embedded from another site.
    Embed {
        /// The name of the provider, such as `YouTube`.
        provider: String,
        /// The URL of the post or player.
        url: WebUrl,
        /// The link text shown where the content cannot be embedded.
        title: Option<String>,
    },
    /// A table.
    Table {
        /// The caption shown above the table.
        caption: Option<String>,
        /// The column headings. May be empty.
        header: Vec<String>,
        /// The rows. All rows have the same number of cells.
        rows: Vec<Vec<String>>,
    },
}

impl Block {
    /// Creates a paragraph of plain text.
    pub fn paragraph(text: &str) -> Self {
        Self::Paragraph {
            text: RichText::plain(text),
        }
    }

    /// Returns the IDs of the images or videos that the block shows.
    pub fn media(&self) -> &[MediaId] {
        match self {
            Self::Image { media } | Self::Video { media } => std::slice::from_ref(media),
            Self::Gallery { media } => media,
            _ => &[],
        }
    }

    /// Returns the text of the block without markup, one line per part.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut Parts::new(&mut out, "\n"));
        out
    }

    /// Returns a copy of the block with its text normalized.
    #[must_use]
    pub fn composed(&self) -> Self {
        let mut block = self.clone();
        block.normalize();
        block
    }

    fn normalize(&mut self) {
        match self {
            Self::Paragraph { text } => text.normalize(),
            Self::Heading { text, .. } => normalize(text),
            Self::Quotation { text, attribution } => {
                text.normalize();
                attribution.iter_mut().for_each(normalize);
            }
            Self::List { items, .. } => items.iter_mut().for_each(RichText::normalize),
            Self::Image { .. } | Self::Gallery { .. } | Self::Video { .. } => {}
            Self::Embed {
                provider, title, ..
            } => {
                normalize(provider);
                title.iter_mut().for_each(normalize);
            }
            Self::Table {
                caption,
                header,
                rows,
            } => {
                caption.iter_mut().for_each(normalize);
                let cells = rows.iter_mut().flatten();
                header.iter_mut().chain(cells).for_each(normalize);
            }
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let line = |what: &str, text: &str| -> Result<(), Invalid> {
            check_characters(what, text)?;
            if unicode::is_blank(text) {
                return Err(Invalid::new(what, "is empty"));
            }
            check_length(what, text, Body::MAX_BLOCK)
        };
        let maybe = |what: &str, text: Option<&str>| text.map_or(Ok(()), |text| line(what, text));
        match self {
            Self::Paragraph { text } => line("the paragraph", &text.text()),
            Self::Heading { level, text } => {
                if !(2..=4).contains(level) {
                    return Err(Invalid::new(
                        "the heading's level",
                        format!("{level} is not 2, 3 or 4"),
                    ));
                }
                line("the heading", text)
            }
            Self::Quotation { text, attribution } => {
                line("the quotation", &text.text())?;
                maybe("the attribution", attribution.as_deref())
            }
            Self::List { items, .. } => {
                if items.is_empty() {
                    return Err(Invalid::new("the list", "has no items"));
                }
                items
                    .iter()
                    .try_for_each(|item| line("the list's item", &item.text()))
            }
            Self::Gallery { media } if media.is_empty() => {
                Err(Invalid::new("the gallery", "has no pictures"))
            }
            Self::Image { .. } | Self::Gallery { .. } | Self::Video { .. } => Ok(()),
            Self::Embed {
                provider, title, ..
            } => {
                line("the provider", provider)?;
                maybe("the title", title.as_deref())
            }
            Self::Table {
                caption,
                header,
                rows,
            } => {
                maybe("the caption", caption.as_deref())?;
                check_table(header, rows)
            }
        }
    }

    fn write_text<W: Write>(&self, out: &mut Parts<'_, W>) -> fmt::Result {
        match self {
            Self::Paragraph { text } => text.write_text(out.part()?),
            Self::Heading { text, .. } => out.part()?.write_str(text),
            Self::Quotation { text, attribution } => {
                let out = out.part()?;
                text.write_text(out)?;
                match attribution {
                    Some(by) => write!(out, " — {by}"),
                    None => Ok(()),
                }
            }
            Self::List { items, .. } => items
                .iter()
                .try_for_each(|item| item.write_text(out.part()?)),
            Self::Embed { title, .. } => title
                .iter()
                .try_for_each(|title| out.part()?.write_str(title)),
            Self::Table {
                caption,
                header,
                rows,
            } => {
                if let Some(caption) = caption {
                    out.part()?.write_str(caption)?;
                }
                let header = (!header.is_empty()).then_some(header);
                header.into_iter().chain(rows).try_for_each(|row| {
                    let mut cells = Parts::new(out.part()?, " | ");
                    row.iter()
                        .try_for_each(|cell| cells.part()?.write_str(cell))
                })
            }
            Self::Image { .. } | Self::Gallery { .. } | Self::Video { .. } => Ok(()),
        }
    }
}

/// A text that is written in parts, with a separator between them.
struct Parts<'a, W> {
    out: &'a mut W,
    separator: &'static str,
    is_first: bool,
}

impl<'a, W: Write> Parts<'a, W> {
    fn new(out: &'a mut W, separator: &'static str) -> Self {
        Self {
            out,
            separator,
            is_first: true,
        }
    }

    /// Begins the next part.
    fn part(&mut self) -> Result<&mut W, fmt::Error> {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.write_str(self.separator)?;
        }
        Ok(self.out)
    }
}

/// Counts the bytes of a text.
struct ByteCount(usize);

impl Write for ByteCount {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Normalizes a text in place. Assigns only if the text changes, which is rare.
fn normalize(text: &mut String) {
    if let Cow::Owned(changed) = unicode::normalized(text) {
        *text = changed;
    }
}

fn check_table(header: &[String], rows: &[Vec<String>]) -> Result<(), Invalid> {
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 {
        return Err(Invalid::new("the table", "has no cells"));
    }
    if !header.is_empty() && header.len() != width {
        return Err(Invalid::new(
            "the table",
            format!("has {} headings over {width} columns", header.len()),
        ));
    }
    if let Some((at, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != width) {
        return Err(Invalid::new(
            "the table",
            format!(
                "has {} cells in row {} and {width} in the first",
                row.len(),
                at + 1
            ),
        ));
    }
    header
        .iter()
        .chain(rows.iter().flatten())
        .try_for_each(|cell| {
            check_characters("the table's cell", cell)?;
            check_length("the table's cell", cell, Body::MAX_BLOCK)
        })
}

/// The validated body of an article.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Block>", into = "Vec<Block>")]
pub struct Body(Arc<Vec<Block>>);

impl Body {
    /// The maximum number of blocks in one body: enough for a liveblog of a long day.
    pub const MAX_BLOCKS: usize = 2_000;
    /// The maximum length of one block, in characters.
    pub const MAX_BLOCK: usize = 20_000;

    /// Normalizes and validates a list of blocks. Blocks are numbered from 1 in errors.
    pub fn parse(mut blocks: Vec<Block>) -> Result<Self, Invalid> {
        if blocks.len() > Self::MAX_BLOCKS {
            return Err(Invalid::new(
                "the body",
                format!(
                    "has more than {} blocks ({})",
                    Self::MAX_BLOCKS,
                    blocks.len()
                ),
            ));
        }
        blocks.iter_mut().for_each(Block::normalize);
        for (at, block) in blocks.iter().enumerate() {
            block
                .check()
                .map_err(|invalid| invalid.within(&format!("block {}", at + 1)))?;
        }
        Ok(Self(Arc::new(blocks)))
    }

    /// Returns the blocks in order.
    pub fn blocks(&self) -> &[Block] {
        &self.0
    }

    /// Returns the IDs of all images and videos in the body, in order.
    pub fn media(&self) -> Vec<MediaId> {
        self.0.iter().flat_map(Block::media).copied().collect()
    }

    /// Returns the text of the body without markup. Parts are separated by blank lines.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(self.text_bytes());
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut out);
        out
    }

    /// Writes the text of the body without markup.
    pub fn write_text(&self, out: &mut impl Write) -> fmt::Result {
        let mut out = Parts::new(out, "\n\n");
        self.blocks()
            .iter()
            .try_for_each(|block| block.write_text(&mut out))
    }

    /// Returns the length of the text in bytes.
    pub fn text_bytes(&self) -> usize {
        let mut count = ByteCount(0);
        // Counting cannot fail.
        let _ = self.write_text(&mut count);
        count.0
    }
}

impl TryFrom<Vec<Block>> for Body {
    type Error = Invalid;

    fn try_from(blocks: Vec<Block>) -> Result<Self, Invalid> {
        Self::parse(blocks)
    }
}

impl From<Body> for Vec<Block> {
    fn from(body: Body) -> Self {
        Arc::unwrap_or_clone(body.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_block() {
        let blocks = vec![
            Block::paragraph("نص"),
            Block::Heading {
                level: 1,
                text: "عنوان".into(),
            },
        ];
        assert_eq!(
            Body::parse(blocks).unwrap_err().to_string(),
            "block 2: the heading's level 1 is not 2, 3 or 4"
        );
        let uneven = Block::Table {
            caption: None,
            header: vec![],
            rows: vec![vec!["a".into()], vec![]],
        };
        assert!(
            Body::parse(vec![uneven])
                .unwrap_err()
                .to_string()
                .contains("in row 2")
        );
    }

    #[test]
    fn text_has_every_word_and_no_markup() {
        let body = Body::parse(vec![
            Block::paragraph("سطر"),
            Block::Quotation {
                text: RichText::plain("قول"),
                attribution: Some("الوزيرة".into()),
            },
            Block::List {
                ordered: true,
                items: vec![RichText::plain("أ"), RichText::plain("ب")],
            },
        ])
        .unwrap();
        assert_eq!(body.text(), "سطر\n\nقول — الوزيرة\n\nأ\n\nب");
    }

    #[test]
    fn it_survives_storage() {
        let body = Body::parse(vec![
            Block::paragraph("سطر"),
            Block::Heading {
                level: 2,
                text: "ع".into(),
            },
        ])
        .unwrap();
        let stored = serde_json::to_string(&body).unwrap();
        assert_eq!(
            stored,
            r#"[{"block":"paragraph","text":"سطر"},{"block":"heading","level":2,"text":"ع"}]"#
        );
        assert_eq!(serde_json::from_str::<Body>(&stored).unwrap(), body);
        assert!(
            serde_json::from_str::<Body>(r#"[{"block":"heading","level":9,"text":"ع"}]"#).is_err()
        );
    }
}
