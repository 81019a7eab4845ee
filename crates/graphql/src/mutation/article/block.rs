//! The blocks of a body as a writer hands them in.

use async_graphql::{ID, InputObject, OneofObject};
use khabar_domain::body::Run;
use khabar_domain::{Block, Body, MediaId, RichText};

use crate::error::Result;
use crate::mutation::read;
use crate::scalar::Url;
use crate::write::Refusal;

/// One block of an article's text.
#[derive(Clone, Debug, OneofObject)]
pub(super) enum BlockInput {
    /// Running text.
    Paragraph(RichTextInput),
    /// A heading between paragraphs.
    Heading(HeadingBlockInput),
    /// Words that somebody else said.
    Quotation(QuotationBlockInput),
    /// Points.
    List(ListBlockInput),
    /// A picture.
    Image(ImageBlockInput),
    /// Several pictures.
    Gallery(GalleryBlockInput),
    /// A film.
    Video(VideoBlockInput),
    /// A post or player of another site.
    Embed(EmbedBlockInput),
    /// Rows and columns.
    Table(TableBlockInput),
}

/// Words, with a little markup or without.
#[derive(Clone, Debug, OneofObject)]
pub(super) enum RichTextInput {
    /// Words without markup.
    Text(String),
    /// Words with some, run by run.
    Runs(Vec<RunInput>),
}

/// A stretch of words that look alike.
#[derive(Clone, Debug, InputObject)]
pub(super) struct RunInput {
    /// The words, with the spaces before and after them.
    text: String,
    /// Whether they are bold; not when nothing is said.
    strong: Option<bool>,
    /// Whether they are in italics; not when nothing is said.
    emphasis: Option<bool>,
    /// Where a click on them leads.
    link: Option<Url>,
}

/// A heading between paragraphs.
#[derive(Clone, Debug, InputObject)]
pub(super) struct HeadingBlockInput {
    /// 2 to 4; 2 when nothing is said. The headline is 1.
    level: Option<i32>,
    /// Its words.
    text: String,
}

/// Words that somebody else said.
#[derive(Clone, Debug, InputObject)]
pub(super) struct QuotationBlockInput {
    /// What was said.
    quote: RichTextInput,
    /// By whom, or where.
    attribution: Option<String>,
}

/// Points, numbered or not.
#[derive(Clone, Debug, InputObject)]
pub(super) struct ListBlockInput {
    /// Whether the points are numbered; not when nothing is said.
    ordered: Option<bool>,
    /// The points.
    items: Vec<RichTextInput>,
}

/// A picture.
#[derive(Clone, Debug, InputObject)]
pub(super) struct ImageBlockInput {
    /// The picture, by its global id.
    image: ID,
}

/// Several pictures.
#[derive(Clone, Debug, InputObject)]
pub(super) struct GalleryBlockInput {
    /// The pictures, in order, by their global ids; at most 100.
    images: Vec<ID>,
}

/// A film.
#[derive(Clone, Debug, InputObject)]
pub(super) struct VideoBlockInput {
    /// The film, by its global id.
    video: ID,
}

/// A post or player of another site.
#[derive(Clone, Debug, InputObject)]
pub(super) struct EmbedBlockInput {
    /// Whose it is, such as `YouTube`.
    provider: String,
    /// Where it is.
    url: Url,
    /// What to show where it cannot be embedded.
    title: Option<String>,
}

/// Rows and columns of words.
#[derive(Clone, Debug, InputObject)]
pub(super) struct TableBlockInput {
    /// What stands over it.
    caption: Option<String>,
    /// The columns' headings; none when nothing is said.
    header: Option<Vec<String>>,
    /// The rows, each as long as the others.
    rows: Vec<Vec<String>>,
}

/// The body that these blocks make.
pub(super) fn body(blocks: &[BlockInput]) -> Result<Body, Refusal> {
    let mut read = Vec::with_capacity(blocks.len());
    for (place, input) in blocks.iter().enumerate() {
        read.push(block(&place.to_string(), input)?);
    }
    read::value(&["body"], Body::parse(read))
}

fn block(place: &str, input: &BlockInput) -> Result<Block, Refusal> {
    let media = |id: &ID| -> Result<MediaId, Refusal> { read::id(&["body", place], id) };
    Ok(match input {
        BlockInput::Paragraph(text) => Block::Paragraph { text: rich(text) },
        BlockInput::Heading(HeadingBlockInput { level, text }) => Block::Heading {
            // What is no level at all is refused as the level that no heading has.
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
