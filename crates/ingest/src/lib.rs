//! Imports news from external sources. Each format is read in three stages: raw (the input as received),
//! clean (validated domain values), and merged into the stored data. Merging is idempotent.
//!
//! - `page`: news pages as text, extracted by a crawler: the article and the blocks around it
//!
//! ```ignore
//! let page = page::read("page.txt", &bytes)?; // an error names the line and what was expected
//! let mut writer = db.writer(clock.now()).await?;
//! let imported = page::merge(&mut writer, &page, &kinds).await?;
//! writer.commit().await?;
//! ```

pub mod page;
