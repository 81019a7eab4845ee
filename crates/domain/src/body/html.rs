//! Rendering of a body as HTML that is safe to insert into a page: all text is escaped, and every tag
//! is generated here.

use std::collections::HashMap;
use std::fmt::{Result, Write};

use super::{Block, Body};
use crate::{Media, MediaId};

/// Writes a body as HTML. Omits media that are missing from `media`.
pub fn write_html<S: std::hash::BuildHasher>(
    body: &Body,
    media: &HashMap<MediaId, Media, S>,
    out: &mut impl Write,
) -> Result {
    body.blocks()
        .iter()
        .try_for_each(|block| write_block(block, media, out))
}

/// Writes text with HTML special characters escaped. Line breaks become `br` elements.
pub(super) fn write_escaped(text: &str, out: &mut impl Write) -> Result {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\n']) {
        let (plain, special) = rest.split_at(at);
        out.write_str(plain)?;
        out.write_str(match special.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => "<br>",
        })?;
        rest = &special[1..];
    }
    out.write_str(rest)
}

fn element(tag: &str, text: &str, out: &mut impl Write) -> Result {
    write!(out, "<{tag}>")?;
    write_escaped(text, out)?;
    write!(out, "</{tag}>")
}

fn write_block<S: std::hash::BuildHasher>(
    block: &Block,
    media: &HashMap<MediaId, Media, S>,
    out: &mut impl Write,
) -> Result {
    match block {
        Block::Paragraph { text } => {
            out.write_str("<p>")?;
            text.write_html(out)?;
            out.write_str("</p>")
        }
        Block::Heading { level, text } => element(&format!("h{level}"), text, out),
        Block::Quotation { text, attribution } => {
            out.write_str("<blockquote><p>")?;
            text.write_html(out)?;
            out.write_str("</p>")?;
            if let Some(by) = attribution {
                out.write_str("<footer>")?;
                element("cite", by, out)?;
                out.write_str("</footer>")?;
            }
            out.write_str("</blockquote>")
        }
        Block::List { ordered, items } => {
            let tag = if *ordered { "ol" } else { "ul" };
            write!(out, "<{tag}>")?;
            for item in items {
                out.write_str("<li>")?;
                item.write_html(out)?;
                out.write_str("</li>")?;
            }
            write!(out, "</{tag}>")
        }
        Block::Image { media: id } | Block::Video { media: id } => match media.get(id) {
            Some(found) => write_figure(found, out),
            None => Ok(()),
        },
        Block::Gallery { media: ids } => {
            out.write_str("<div class=\"gallery\">")?;
            ids.iter()
                .filter_map(|id| media.get(id))
                .try_for_each(|found| write_figure(found, out))?;
            out.write_str("</div>")
        }
        Block::Embed {
            provider,
            url,
            title,
        } => {
            out.write_str("<p class=\"embed\"><a href=\"")?;
            write_escaped(url.as_str(), out)?;
            out.write_str("\" rel=\"noopener noreferrer\">")?;
            write_escaped(title.as_deref().unwrap_or(provider), out)?;
            out.write_str("</a></p>")
        }
        Block::Table {
            caption,
            header,
            rows,
        } => write_table(caption.as_deref(), header, rows, out),
    }
}

fn write_figure(media: &Media, out: &mut impl Write) -> Result {
    let Some(url) = &media.url else { return Ok(()) };
    let is_video = matches!(media.kind, crate::media::Kind::Video);
    out.write_str(if is_video {
        "<figure><video controls src=\""
    } else {
        "<figure><img loading=\"lazy\" src=\""
    })?;
    write_escaped(url.as_str(), out)?;
    out.write_char('"')?;
    for (name, size) in [("width", media.width), ("height", media.height)] {
        if let Some(size) = size {
            write!(out, " {name}=\"{size}\"")?;
        }
    }
    if is_video {
        out.write_str("></video>")?;
    } else {
        out.write_str(" alt=\"")?;
        write_escaped(media.alt.as_deref().unwrap_or_default(), out)?;
        out.write_str("\">")?;
    }
    if let Some(caption) = &media.caption {
        element("figcaption", caption, out)?;
    }
    out.write_str("</figure>")
}

fn write_table(
    caption: Option<&str>,
    header: &[String],
    rows: &[Vec<String>],
    out: &mut impl Write,
) -> Result {
    let write_row = |tag: &str, cells: &[String], out: &mut _| {
        Write::write_str(out, "<tr>")?;
        cells.iter().try_for_each(|cell| element(tag, cell, out))?;
        Write::write_str(out, "</tr>")
    };
    out.write_str("<table>")?;
    if let Some(caption) = caption {
        element("caption", caption, out)?;
    }
    if !header.is_empty() {
        out.write_str("<thead>")?;
        write_row("th", header, out)?;
        out.write_str("</thead>")?;
    }
    out.write_str("<tbody>")?;
    rows.iter().try_for_each(|row| write_row("td", row, out))?;
    out.write_str("</tbody></table>")
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
        let mut html = String::new();
        write_html(&body, &HashMap::new(), &mut html).unwrap();
        assert_eq!(
            html,
            "<p>&lt;script&gt;</p><h2>a &amp; b</h2><blockquote><p>قول</p><footer><cite>&lt;x&gt;</cite></footer></blockquote>\
             <table><thead><tr><th>س</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
        );
    }
}
