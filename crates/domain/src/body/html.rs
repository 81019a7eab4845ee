//! Rendering of a body as HTML that is safe to insert into a page: all text is escaped, and every tag
//! is generated here.

use std::collections::HashMap;

use super::{Block, Body};
use crate::{Media, MediaId};

/// Renders a body as HTML. Omits media that are missing from `media`.
pub fn html<S: std::hash::BuildHasher>(body: &Body, media: &HashMap<MediaId, Media, S>) -> String {
    let mut out = String::new();
    for block in body.blocks() {
        push_block(block, media, &mut out);
    }
    out
}

/// Appends text with HTML special characters escaped. Line breaks become `br` elements.
pub(super) fn escape_into(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("<br>"),
            c => out.push(c),
        }
    }
}

fn element(tag: &str, text: &str, out: &mut String) {
    out.extend(["<", tag, ">"]);
    escape_into(text, out);
    out.extend(["</", tag, ">"]);
}

fn push_block<S: std::hash::BuildHasher>(
    block: &Block,
    media: &HashMap<MediaId, Media, S>,
    out: &mut String,
) {
    match block {
        Block::Paragraph { text } => out.extend(["<p>", &text.html(), "</p>"]),
        Block::Heading { level, text } => element(&format!("h{level}"), text, out),
        Block::Quotation { text, attribution } => {
            out.extend(["<blockquote><p>", &text.html(), "</p>"]);
            if let Some(by) = attribution {
                out.push_str("<footer>");
                element("cite", by, out);
                out.push_str("</footer>");
            }
            out.push_str("</blockquote>");
        }
        Block::List { ordered, items } => {
            let tag = if *ordered { "ol" } else { "ul" };
            out.extend(["<", tag, ">"]);
            for item in items {
                out.extend(["<li>", &item.html(), "</li>"]);
            }
            out.extend(["</", tag, ">"]);
        }
        Block::Image { media: id } | Block::Video { media: id } => {
            if let Some(found) = media.get(id) {
                push_figure(found, out);
            }
        }
        Block::Gallery { media: ids } => {
            out.push_str("<div class=\"gallery\">");
            ids.iter()
                .filter_map(|id| media.get(id))
                .for_each(|found| push_figure(found, out));
            out.push_str("</div>");
        }
        Block::Embed {
            provider,
            url,
            title,
        } => {
            out.push_str("<p class=\"embed\"><a href=\"");
            escape_into(url.as_str(), out);
            out.push_str("\" rel=\"noopener noreferrer\">");
            escape_into(title.as_deref().unwrap_or(provider), out);
            out.push_str("</a></p>");
        }
        Block::Table {
            caption,
            header,
            rows,
        } => push_table(caption.as_deref(), header, rows, out),
    }
}

fn push_figure(media: &Media, out: &mut String) {
    let Some(url) = &media.url else { return };
    let attribute = |name: &str, value: &str, out: &mut String| {
        out.extend([" ", name, "=\""]);
        escape_into(value, out);
        out.push('"');
    };
    let film = matches!(media.kind, crate::media::Kind::Video);
    out.push_str(if film {
        "<figure><video controls"
    } else {
        "<figure><img loading=\"lazy\""
    });
    attribute("src", url.as_str(), out);
    for (name, size) in [("width", media.width), ("height", media.height)] {
        if let Some(size) = size {
            attribute(name, &size.to_string(), out);
        }
    }
    if film {
        out.push_str("></video>");
    } else {
        attribute("alt", media.alt.as_deref().unwrap_or_default(), out);
        out.push('>');
    }
    if let Some(caption) = &media.caption {
        element("figcaption", caption, out);
    }
    out.push_str("</figure>");
}

fn push_table(caption: Option<&str>, header: &[String], rows: &[Vec<String>], out: &mut String) {
    out.push_str("<table>");
    if let Some(caption) = caption {
        element("caption", caption, out);
    }
    if !header.is_empty() {
        out.push_str("<thead><tr>");
        for cell in header {
            element("th", cell, out);
        }
        out.push_str("</tr></thead>");
    }
    out.push_str("<tbody>");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            element("td", cell, out);
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_written_and_escaped() {
        let body = Body::parse(vec![
            Block::paragraph("<script>"),
            Block::Heading {
                level: 2,
                text: "a & b".into(),
            },
            Block::Quotation {
                text: crate::RichText::plain("قول"),
                attribution: Some("<x>".into()),
            },
            Block::Table {
                caption: None,
                header: vec!["س".into()],
                rows: vec![vec!["1".into()]],
            },
            Block::Image {
                media: MediaId::new(uuid::Uuid::nil()),
            },
        ])
        .unwrap();
        assert_eq!(
            html(&body, &HashMap::new()),
            "<p>&lt;script&gt;</p><h2>a &amp; b</h2><blockquote><p>قول</p><footer><cite>&lt;x&gt;</cite></footer></blockquote>\
             <table><thead><tr><th>س</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
        );
    }
}
