//! Reading: the content of each fixture, regardless of its formatting.

use anyhow::Context as _;
use khabar_domain::article::MediaFlags;
use khabar_domain::edition::Labels;
use khabar_domain::follow_channel::Platform;
use khabar_domain::story::Kind;
use khabar_domain::{Block, RichText, WebUrl};
use khabar_ingest::page::{self, Headlined, Page};

use super::{fixture, read};

const FIXTURES: [&str; 3] = ["bare.txt", "blocks.txt", "english.txt"];

fn labels(words: [&str; 5]) -> Labels {
    let [live, follow, sections, stories, comments] = words.map(|words| Some(words.to_owned()));
    Labels {
        live,
        follow,
        sections,
        stories,
        comments,
    }
}

/// Returns the name and URL of each live channel.
fn live(page: &Page) -> Vec<(&str, Option<&str>)> {
    page.live
        .iter()
        .map(|channel| {
            let url = channel.url.as_ref().map(WebUrl::as_str);
            (channel.name.as_str(), url)
        })
        .collect()
}

type ExpectedChannel<'a> = (Platform, &'a str, Option<&'a str>, Option<&'a str>);

/// Returns the platform, name, handle and URL of each follow channel.
fn follow(page: &Page) -> Vec<ExpectedChannel<'_>> {
    page.follow
        .iter()
        .map(|channel| {
            let url = channel.url.as_ref().map(WebUrl::as_str);
            let name = channel.name.as_str();
            (channel.platform, name, channel.handle.as_deref(), url)
        })
        .collect()
}

fn sections(page: &Page) -> Vec<(&str, &str)> {
    page.sections
        .iter()
        .map(|section| (section.name.as_str(), section.slug.as_str()))
        .collect()
}

type ExpectedStory<'a> = (&'a str, Option<Kind>, Option<&'a str>, Option<i64>);

/// Returns the title, kind, picture text and reported article count of each story.
fn rail(page: &Page) -> Vec<ExpectedStory<'_>> {
    page.stories
        .iter()
        .map(|story| {
            let picture = story.picture.as_deref();
            let title = story.title.as_str();
            (title, story.kind, picture, story.reported_article_count)
        })
        .collect()
}

/// Returns a headline and the initials of its badges: photos, video, audio.
fn headlined(it: &Headlined) -> (&str, String) {
    let MediaFlags {
        photos,
        video,
        audio,
    } = it.flags;
    let letters = [(photos, 'p'), (video, 'v'), (audio, 'a')];
    let letters = letters.into_iter().filter(|(set, _)| *set);
    (
        it.headline.as_str(),
        letters.map(|(_, letter)| letter).collect(),
    )
}

fn others(page: &Page) -> Vec<(&str, String)> {
    page.others.iter().map(headlined).collect()
}

#[test]
fn a_minimal_page_is_parsed() -> anyhow::Result<()> {
    let page = read("bare.txt")?;
    assert_eq!(page.language.as_str(), "ar");
    let words = ["مباشر", "تابعونا", "أقسام مهمة", "Stories", "التعليقات"];
    assert_eq!(page.labels, labels(words));
    assert_eq!(live(&page), [("مباشر", None)]);
    assert_eq!(follow(&page), []);
    assert_eq!(sections(&page), []);
    Ok(())
}

#[test]
fn rail_stories_are_deduplicated() -> anyhow::Result<()> {
    let page = read("bare.txt")?;
    let port = "توسعة ميناء الشمال";
    let expected = [
        (port, None, Some(port), Some(27)),
        ("مواسم الزيتون", None, Some("مواسم الزيتون"), None),
        (
            "سباق القوارب الشراعية",
            None,
            Some("سباق القوارب الشراعية"),
            None,
        ),
        (
            "برنامج المرفأ",
            Some(Kind::Show),
            Some("برنامج المرفأ"),
            None,
        ),
        ("45 دقيقة", Some(Kind::Show), Some("45 دقيقة"), None),
        ("فيديوهات", Some(Kind::Rubric), Some("فيديوهات"), None),
    ];
    assert_eq!(rail(&page), expected);
    assert_eq!(page.stories[0].slug.as_str(), "توسعة-ميناء-الشمال");
    Ok(())
}

#[test]
fn the_parts_of_the_article_are_parsed() -> anyhow::Result<()> {
    let page = read("bare.txt")?;
    let article = &page.article;
    let headline = "المدينة تفتتح الرصيف الثالث في ميناء الشمال بعد عامين من العمل";
    assert_eq!(
        headlined(&article.headlined),
        (headline, String::new()),
        "no badge stands behind it"
    );
    let lead = article.lead.as_deref().context("no lead")?;
    assert!(lead.starts_with("افتتحت بلدية المدينة، صباح الأحد،"));
    assert!(lead.ends_with("خلال أسبوع."));
    // The headline repeated below the lead is the text of a picture.
    assert_eq!(article.picture.as_deref(), Some(headline));
    let starts = ["وقالت مديرة الميناء", "وبلغت كلفة الرصيف", "ورأى صيادون"];
    let blocks = article.body.blocks();
    assert_eq!(blocks.len(), starts.len());
    for (block, start) in blocks.iter().zip(starts) {
        let Block::Paragraph { text } = block else {
            anyhow::bail!("{block:?} is no paragraph");
        };
        assert!(text.text().starts_with(start), "{}", text.text());
    }
    assert!(
        article
            .body
            .text()
            .contains("\"انتهى قبل موعده بشهر كامل\"")
    );
    assert_eq!(article.source.name.as_str(), "وكالة المرفأ");
    assert_eq!(article.source.slug.as_str(), "وكالة-المرفأ");
    Ok(())
}

#[test]
fn headlines_keep_their_order_without_badges() -> anyhow::Result<()> {
    let page = read("bare.txt")?;
    let expected = [
        ("مزارعو الوادي يبدأون قطاف الزيتون قبل موعده بأسبوعين", ""),
        ("مكتبة الحي القديم تفتح أبوابها ليلا في الصيف", ""),
        ("بعد غياب طويل.. عودة القطار الساحلي إلى الخدمة", "pv"),
        (
            "وزيرة النقل: تذكرة واحدة للحافلة والترام \"قبل نهاية العام\"",
            "",
        ),
        ("فريق المدينة يفوز بسباق القوارب للمرة الثالثة", "v"),
    ];
    assert_eq!(
        others(&page),
        expected.map(|(it, badges)| (it, badges.into()))
    );
    Ok(())
}

#[test]
fn channels_and_sections_of_a_full_page_are_parsed() -> anyhow::Result<()> {
    let page = read("blocks.txt")?;
    let words = [
        "مباشر",
        "أين يمكنك متابعتنا",
        "أقسام مهمة",
        "قصص",
        "التعليقات",
    ];
    assert_eq!(page.labels, labels(words));
    let stream = "https://live.example.org/marfa.m3u8";
    assert_eq!(
        live(&page),
        [("قناة المرفأ", Some(stream)), ("إذاعة المرفأ", None)]
    );
    let handle = Some("@almarfa");
    let expected = [
        (
            Platform::Telegram,
            "Telegram",
            handle,
            Some("https://t.me/almarfa"),
        ),
        (
            Platform::Youtube,
            "يوتيوب",
            None,
            Some("https://www.youtube.com/@almarfa"),
        ),
        (Platform::X, "إكس", handle, None),
        (Platform::Newsletter, "نشرة الصباح", None, None),
    ];
    assert_eq!(follow(&page), expected);
    let expected = [
        ("المدينة", "المدينة"),
        ("البحر والميناء", "البحر-والميناء"),
        ("رياضة", "رياضة"),
    ];
    assert_eq!(sections(&page), expected);
    Ok(())
}

#[test]
fn a_rail_without_images_is_parsed() -> anyhow::Result<()> {
    let page = read("blocks.txt")?;
    let expected = [
        ("مترو الضفتين", None, None, Some(12)),
        ("صور", Some(Kind::Rubric), None, None),
        ("حدائق الأحياء", None, None, None),
    ];
    assert_eq!(rail(&page), expected);
    Ok(())
}

#[test]
fn adjacent_bullets_are_one_list() -> anyhow::Result<()> {
    let page = read("blocks.txt")?;
    let article = &page.article;
    assert_eq!(
        headlined(&article.headlined),
        ("مترو الضفتين يصل إلى المحطة السابعة", "p".into())
    );
    assert!(article.lead.is_some());
    // The headline is not repeated, so there is no picture.
    assert_eq!(article.picture, None);
    let points = ["مد السكة في النفق الشرقي", "تركيب الإشارات", "اختبار الأبواب"];
    let list = Block::List {
        ordered: false,
        items: points.map(RichText::plain).into(),
    };
    let blocks = article.body.blocks();
    assert_eq!(blocks.len(), 3);
    assert_eq!(blocks[1], list);
    assert_eq!(
        blocks[2],
        Block::paragraph("ولم تعلن الشركة بعد سعر التذكرة.")
    );
    assert_eq!(article.source.name.as_str(), "المرفأ");
    let expected = [
        (
            "المدينة تفتتح الرصيف الثالث في ميناء الشمال بعد عامين من العمل",
            "",
        ),
        ("حديقة جديدة بين برجين في الحي الشمالي", "v"),
    ];
    assert_eq!(
        others(&page),
        expected.map(|(it, badges)| (it, badges.into()))
    );
    Ok(())
}

#[test]
fn an_english_page_is_parsed_with_english_labels() -> anyhow::Result<()> {
    let page = read("english.txt")?;
    assert_eq!(page.language.as_str(), "en");
    let words = [
        "Live",
        "Follow us",
        "Important sections",
        "Stories",
        "Comments",
    ];
    assert_eq!(page.labels, labels(words));
    let stream = Some("https://radio.example.org/live");
    assert_eq!(live(&page), [("Harbour Radio", stream)]);
    let url = Some("https://www.facebook.com/harbournews");
    let expected = [(Platform::Facebook, "Facebook", Some("@harbournews"), url)];
    assert_eq!(follow(&page), expected);
    assert_eq!(
        sections(&page),
        [("City", "city"), ("Sea & Harbour", "sea-harbour")]
    );
    let expected = [
        ("Northern pier", None, None, Some(8)),
        ("Programme Quayside", Some(Kind::Show), None, None),
        ("Videos", Some(Kind::Rubric), None, None),
    ];
    assert_eq!(rail(&page), expected);
    let headline = "Third pier opens at the northern harbour";
    assert_eq!(
        headlined(&page.article.headlined),
        (headline, String::new())
    );
    assert_eq!(page.article.picture.as_deref(), Some(headline));
    assert_eq!(page.article.body.blocks().len(), 2);
    assert_eq!(page.article.source.name.as_str(), "Harbour Agency");
    let expected = [
        ("Coast railway is back after a long break", "pv"),
        ("The old library stays open at night in summer", ""),
    ];
    assert_eq!(
        others(&page),
        expected.map(|(it, badges)| (it, badges.into()))
    );
    Ok(())
}

/// A variation in formatting: its name, and the function that applies it to a page.
type Variation = (&'static str, fn(&str) -> String);

fn each_line(text: &str, set: impl Fn(&str) -> String) -> String {
    let lines: Vec<_> = text.lines().map(set).collect();
    lines.join("\n")
}

/// Replaces the bullet and indentation of a line. A line without a bullet is returned unchanged.
fn bulleted(line: &str, indent: &str, bullet: &str) -> String {
    match line.trim_start().strip_prefix(['•', '*', '-']) {
        Some(words) if words.starts_with(' ') => format!("{indent}{bullet}{words}"),
        _ => line.to_owned(),
    }
}

const SETTINGS: [Variation; 12] = [
    ("Windows' line breaks", |text| text.replace('\n', "\r\n")),
    ("old Macs' line breaks", |text| text.replace('\n', "\r")),
    ("no line break at the end", |text| {
        text.trim_end().to_owned()
    }),
    ("blank lines at the end", |text| format!("{text}\n \n\n")),
    ("a byte order mark", |text| format!("\u{feff}{text}")),
    ("no blank lines", |text| text.replace("\n\n", "\n")),
    ("space behind every line", |text| {
        each_line(text, |line| format!("{line} \t"))
    }),
    ("wide spaces between words", |text| {
        each_line(text, |line| {
            let words = line.trim_start();
            let margin = &line[..line.len() - words.len()];
            format!("{margin}{}", words.replace(' ', " \u{a0} "))
        })
    }),
    ("bullets at the margin", |text| {
        each_line(text, |line| bulleted(line, "", "●"))
    }),
    ("bullets far from the margin", |text| {
        each_line(text, |line| bulleted(line, "\t\t", "-"))
    }),
    ("words below bullets at one space", |text| {
        text.replace("\n    ", "\n ")
    }),
    ("marks that steer the display", |text| {
        each_line(text, |line| {
            format!("\u{200f}\u{202b}{line}\u{202c}\u{200e}")
        })
    }),
];

#[test]
fn typographic_variants_are_parsed_alike() -> anyhow::Result<()> {
    for (setting, set) in SETTINGS {
        let mut different = false;
        for name in FIXTURES {
            let (text, expected) = (fixture(name), read(name)?);
            let set = set(&text);
            different |= set != text;
            let read = page::read(name, set.as_bytes());
            let read = read.with_context(|| format!("{name} with {setting}"))?;
            assert_eq!(read, expected, "{name} with {setting}");
        }
        assert!(different, "every fixture is set so already: {setting}");
    }
    Ok(())
}

#[test]
fn decomposed_letters_are_composed() -> anyhow::Result<()> {
    let apart = fixture("bare.txt")
        .replace('أ', "ا\u{654}")
        .replace('إ', "ا\u{655}")
        .replace('ؤ', "و\u{654}")
        .replace('ئ', "ي\u{654}");
    assert_ne!(apart, fixture("bare.txt"));
    assert_eq!(page::read("bare.txt", apart.as_bytes())?, read("bare.txt")?);
    Ok(())
}
