//! The newsroom for the API's test cases: a few days of news from a town by a river.

use khabar_domain::article::{Kind, MediaFlags, Status};
use khabar_domain::body::Run;
use khabar_domain::edition::Labels;
use khabar_domain::media::{FocalPoint, Rendition};
use khabar_domain::topic::MediaTopic;
use khabar_domain::{
    Article, Block, Comment, Direction, Edition, FollowChannel, Invalid, Language, LiveChannel,
    Media, Person, RichText, Section, Source, Story, Topic, WebUrl, comment, follow_channel, media,
    related, source, story, topic,
};
use khabar_persistence::article::Manuscript;

use super::super::builders;
use super::{Newsroom, chosen, computed};

impl Newsroom {
    /// Builds the small newsroom: two editions and about a dozen articles, with something of every kind.
    pub fn small() -> Result<Self, Invalid> {
        let arabic = Edition {
            labels: Labels {
                live: Some("مباشر الآن".to_owned()),
                follow: Some("تابعونا".to_owned()),
                sections: Some("أبواب رئيسية".to_owned()),
                stories: Some("ملفات".to_owned()),
                comments: None,
            },
            ..builders::edition("ar", "خبر السنديان", "ar")?
        };
        let english = builders::edition("en", "Sindyan News", "en")?;
        let shelf = Shelf::new(&arabic)?;
        let mut newsroom = Self {
            media: shelf.media.to_vec(),
            sections: shelf.sections.to_vec(),
            topics: shelf.topics.to_vec(),
            people: shelf.people.to_vec(),
            sources: shelf.sources.to_vec(),
            live_channels: live_channels(&arabic, &shelf)?,
            follow_channels: follow_channels(&arabic)?,
            ..Self::default()
        };
        let [river, council, _, economy] = &shelf.topics;
        newsroom.stories = shelf
            .stories
            .iter()
            .cloned()
            .map(|story| (story, vec![]))
            .collect();
        newsroom.stories[0].1 = vec![council.id, river.id];
        newsroom.stories[3].1 = vec![river.id];
        newsroom.add_articles(&arabic, &shelf, economy)?;
        let abroad = builders::article(&english, "Three villages race their boats", 20)?;
        newsroom.manuscripts.push(builders::manuscript(
            abroad,
            vec![Block::paragraph("The boats left at noon.")],
        )?);
        newsroom.editions = vec![arabic, english];
        Ok(newsroom)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a list of articles, one after another"
    )]
    fn add_articles(
        &mut self,
        edition: &Edition,
        shelf: &Shelf,
        economy: &Topic,
    ) -> Result<(), Invalid> {
        let [bridge_picture, regatta, talk, _, _] = &shelf.media;
        let [local, markets, farming, crafts, sport] = &shelf.sections;
        let [river, _, mayor, _] = &shelf.topics;
        let [salma, karim] = &shelf.people;
        let [agency, newspaper, radio] = &shelf.sources;
        let [bridge, show, in_pictures, flood] = &shelf.stories;
        let plain = |headline, hours, section: &Section, text| {
            let article = Article {
                section: Some(section.id),
                ..builders::article(edition, headline, hours)?
            };
            builders::manuscript(article, vec![Block::paragraph(text)])
        };

        let opening = opening(edition, shelf)?;
        let boats = plain(
            "جولة في ورش صناعة القوارب",
            50,
            crafts,
            "في الزقاق الخلفي ما زالت رائحة الخشب المبلول تسبق الزائر إلى الورشة.",
        )?;
        let boats = Manuscript {
            article: Article {
                kind: Kind::Gallery,
                flags: MediaFlags {
                    photos: true,
                    ..MediaFlags::default()
                },
                hero: Some(bridge_picture.id),
                read_count: 40,
                ..boats.article
            },
            authors: vec![karim.id],
            stories: vec![in_pictures.id],
            ..boats
        };
        let fish = plain(
            "سوق السمك يعود إلى الرصيف القديم",
            48,
            markets,
            "عاد الباعة إلى الرصيف بعد عامين قضوهما في مظلة مؤقتة قرب المحطة.",
        )?;
        let fish = Manuscript {
            article: Article {
                source: Some(newspaper.id),
                read_count: 300,
                ..fish.article
            },
            topics: vec![economy.id],
            ..fish
        };
        let watering = plain(
            "مزارعو الضفة يختبرون الري الليلي",
            40,
            farming,
            "يقول المزارعون إن الري بعد الغروب يوفر ربع الماء الذي كان يتبخر ظهراً.",
        )?;
        let watering = Manuscript {
            article: Article {
                kind: Kind::Analysis,
                source: Some(agency.id),
                ..watering.article
            },
            authors: vec![salma.id],
            topics: vec![economy.id, river.id],
            ..watering
        };
        let opinion = plain(
            "لماذا نحتاج إلى ممشى على الجسر",
            36,
            local,
            "الجسر الذي لا يمشي عليه أحد طريق سريع فحسب.",
        )?;
        let opinion = Manuscript {
            article: Article {
                kind: Kind::Opinion,
                ..opinion.article
            },
            authors: vec![karim.id],
            topics: vec![mayor.id],
            stories: vec![bridge.id],
            ..opinion
        };
        let episode = plain(
            "ساعة على الضفة: حلقة الصيادين",
            30,
            local,
            "ثلاثة صيادين يحكون عن النهر قبل السد وبعده.",
        )?;
        let episode = Manuscript {
            article: Article {
                kind: Kind::Episode,
                source: Some(radio.id),
                hero: Some(talk.id),
                flags: MediaFlags {
                    audio: true,
                    ..MediaFlags::default()
                },
                ..episode.article
            },
            stories: vec![show.id],
            ..episode
        };
        let foundations = plain(
            "انتهاء أساسات الجسر الجديد",
            24,
            local,
            "صبّ العمال آخر الأساسات فجر الأربعاء قبل ارتفاع الماء.",
        )?;
        let foundations = Manuscript {
            stories: vec![bridge.id],
            topics: vec![river.id],
            ..foundations
        };
        let race = plain(
            "سباق القوارب يجمع ثلاث قرى",
            20,
            sport,
            "انطلقت القوارب ظهراً وعاد آخرها مع الغروب.",
        )?;
        let race = Manuscript {
            article: Article {
                kind: Kind::Video,
                hero: Some(regatta.id),
                flags: MediaFlags {
                    video: true,
                    ..MediaFlags::default()
                },
                ..race.article
            },
            ..race
        };
        let night = plain(
            "تغطية ليلة الفيضان",
            2,
            local,
            "الساعة التاسعة: الماء عند الدرجة الثالثة.",
        )?;
        let night = Manuscript {
            article: Article {
                kind: Kind::Liveblog,
                language: Language::parse("en")?,
                direction: Direction::Ltr,
                ..night.article
            },
            stories: vec![flood.id],
            ..night
        };

        // Part of the bridge story, but not visible to readers.
        let unseen = |headline, hours, status| {
            let mut manuscript = plain(headline, hours, local, "ليس للقراء.")?;
            manuscript.article.status = status;
            manuscript.stories = vec![bridge.id];
            manuscript.authors = vec![salma.id];
            Ok::<_, Invalid>(manuscript)
        };
        let withdrawn = unseen("خبر سحبته الأسرة", 55, Status::Withdrawn)?;
        self.relate(
            &opening,
            [&opinion, &foundations, &watering, &fish],
            &withdrawn,
        );
        self.leads.push((
            edition.id,
            vec![
                watering.article.id,
                withdrawn.article.id,
                opening.article.id,
            ],
        ));
        self.comments = comments(&opening.article, &opinion.article, &withdrawn.article)?;
        self.manuscripts = vec![
            opening,
            boats,
            fish,
            watering,
            opinion,
            episode,
            foundations,
            race,
            night,
            withdrawn,
            unseen("مسودة عن ميزانية البلدية", 56, Status::Draft)?,
            unseen("خبر ينتظر ساعته", 59, Status::Scheduled)?,
            stub(edition, "البلدية تعلن مواعيد الحافلات", 58)?,
            stub(edition, "معرض الكتاب ينطلق الخميس", 57)?,
        ];
        Ok(())
    }

    fn relate(&mut self, from: &Manuscript, to: [&Manuscript; 4], withdrawn: &Manuscript) {
        let from = from.article.id;
        let [chosen_one, same_story, shared_topics, similar] = to.map(|to| to.article.id);
        let links = vec![
            chosen(from, chosen_one),
            chosen(from, withdrawn.article.id),
            computed(from, same_story, related::Reason::SameStory, 0.75),
            computed(from, shared_topics, related::Reason::SharedTopics, 0.5),
            computed(from, similar, related::Reason::SimilarText, 0.25),
        ];
        self.related.push((from, links));
    }
}

/// Everything that articles refer to.
struct Shelf {
    media: [Media; 5],
    sections: [Section; 5],
    topics: [Topic; 4],
    people: [Person; 2],
    sources: [Source; 3],
    stories: [Story; 4],
}

impl Shelf {
    fn new(edition: &Edition) -> Result<Self, Invalid> {
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

/// Returns an article that uses every field.
fn opening(edition: &Edition, shelf: &Shelf) -> Result<Manuscript, Invalid> {
    let [bridge_picture, regatta, _, lost, _] = &shelf.media;
    let article = builders::article(edition, "افتتاح الجسر الجديد فوق نهر السنديان", 60)?;
    let article = Article {
        canonical_url: Some(WebUrl::parse("https://sindyan.example/bridge")?),
        lead: Some("عبر أهل السنديان نهرهم على الأقدام للمرة الأولى منذ نصف قرن.".to_owned()),
        hero: Some(bridge_picture.id),
        source: Some(shelf.sources[0].id),
        section: Some(shelf.sections[0].id),
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
        authors: shelf.people.iter().map(|person| person.id).collect(),
        topics: vec![shelf.topics[0].id, shelf.topics[1].id],
        stories: vec![shelf.stories[0].id, shelf.stories[2].id],
        ..builders::manuscript(article, blocks)?
    })
}

/// Returns a stub: an article with only a headline and no publication date.
fn stub(edition: &Edition, headline: &str, hours: i64) -> Result<Manuscript, Invalid> {
    let article = Article {
        is_stub: true,
        first_published_at: None,
        published_at: None,
        ..builders::article(edition, headline, hours)?
    };
    builders::manuscript(article, Vec::new())
}

fn comments(
    opening: &Article,
    opinion: &Article,
    withdrawn: &Article,
) -> Result<Vec<Comment>, Invalid> {
    let question = builders::comment(opening, "هدى", "متى يُفتح مسار الدراجات؟", 5)?;
    let answer = |author, text, minutes| {
        Ok::<_, Invalid>(Comment {
            parent: Some(question.id),
            ..builders::comment(opening, author, text, minutes)?
        })
    };
    let opened = answer("البلدية", "يوم السبت.", 9)?;
    let thanks = Comment {
        parent: Some(opened.id),
        ..builders::comment(opening, "هدى", "شكراً!", 11)?
    };
    let unseen = |comment: Comment, status| Comment { status, ..comment };
    Ok(vec![
        question.clone(),
        opened,
        answer("زياد", "والدراجات الكهربائية؟", 12)?,
        thanks,
        builders::comment(opening, "ناصر", "أخيراً.", 7)?,
        builders::comment(opening, "ريم", "صور جميلة\nوخبر أجمل.", 20)?,
        unseen(
            answer("مجهول", "ينتظر من يراجعه", 13)?,
            comment::Status::Pending,
        ),
        unseen(
            builders::comment(opening, "مجهول", "أُخفي", 14)?,
            comment::Status::Hidden,
        ),
        builders::comment(opinion, "هدى", "صدقت.", 30)?,
        builders::comment(withdrawn, "هدى", "هل صحيح ما نُشر؟", 3)?,
    ])
}

fn live_channels(edition: &Edition, shelf: &Shelf) -> Result<Vec<LiveChannel>, Invalid> {
    Ok(vec![
        LiveChannel {
            on_air: Some(false),
            stream_url: Some(WebUrl::parse("https://live.example/radio.m3u8")?),
            ..builders::live_channel(edition, "إذاعة النهر", 0)?
        },
        LiveChannel {
            on_air: Some(true),
            stream_url: Some(WebUrl::parse("https://live.example/tv.m3u8")?),
            poster: Some(shelf.media[0].id),
            ..builders::live_channel(edition, "تلفزيون السنديان", 1)?
        },
        builders::live_channel(edition, "قناة الملاعب", 2)?,
    ])
}

fn follow_channels(edition: &Edition) -> Result<Vec<FollowChannel>, Invalid> {
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
