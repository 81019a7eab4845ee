//! The blocks of an article body.
//!
//! Fields of different types have different names in different blocks (`image`, `images`). A client can
//! therefore select all blocks in one query without aliases.

use async_graphql::{Context, Object, Union};
use khabar_domain::{Block, MediaId, WebUrl};
use khabar_persistence::media;

use super::Media;
use crate::context::ContextExt;
use crate::error::Result;
use crate::scalar::{Html, Url};

/// A block of an article body.
#[derive(Union)]
pub enum BodyBlock {
    /// A paragraph of text.
    Paragraph(ParagraphBlock),
    /// A heading between paragraphs.
    Heading(HeadingBlock),
    /// A quotation.
    Quotation(QuotationBlock),
    /// A list of items.
    List(ListBlock),
    /// An image.
    Image(ImageBlock),
    /// A gallery of images.
    Gallery(GalleryBlock),
    /// A video.
    Video(VideoBlock),
    /// Content embedded from another site, such as a post or a player.
    Embed(EmbedBlock),
    /// A table.
    Table(TableBlock),
}

/// Text with inline formatting.
pub struct RichText(khabar_domain::RichText);

/// Text with inline formatting.
#[Object]
impl RichText {
    /// The plain text.
    fn text(&self, ctx: &Context<'_>) -> Result<String> {
        ctx.charge_text(self.0.text())
    }

    /// The text as HTML. The only elements are `strong`, `em`, `a` and `br`. Everything else is
    /// escaped.
    fn html(&self) -> Html {
        Html(self.0.html())
    }
}

/// A paragraph of text.
pub struct ParagraphBlock(khabar_domain::RichText);

/// A paragraph of text.
#[Object]
impl ParagraphBlock {
    /// The plain text.
    fn text(&self, ctx: &Context<'_>) -> Result<String> {
        ctx.charge_text(self.0.text())
    }

    /// The text as HTML. The only elements are `strong`, `em`, `a` and `br`. Everything else is
    /// escaped.
    fn html(&self) -> Html {
        Html(self.0.html())
    }
}

/// A heading between paragraphs.
pub struct HeadingBlock {
    level: u8,
    text: String,
}

/// A heading between paragraphs.
#[Object]
impl HeadingBlock {
    /// The heading level, from 2 to 4. Level 1 is the headline of the article.
    fn level(&self) -> i32 {
        self.level.into()
    }

    /// The text of the heading.
    fn text(&self, ctx: &Context<'_>) -> Result<&str> {
        ctx.charge_text(&self.text)
    }
}

/// A quotation.
pub struct QuotationBlock {
    text: khabar_domain::RichText,
    attribution: Option<String>,
}

/// A quotation.
#[Object]
impl QuotationBlock {
    /// The quoted text as plain text.
    fn text(&self, ctx: &Context<'_>) -> Result<String> {
        ctx.charge_text(self.text.text())
    }

    /// The quoted text as HTML. The only elements are `strong`, `em`, `a` and `br`. Everything else is
    /// escaped.
    fn html(&self) -> Html {
        Html(self.text.html())
    }

    /// The person or publication quoted.
    fn attribution(&self) -> Option<&str> {
        self.attribution.as_deref()
    }
}

/// A list of items.
pub struct ListBlock {
    ordered: bool,
    items: Vec<RichText>,
}

/// A list of items, numbered or bulleted.
#[Object]
impl ListBlock {
    /// Whether the items are numbered.
    fn ordered(&self) -> bool {
        self.ordered
    }

    /// The items of the list.
    fn items(&self) -> &[RichText] {
        &self.items
    }
}

/// An image.
pub struct ImageBlock(MediaId);

/// An image.
#[Object]
impl ImageBlock {
    /// The image. Null if it no longer exists.
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, Some(self.0)).await
    }
}

/// A gallery of images.
pub struct GalleryBlock(Vec<MediaId>);

/// A gallery of images.
#[Object]
impl GalleryBlock {
    /// The images, in order. Images that no longer exist are left out.
    async fn images(&self, ctx: &Context<'_>) -> Result<Vec<Media>> {
        let mut found = ctx
            .load_many(self.0.iter().copied().map(media::ById))
            .await?;
        let images = self
            .0
            .iter()
            .filter_map(|id| found.remove(&media::ById(*id)));
        Ok(images.map(Media).collect())
    }
}

/// A video.
pub struct VideoBlock(MediaId);

/// A video.
#[Object]
impl VideoBlock {
    /// The video. Null if it no longer exists.
    async fn video(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, Some(self.0)).await
    }
}

/// Content embedded from another site, such as a post or a player.
pub struct EmbedBlock {
    provider: String,
    url: WebUrl,
    title: Option<String>,
}

/// Content embedded from another site, such as a post or a player.
#[Object]
impl EmbedBlock {
    /// The name of the provider, such as `YouTube`.
    fn provider(&self) -> &str {
        &self.provider
    }

    /// The URL of the embedded content.
    fn url(&self) -> Url {
        Url(self.url.clone())
    }

    /// The text to show where the content cannot be embedded.
    fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }
}

/// A table.
pub struct TableBlock {
    caption: Option<String>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A table with text cells.
#[Object]
impl TableBlock {
    /// The caption shown above the table.
    fn caption(&self) -> Option<&str> {
        self.caption.as_deref()
    }

    /// The column headings. Empty if the table has none.
    fn header(&self) -> &[String] {
        &self.header
    }

    /// The rows of the table. All rows have an equal number of cells.
    fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }
}

/// Converts a body to its blocks, and charges their size to the budget of the response.
pub(crate) fn blocks(ctx: &Context<'_>, body: khabar_domain::Body) -> Result<Vec<BodyBlock>> {
    // The blocks are copies, and those of all requested articles may be in memory at once.
    ctx.charge(body.bytes())?;
    Ok(Vec::from(body).into_iter().map(Into::into).collect())
}

impl From<Block> for BodyBlock {
    fn from(block: Block) -> Self {
        match block {
            Block::Paragraph { text } => Self::Paragraph(ParagraphBlock(text)),
            Block::Heading { level, text } => Self::Heading(HeadingBlock { level, text }),
            Block::Quotation { text, attribution } => {
                Self::Quotation(QuotationBlock { text, attribution })
            }
            Block::List { ordered, items } => {
                let items = items.into_iter().map(RichText).collect();
                Self::List(ListBlock { ordered, items })
            }
            Block::Image { media } => Self::Image(ImageBlock(media)),
            Block::Gallery { media } => Self::Gallery(GalleryBlock(media)),
            Block::Video { media } => Self::Video(VideoBlock(media)),
            Block::Embed {
                provider,
                url,
                title,
            } => Self::Embed(EmbedBlock {
                provider,
                url,
                title,
            }),
            Block::Table {
                caption,
                header,
                rows,
            } => Self::Table(TableBlock {
                caption,
                header,
                rows,
            }),
        }
    }
}
