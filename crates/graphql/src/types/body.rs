//! A body's blocks, as the API shows them.
//!
//! Fields of different shape have different names in different blocks (`image`, `images`), so that
//! a client can select all blocks at once without aliases.

use async_graphql::{Context, Object, Union};
use khabar_domain::{Block, MediaId, WebUrl};
use khabar_persistence::media;

use super::Media;
use crate::error::Result;
use crate::scalar::{Html, Url};
use crate::scope::Asked;

/// One block of an article's text.
#[derive(Union)]
pub enum BodyBlock {
    /// Running text.
    Paragraph(ParagraphBlock),
    /// A heading between paragraphs.
    Heading(HeadingBlock),
    /// Words that somebody else said.
    Quotation(QuotationBlock),
    /// Points.
    List(ListBlock),
    /// A picture.
    Image(ImageBlock),
    /// Several pictures.
    Gallery(GalleryBlock),
    /// A film.
    Video(VideoBlock),
    /// A post or player of another site.
    Embed(EmbedBlock),
    /// Rows and columns.
    Table(TableBlock),
}

/// Words with a little markup.
pub struct RichText(khabar_domain::RichText);

/// Words with a little markup.
#[Object]
impl RichText {
    /// The words alone.
    fn text(&self) -> String {
        self.0.text()
    }

    /// The words as HTML: `strong`, `em`, `a` and `br`, everything else escaped.
    fn html(&self) -> Html {
        Html(self.0.html())
    }
}

/// Running text.
pub struct ParagraphBlock(khabar_domain::RichText);

/// Running text.
#[Object]
impl ParagraphBlock {
    /// The words alone.
    fn text(&self) -> String {
        self.0.text()
    }

    /// The words as HTML: `strong`, `em`, `a` and `br`, everything else escaped.
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
    /// 2 to 4; the headline is 1.
    fn level(&self) -> i32 {
        self.level.into()
    }

    /// Its words.
    fn text(&self) -> &str {
        &self.text
    }
}

/// Words that somebody else said.
pub struct QuotationBlock {
    text: khabar_domain::RichText,
    attribution: Option<String>,
}

/// Words that somebody else said.
#[Object]
impl QuotationBlock {
    /// What was said, the words alone.
    fn text(&self) -> String {
        self.text.text()
    }

    /// What was said, as HTML: `strong`, `em`, `a` and `br`, everything else escaped.
    fn html(&self) -> Html {
        Html(self.text.html())
    }

    /// By whom, or where.
    fn attribution(&self) -> Option<&str> {
        self.attribution.as_deref()
    }
}

/// Points.
pub struct ListBlock {
    ordered: bool,
    items: Vec<RichText>,
}

/// Points, numbered or not.
#[Object]
impl ListBlock {
    /// Whether the points are numbered.
    fn ordered(&self) -> bool {
        self.ordered
    }

    /// The points.
    fn items(&self) -> &[RichText] {
        &self.items
    }
}

/// A picture.
pub struct ImageBlock(MediaId);

/// A picture.
#[Object]
impl ImageBlock {
    /// The picture; null when it is gone.
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, Some(self.0)).await
    }
}

/// Several pictures.
pub struct GalleryBlock(Vec<MediaId>);

/// Several pictures.
#[Object]
impl GalleryBlock {
    /// The pictures, in order, without those that are gone.
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

/// A film.
pub struct VideoBlock(MediaId);

/// A film.
#[Object]
impl VideoBlock {
    /// The film; null when it is gone.
    async fn video(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, Some(self.0)).await
    }
}

/// A post or player of another site.
pub struct EmbedBlock {
    provider: String,
    url: WebUrl,
    title: Option<String>,
}

/// A post or player of another site.
#[Object]
impl EmbedBlock {
    /// Whose it is, such as `YouTube`.
    fn provider(&self) -> &str {
        &self.provider
    }

    /// Where it is.
    fn url(&self) -> Url {
        Url(self.url.clone())
    }

    /// What to show where it cannot be embedded.
    fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }
}

/// Rows and columns.
pub struct TableBlock {
    caption: Option<String>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Rows and columns of words.
#[Object]
impl TableBlock {
    /// What stands over it.
    fn caption(&self) -> Option<&str> {
        self.caption.as_deref()
    }

    /// The columns' headings; empty when it has none.
    fn header(&self) -> &[String] {
        &self.header
    }

    /// The rows, each as long as the others.
    fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }
}

/// The blocks of a body.
pub(crate) fn blocks(ctx: &Context<'_>, body: khabar_domain::Body) -> Result<Vec<BodyBlock>> {
    // They are copies, and all that are asked for may be held at once.
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
