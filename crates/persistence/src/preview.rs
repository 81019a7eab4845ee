//! Previews being given out. A preview is a signed text that nobody keeps; what is written down is
//! that it was given, and by whom.

use khabar_domain::ArticleId;

use crate::change::{Act, Noun};
use crate::{Result, Writer, secret};

/// Writes down that a preview of this article is given out, and makes the key that signs it, of
/// these bits, unless there is one.
pub async fn give(writer: &mut Writer, article: ArticleId, bits: [u8; 32]) -> Result<()> {
    secret::make_for_previews(writer, bits).await?;
    // Nothing that anybody reads is different.
    writer.note(Noun::Preview, article, Act::Added, Vec::new());
    Ok(())
}
