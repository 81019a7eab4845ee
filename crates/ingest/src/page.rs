//! Imports a page: the text of one news page as extracted by a crawler, including the blocks around its
//! article.
//!
//! ```text
//! مباشر                      the live block: a heading, with or without channels
//! تابعونا                     links to follow the newsroom
//! أقسام مهمة                  the important sections
//! Stories                    the story rail, with the article count of the first story
//! 12 خبر
//!   • a story
//! the headline, the lead, the picture's alternative text, the paragraphs
//! المصدر: an agency or outlet
//! التعليقات
//! other headlines
//! ```

mod clean;
mod error;
mod merge;
mod raw;
mod title;
mod words;

pub use clean::{Article, Channel, Follow, Headlined, Named, Page, Story};
pub use error::{PageError, Problem};
pub use merge::{Imported, merge};

/// Reads a page. `name` is the file name to use in error messages.
pub fn read(name: &str, bytes: &[u8]) -> Result<Page, PageError> {
    let raw = raw::read(name, bytes)?;
    clean::clean(&raw)
}
