//! The body of an article as one text: plain or HTML. It is written straight into the response.

use std::collections::HashMap;

use async_graphql::OutputType;
use async_graphql::registry::Registry;
use khabar_domain::{Body, Media, MediaId};
use khabar_executor::json;

use crate::object::FieldValue;
use crate::scalar::Html;

/// The body as plain text.
#[derive(Debug, Default)]
pub(crate) struct BodyText(pub(crate) Body);

/// The body as HTML.
#[derive(Debug, Default)]
pub(crate) struct BodyHtml {
    pub(crate) body: Body,
    /// The images and videos in it. Those that are missing are omitted.
    pub(crate) media: HashMap<MediaId, Media>,
}

impl FieldValue for BodyText {
    fn type_info(registry: &mut Registry) -> String {
        String::create_type_info(registry)
    }

    fn write(&self, text: &mut Vec<u8>) {
        json::string_with(text, |out| self.0.write_text(out));
    }

    fn size_hint(&self) -> usize {
        self.0.text_bytes()
    }
}

impl FieldValue for BodyHtml {
    fn type_info(registry: &mut Registry) -> String {
        Html::create_type_info(registry)
    }

    fn write(&self, text: &mut Vec<u8>) {
        json::string_with(text, |out| {
            khabar_domain::body::write_html(&self.body, &self.media, out)
        });
    }

    /// The length without markup.
    fn size_hint(&self) -> usize {
        self.body.text_bytes()
    }
}
