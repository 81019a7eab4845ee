//! Input types for the blocks of an article's body.

use async_graphql::{ID, InputObject, OneofObject};
use khabar_domain::body::Run;
use khabar_domain::{Block, Body, MediaId, RichText};

use crate::error::Result;
use crate::mutate::MutationError;
use crate::mutation::input_parse;
use crate::scalar::Url;

/// A block of an article's body.
#[derive(Clone, Debug, OneofObject)]
pub(super) enum BlockInput {
    /// A paragraph of text.
    Paragraph(RichTextInput),
    /// A heading between paragraphs.
    Heading(HeadingBlockInput),
    /// A quotation.
    Quotation(QuotationBlockInput),
    /// A list of items.
    List(ListBlockInput),
    /// An image.
    Image(ImageBlockInput),
    /// A gallery of images.
    Gallery(GalleryBlockInput),
    /// A video.
    Video(VideoBlockInput),
    /// Content embedded from another site, such as a post or a player.
    Embed(EmbedBlockInput),
    /// A table.
    Table(TableBlockInput),
}

/// Text with or without inline formatting.
#[derive(Clone, Debug, OneofObject)]
pub(super) enum RichTextInput {
    /// Plain text without formatting.
    Text(String),
    /// Text with inline formatting, as a sequence of runs.
    Runs(Vec<RunInput>),
}

/// A run of text with uniform formatting.
#[derive(Clone, Debug, InputObject)]
pub(super) struct RunInput {
    /// The text of the run, including any leading and trailing spaces.
    text: String,
    /// Whether the text is bold. Defaults to false.
    strong: Option<bool>,
    /// Whether the text is italic. Defaults to false.
    emphasis: Option<bool>,
    /// The URL that the text links to.
    link: Option<Url>,
}

/// A heading between paragraphs.
#[derive(Clone, Debug, InputObject)]
pub(super) struct HeadingBlockInput {
    /// The heading level, from 2 to 4. Defaults to 2. Level 1 is the headline.
    level: Option<i32>,
    /// The text of the heading.
    text: String,
}

/// A quotation.
#[derive(Clone, Debug, InputObject)]
pub(super) struct QuotationBlockInput {
    /// The quoted text.
    quote: RichTextInput,
    /// The person or publication quoted.
    attribution: Option<String>,
}

/// A list of items, numbered or bulleted.
#[derive(Clone, Debug, InputObject)]
pub(super) struct ListBlockInput {
    /// Whether the list is numbered. Defaults to false.
    ordered: Option<bool>,
    /// The items of the list, in order.
    items: Vec<RichTextInput>,
}

/// An image.
#[derive(Clone, Debug, InputObject)]
pub(super) struct ImageBlockInput {
    /// Global ID of the image.
    image: ID,
}

/// A gallery of images.
#[derive(Clone, Debug, InputObject)]
pub(super) struct GalleryBlockInput {
    /// Global IDs of the images, in order. At most 100.
    images: Vec<ID>,
}

/// A video.
#[derive(Clone, Debug, InputObject)]
pub(super) struct VideoBlockInput {
    /// Global ID of the video.
    video: ID,
}

/// Content embedded from another site, such as a post or a player.
#[derive(Clone, Debug, InputObject)]
pub(super) struct EmbedBlockInput {
    /// The name of the provider, such as `YouTube`.
    provider: String,
    /// The URL of the embedded content.
    url: Url,
    /// The text to show where the content cannot be embedded.
    title: Option<String>,
}

/// A table with text cells.
#[derive(Clone, Debug, InputObject)]
pub(super) struct TableBlockInput {
    /// The caption shown above the table.
    caption: Option<String>,
    /// The column headings. If omitted, the table has none.
    header: Option<Vec<String>>,
    /// The rows of the table. All rows must have the same number of cells.
    rows: Vec<Vec<String>>,
}

/// Builds a body from these blocks.
pub(super) fn body(blocks: &[BlockInput]) -> Result<Body, MutationError> {
    let mut parsed = Vec::with_capacity(blocks.len());
    for (index, input) in blocks.iter().enumerate() {
        parsed.push(block(&index.to_string(), input)?);
    }
    input_parse::value(&["body"], Body::parse(parsed))
}

fn block(index: &str, input: &BlockInput) -> Result<Block, MutationError> {
    let media =
        |id: &ID| -> Result<MediaId, MutationError> { input_parse::id(&["body", index], id) };
    Ok(match input {
        BlockInput::Paragraph(text) => Block::Paragraph { text: rich(text) },
        BlockInput::Heading(HeadingBlockInput { level, text }) => Block::Heading {
            // A value out of range becomes 0, which is refused as an invalid heading level.
            level: u8::try_from(level.unwrap_or(2)).unwrap_or(0),
            text: text.trim().to_owned(),
        },
        BlockInput::Quotation(QuotationBlockInput { quote, attribution }) => Block::Quotation {
            text: rich(quote),
            attribution: attribution.clone(),
        },
        BlockInput::List(ListBlockInput { ordered, items }) => Block::List {
            ordered: ordered.unwrap_or(false),
            items: items.iter().map(rich).collect(),
        },
        BlockInput::Image(ImageBlockInput { image }) => Block::Image {
            media: media(image)?,
        },
        BlockInput::Gallery(GalleryBlockInput { images }) => Block::Gallery {
            media: images.iter().map(media).collect::<Result<_, _>>()?,
        },
        BlockInput::Video(VideoBlockInput { video }) => Block::Video {
            media: media(video)?,
        },
        BlockInput::Embed(EmbedBlockInput {
            provider,
            url,
            title,
        }) => Block::Embed {
            provider: provider.clone(),
            url: url.0.clone(),
            title: title.clone(),
        },
        BlockInput::Table(TableBlockInput {
            caption,
            header,
            rows,
        }) => Block::Table {
            caption: caption.clone(),
            header: header.clone().unwrap_or_default(),
            rows: rows.clone(),
        },
    })
}

fn rich(input: &RichTextInput) -> RichText {
    match input {
        RichTextInput::Text(text) => RichText::plain(text.trim()),
        RichTextInput::Runs(runs) => {
            let run = |run: &RunInput| Run {
                text: run.text.clone(),
                strong: run.strong.unwrap_or(false),
                emphasis: run.emphasis.unwrap_or(false),
                link: run.link.clone().map(|link| link.0),
            };
            RichText::Runs(runs.iter().map(run).collect())
        }
    }
}
