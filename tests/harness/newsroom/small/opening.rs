//! The article of the small newsroom that uses every field.

use khabar_domain::article::MediaFlags;
use khabar_domain::body::Run;
use khabar_domain::{Article, Block, Edition, Invalid, RichText, WebUrl};
use khabar_persistence::article::Manuscript;

use super::super::super::builders;
use super::references::References;

/// Returns an article that uses every field.
pub(super) fn opening(edition: &Edition, references: &References) -> Result<Manuscript, Invalid> {
    let [bridge_picture, regatta, _, lost, _] = &references.media;
    let article = builders::article(edition, "افتتاح الجسر الجديد فوق نهر السنديان", 60)?;
    let article = Article {
        canonical_url: Some(WebUrl::parse("https://sindyan.example/bridge")?),
        lead: Some("عبر أهل السنديان نهرهم على الأقدام للمرة الأولى منذ نصف قرن.".to_owned()),
        hero: Some(bridge_picture.id),
        source: Some(references.sources[0].id),
        section: Some(references.sections[0].id),
        flags: MediaFlags {
            photos: true,
            video: true,
            audio: false,
        },
        updated_at: article
            .published_at
            .map(|at| at + chrono::Duration::minutes(90)),
        version: 2,
        read_count: 900,
        ..article
    };
    let run = |text: &str| Run {
        text: text.to_owned(),
        ..Run::default()
    };
    let blocks = vec![
        Block::Paragraph {
            text: RichText::Runs(vec![
                run("قطعت "),
                Run {
                    strong: true,
                    ..run("رئيسة البلدية")
                },
                run(" الشريط صباح الخميس، ثم مشت إلى الضفة الأخرى & عادت. انظر "),
                Run {
                    link: Some(WebUrl::parse("https://sindyan.example/map?a=1&b=2")?),
                    ..run("الخريطة")
                },
                run("."),
            ]),
        },
        Block::Heading {
            level: 2,
            text: "خمسون عاماً من الانتظار".to_owned(),
        },
        Block::Quotation {
            text: RichText::plain("كنا نسمع أجراس السوق ولا نصل إليه."),
            attribution: Some("أم خالد، من سكان الضفة الشرقية".to_owned()),
        },
        Block::List {
            ordered: true,
            items: vec![
                RichText::plain("ممر للمشاة"),
                RichText::plain("مسار للدراجات"),
            ],
        },
        Block::Image {
            media: bridge_picture.id,
        },
        Block::Gallery {
            media: vec![bridge_picture.id, lost.id],
        },
        Block::Video { media: regatta.id },
        Block::Embed {
            provider: "YouTube".to_owned(),
            url: WebUrl::parse("https://www.youtube.com/watch?v=sindyan")?,
            title: Some("الافتتاح كاملاً".to_owned()),
        },
        Block::Table {
            caption: Some("الجسر بالأرقام".to_owned()),
            header: vec!["البند".to_owned(), "العدد".to_owned()],
            rows: vec![
                vec!["الأقواس".to_owned(), "7".to_owned()],
                vec!["المصابيح".to_owned(), "120".to_owned()],
            ],
        },
    ];
    Ok(Manuscript {
        authors: references.people.iter().map(|person| person.id).collect(),
        topics: vec![references.topics[0].id, references.topics[1].id],
        stories: vec![references.stories[0].id, references.stories[2].id],
        ..builders::manuscript(article, blocks)?
    })
}
