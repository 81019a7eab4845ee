//! The objects that the articles of the small newsroom refer to, and its channels.

use khabar_domain::media::{FocalPoint, Rendition};
use khabar_domain::topic::MediaTopic;
use khabar_domain::{
    Edition, FollowChannel, Invalid, LiveChannel, Media, Person, Section, Source, Story, Topic,
    WebUrl, follow_channel, media, source, story, topic,
};

use super::super::super::builders;

/// Everything that articles refer to.
pub(super) struct References {
    pub(super) media: [Media; 5],
    pub(super) sections: [Section; 5],
    pub(super) topics: [Topic; 4],
    pub(super) people: [Person; 2],
    pub(super) sources: [Source; 3],
    pub(super) stories: [Story; 4],
}

impl References {
    pub(super) fn new(edition: &Edition) -> Result<Self, Invalid> {
        let media = media_of()?;
        Ok(Self {
            sections: sections(edition)?,
            topics: topics(edition)?,
            people: [
                Person {
                    role: Some("محررة المحليات".to_owned()),
                    biography: Some("تكتب عن النهر وأهله منذ عشرين سنة.".to_owned()),
                    portrait: Some(media[4].id),
                    ..builders::person(edition, "سلمى النجار")?
                },
                builders::person(edition, "كريم الشامي")?,
            ],
            sources: [
                Source {
                    kind: Some(source::Kind::Agency),
                    url: Some(WebUrl::parse("https://agency.example/")?),
                    ..builders::source(edition, "وكالة السنديان")?
                },
                Source {
                    kind: Some(source::Kind::Outlet),
                    ..builders::source(edition, "صحيفة الضفة")?
                },
                builders::source(edition, "إذاعة النهر")?,
            ],
            stories: stories(edition, &media)?,
            media,
        })
    }
}

fn media_of() -> Result<[Media; 5], Invalid> {
    let rendition = |width: u32, height: u32| {
        Ok::<_, Invalid>(Rendition {
            url: WebUrl::parse(&format!("/media/bridge-{width}.webp"))?,
            width,
            height,
            mime: "image/webp".to_owned(),
        })
    };
    Ok([
        Media {
            caption: Some("الجسر قبل ساعة من افتتاحه".to_owned()),
            credit: Some("عدسة كريم الشامي".to_owned()),
            placeholder: Some("LKO2?U%2Tw=w]~RBVZRi};RPxuwH".to_owned()),
            focal_point: Some(FocalPoint::new(0.5, 0.25)?),
            renditions: vec![rendition(320, 213)?, rendition(640, 427)?],
            ..builders::picture("bridge", "جسر حجري فوق نهر هادئ")?
        },
        Media {
            kind: media::Kind::Video,
            url: Some(WebUrl::parse("/media/regatta.mp4")?),
            seconds: Some(95),
            ..builders::picture("regatta", "قوارب في سباق")?
        },
        Media {
            kind: media::Kind::Audio,
            url: Some(WebUrl::parse("/media/talk.ogg")?),
            width: None,
            height: None,
            seconds: Some(1_800),
            alt: None,
            ..builders::picture("talk", "")?
        },
        Media {
            url: None,
            width: None,
            height: None,
            alt: None,
            caption: Some("صورة لم يصل منها إلا شرحها".to_owned()),
            ..builders::picture("lost", "")?
        },
        builders::picture("salma", "سلمى النجار في مكتبها")?,
    ])
}

fn sections(edition: &Edition) -> Result<[Section; 5], Invalid> {
    let local = Section {
        featured: true,
        summary: Some("ما يجري في أحياء السنديان".to_owned()),
        ..builders::section(edition, "محليات", 0)?
    };
    let markets = Section {
        featured: true,
        ..builders::section(edition, "أسواق", 1)?
    };
    let farming = Section {
        parent: Some(markets.id),
        ..builders::section(edition, "زراعة", 0)?
    };
    let crafts = Section {
        parent: Some(markets.id),
        ..builders::section(edition, "حرف", 1)?
    };
    let sport = builders::section(edition, "رياضة", 2)?;
    Ok([local, markets, farming, crafts, sport])
}

fn topics(edition: &Edition) -> Result<[Topic; 4], Invalid> {
    Ok([
        Topic {
            kind: topic::Kind::Place,
            summary: Some("النهر الذي تقوم عليه البلدة".to_owned()),
            ..builders::topic(edition, "نهر السنديان")?
        },
        Topic {
            kind: topic::Kind::Organisation,
            ..builders::topic(edition, "بلدية السنديان")?
        },
        Topic {
            kind: topic::Kind::Person,
            ..builders::topic(edition, "رئيسة البلدية ليلى حداد")?
        },
        Topic {
            media_topic: Some(MediaTopic::parse("medtop:04000000")?),
            ..builders::topic(edition, "اقتصاد")?
        },
    ])
}

fn stories(edition: &Edition, media: &[Media; 5]) -> Result<[Story; 4], Invalid> {
    Ok([
        Story {
            summary: Some("من أول حجر إلى أول عابر".to_owned()),
            image: Some(media[0].id),
            pinned_position: Some(0),
            reported_article_count: Some(41),
            ..builders::story(edition, "الجسر الجديد")?
        },
        Story {
            kind: story::Kind::Show,
            pinned_position: Some(1),
            ..builders::story(edition, "ساعة على الضفة")?
        },
        Story {
            kind: story::Kind::Rubric,
            pinned_position: Some(2),
            ..builders::story(edition, "بالصور")?
        },
        Story {
            status: story::Status::Archived,
            ..builders::story(edition, "فيضان الربيع")?
        },
    ])
}

pub(super) fn live_channels(
    edition: &Edition,
    references: &References,
) -> Result<Vec<LiveChannel>, Invalid> {
    Ok(vec![
        LiveChannel {
            on_air: Some(false),
            stream_url: Some(WebUrl::parse("https://live.example/radio.m3u8")?),
            ..builders::live_channel(edition, "إذاعة النهر", 0)?
        },
        LiveChannel {
            on_air: Some(true),
            stream_url: Some(WebUrl::parse("https://live.example/tv.m3u8")?),
            poster: Some(references.media[0].id),
            ..builders::live_channel(edition, "تلفزيون السنديان", 1)?
        },
        builders::live_channel(edition, "قناة الملاعب", 2)?,
    ])
}

pub(super) fn follow_channels(edition: &Edition) -> Result<Vec<FollowChannel>, Invalid> {
    Ok(vec![
        FollowChannel {
            platform: follow_channel::Platform::Telegram,
            handle: Some("@sindyan".to_owned()),
            url: Some(WebUrl::parse("https://t.me/sindyan")?),
            ..builders::follow_channel(edition, "تيليغرام", 0)?
        },
        FollowChannel {
            platform: follow_channel::Platform::Newsletter,
            ..builders::follow_channel(edition, "النشرة المسائية", 1)?
        },
    ])
}
