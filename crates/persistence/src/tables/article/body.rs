//! The size of a body in the cache.

use khabar_domain::{Block, Body, RichText, WebUrl};

use crate::cache::{CacheMeta, Cacheable};

impl Cacheable for Body {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.bytes(size_of_val(self.blocks()));
        for block in self.blocks() {
            block.describe(meta);
        }
    }
}

impl Cacheable for Block {
    fn describe(&self, meta: &mut CacheMeta) {
        match self {
            Self::Paragraph { text } => text.describe(meta),
            Self::Heading { text, .. } => meta.own_texts([text.as_str()]),
            Self::Quotation { text, attribution } => {
                text.describe(meta);
                meta.own_texts(attribution.as_deref());
            }
            Self::List { items, .. } => {
                meta.vector(items);
                for item in items {
                    item.describe(meta);
                }
            }
            Self::Image { .. } | Self::Video { .. } => {}
            Self::Gallery { media } => meta.vector(media),
            Self::Embed {
                provider,
                url,
                title,
            } => {
                meta.own_texts([provider.as_str(), url.as_str()]);
                meta.own_texts(title.as_deref());
            }
            Self::Table {
                caption,
                header,
                rows,
            } => {
                meta.own_texts(caption.as_deref());
                meta.vector(rows);
                for row in rows.iter().chain([header]) {
                    meta.vector(row);
                    meta.own_texts(row.iter().map(String::as_str));
                }
            }
        }
    }
}

impl Cacheable for RichText {
    fn describe(&self, meta: &mut CacheMeta) {
        match self {
            Self::Plain(text) => meta.own_texts([text.as_str()]),
            Self::Runs(runs) => {
                meta.vector(runs);
                for run in runs {
                    meta.own_texts([run.text.as_str()]);
                    meta.own_texts(run.link.as_ref().map(WebUrl::as_str));
                }
            }
        }
    }
}
