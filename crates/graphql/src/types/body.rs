//! The blocks of an article body.
//!
//! Fields of different types have different names in different blocks (`image`, `images`). A client can
//! therefore select all blocks in one query without aliases.

use async_graphql::parser::types::SelectionSet;
use async_graphql::registry::Registry;
use khabar_domain::{ArticleId, Block, Body, MediaId, RichText as Text, WebUrl};
use khabar_executor::{ByType, Pick};
use khabar_persistence::{article, media};

use super::Media;
use crate::error::{Code, Error, Result};
use crate::object::{
    Call, CompositeType, FieldObjects, FieldResolver, LoadEach, LoadOne, NestedList, ObjectsOf,
    Selected, SelectionOf, keyed, object, register_union, with_type,
};
use crate::scalar::Html;

/// A block of an article body.
#[derive(Debug)]
pub(crate) struct BodyBlock;

/// Declares the types of blocks, once for the schema and for their selection.
macro_rules! blocks {
    ($($ty:ident: $project:expr;)+) => {
        impl CompositeType for BodyBlock {
            type Object = Block;

            fn register(registry: &mut Registry) -> &'static str {
                register_union(
                    registry,
                    "BodyBlock",
                    "A block of an article body.",
                    &[$(<$ty as CompositeType>::register),+],
                );
                "BodyBlock"
            }

            fn select(selection_set: &SelectionSet) -> Option<SelectionOf<Block>> {
                let types = ByType::default();
                $(let types = with_type::<_, $ty>(types, selection_set, $project)?;)+
                Some(SelectionOf::Abstract(types))
            }
        }
    };
}

blocks! {
    ParagraphBlock: |block| match block { Block::Paragraph { text } => Some(text), _ => None };
    HeadingBlock: |block| matches!(block, Block::Heading { .. }).then_some(block);
    QuotationBlock: |block| matches!(block, Block::Quotation { .. }).then_some(block);
    ListBlock: |block| matches!(block, Block::List { .. }).then_some(block);
    ImageBlock: |block| match block { Block::Image { media } => Some(media), _ => None };
    GalleryBlock: |block| match block { Block::Gallery { media } => Some(media), _ => None };
    VideoBlock: |block| match block { Block::Video { media } => Some(media), _ => None };
    EmbedBlock: |block| matches!(block, Block::Embed { .. }).then_some(block);
    TableBlock: |block| matches!(block, Block::Table { .. }).then_some(block);
}

/// Returns a field of a block that is of this variant.
macro_rules! of_variant {
    ($block:ident, $variant:ident, $field:ident) => {
        match $block {
            Block::$variant { $field, .. } => Ok($field),
            _ => Err(other_type()),
        }
    };
}

/// The error for a block of another type, which is not selected as this one.
fn other_type() -> Error {
    tracing::error!("block_of_another_type");
    Error::unexplained()
}

/// Text with inline formatting.
#[derive(Debug)]
pub(crate) struct RichText;

/// Text with inline formatting.
#[object(of = Text)]
impl RichText {
    /// The plain text.
    fn text(text: &Text) -> String {
        text.text()
    }

    /// The text as HTML. The only elements are `strong`, `em`, `a` and `br`. Everything else is
    /// escaped.
    fn html(text: &Text) -> Html {
        Html(text.html())
    }
}

/// A paragraph of text.
#[derive(Debug)]
pub(crate) struct ParagraphBlock;

/// A paragraph of text.
#[object(of = Text)]
impl ParagraphBlock {
    /// The plain text.
    fn text(text: &Text) -> String {
        text.text()
    }

    /// The text as HTML. The only elements are `strong`, `em`, `a` and `br`. Everything else is
    /// escaped.
    fn html(text: &Text) -> Html {
        Html(text.html())
    }
}

/// A heading between paragraphs.
#[derive(Debug)]
pub(crate) struct HeadingBlock;

/// A heading between paragraphs.
#[object(of = Block)]
impl HeadingBlock {
    /// The heading level, from 2 to 4. Level 1 is the headline of the article.
    fn level(block: &Block) -> Result<i32> {
        of_variant!(block, Heading, level).map(|level| (*level).into())
    }

    /// The text of the heading.
    fn text(block: &Block) -> Result<&String> {
        of_variant!(block, Heading, text)
    }
}

/// A quotation.
#[derive(Debug)]
pub(crate) struct QuotationBlock;

/// A quotation.
#[object(of = Block)]
impl QuotationBlock {
    /// The quoted text as plain text.
    fn text(block: &Block) -> Result<String> {
        of_variant!(block, Quotation, text).map(Text::text)
    }

    /// The quoted text as HTML. The only elements are `strong`, `em`, `a` and `br`. Everything else is
    /// escaped.
    fn html(block: &Block) -> Result<Html> {
        of_variant!(block, Quotation, text).map(|text| Html(text.html()))
    }

    /// The person or publication quoted.
    fn attribution(block: &Block) -> Result<&Option<String>> {
        of_variant!(block, Quotation, attribution)
    }
}

/// A list of items.
#[derive(Debug)]
pub(crate) struct ListBlock;

/// A list of items, numbered or bulleted.
#[object(of = Block)]
impl ListBlock {
    /// Whether the items are numbered.
    fn ordered(block: &Block) -> Result<bool> {
        of_variant!(block, List, ordered).copied()
    }

    /// The items of the list.
    fn items(block: &Block) -> NestedList<'_, RichText> {
        NestedList::new(of_variant!(block, List, items).into_iter().flatten())
    }
}

/// An image.
#[derive(Debug)]
pub(crate) struct ImageBlock;

/// An image.
#[object(of = MediaId)]
impl ImageBlock {
    /// The image. Null if it no longer exists.
    fn image(id: &MediaId) -> LoadOne<Media, media::ById> {
        Media::load(Some(*id))
    }
}

/// A gallery of images.
#[derive(Debug)]
pub(crate) struct GalleryBlock;

/// A gallery of images.
#[object(of = Vec<MediaId>)]
impl GalleryBlock {
    /// The images, in order. Images that no longer exist are left out.
    fn images(ids: &Vec<MediaId>) -> LoadEach<Media, media::ById> {
        LoadEach::new(ids.iter().copied().map(media::ById))
    }
}

/// A video.
#[derive(Debug)]
pub(crate) struct VideoBlock;

/// A video.
#[object(of = MediaId)]
impl VideoBlock {
    /// The video. Null if it no longer exists.
    fn video(id: &MediaId) -> LoadOne<Media, media::ById> {
        Media::load(Some(*id))
    }
}

/// Content embedded from another site, such as a post or a player.
#[derive(Debug)]
pub(crate) struct EmbedBlock;

/// Content embedded from another site, such as a post or a player.
#[object(of = Block)]
impl EmbedBlock {
    /// The name of the provider, such as `YouTube`.
    fn provider(block: &Block) -> Result<&String> {
        of_variant!(block, Embed, provider)
    }

    /// The URL of the embedded content.
    fn url(block: &Block) -> Result<&WebUrl> {
        of_variant!(block, Embed, url)
    }

    /// The text to show where the content cannot be embedded.
    fn title(block: &Block) -> Result<&Option<String>> {
        of_variant!(block, Embed, title)
    }
}

/// A table.
#[derive(Debug)]
pub(crate) struct TableBlock;

/// A table with text cells.
#[object(of = Block)]
impl TableBlock {
    /// The caption shown above the table.
    fn caption(block: &Block) -> Result<&Option<String>> {
        of_variant!(block, Table, caption)
    }

    /// The column headings. Empty if the table has none.
    fn header(block: &Block) -> Result<&Vec<String>> {
        of_variant!(block, Table, header)
    }

    /// The rows of the table. All rows have an equal number of cells.
    fn rows(block: &Block) -> Result<&Vec<Vec<String>>> {
        of_variant!(block, Table, rows)
    }
}

/// The blocks of an article's body. Empty, with an error, if the body cannot be read: the list is non-null, and
/// an error in its place would make the article null.
pub(crate) struct LoadBody(pub(crate) ArticleId);

impl FieldObjects for LoadBody {
    fn type_info(registry: &mut Registry) -> String {
        format!("[{}!]!", BodyBlock::register(registry))
    }
}

impl<T: Send + Sync + 'static> ObjectsOf<T> for LoadBody {
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let blocks = keyed(
            selected,
            call,
            |Self(article)| Some(article::BodyOf(article)),
            Pick::Many(|body: &Body, each| body.blocks().iter().for_each(each)),
            selected.select::<BodyBlock>()?,
        );
        Some(FieldResolver::objects(blocks.or_empty(is_broken_row)))
    }
}

fn is_broken_row(error: &Error) -> bool {
    error.code() == Code::BrokenRow
}
