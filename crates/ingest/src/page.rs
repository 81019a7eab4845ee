//! A page: a crawler's text of one news page, with what stands around its article.
//!
//! ```text
//! مباشر                      the live block: its channels, or only its heading
//! تابعونا                     where to follow the newsroom
//! أقسام مهمة                  the important sections
//! Stories                    the rail of stories, and how many articles the first one has
//! 12 خبر
//!   • a story
//! the headline, its lead, its picture's words, its paragraphs
//! المصدر: an agency
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

/// Reads a page; `name` is what an error calls the file.
pub fn read(name: &str, bytes: &[u8]) -> Result<Page, PageError> {
    let raw = raw::read(name, bytes)?;
    clean::clean(&raw)
}
