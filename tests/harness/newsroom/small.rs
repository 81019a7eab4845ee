//! The newsroom for the API's test cases: a few days of news from a town by a river.

mod opening;
mod references;

use khabar_domain::article::{Kind, MediaFlags, Status};
use khabar_domain::edition::Labels;
use khabar_domain::{
    Article, Block, Comment, Direction, Edition, Invalid, Language, Section, Topic, comment,
    related,
};
use khabar_persistence::article::Manuscript;

use self::opening::opening;
use self::references::{References, follow_channels, live_channels};
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
        let references = References::new(&arabic)?;
        let mut newsroom = Self {
            media: references.media.to_vec(),
            sections: references.sections.to_vec(),
            topics: references.topics.to_vec(),
            people: references.people.to_vec(),
            sources: references.sources.to_vec(),
            live_channels: live_channels(&arabic, &references)?,
            follow_channels: follow_channels(&arabic)?,
            ..Self::default()
        };
        let [river, council, _, economy] = &references.topics;
        newsroom.stories = references
            .stories
            .iter()
            .cloned()
            .map(|story| (story, vec![]))
            .collect();
        newsroom.stories[0].1 = vec![council.id, river.id];
        newsroom.stories[3].1 = vec![river.id];
        newsroom.add_articles(&arabic, &references, economy)?;
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
        references: &References,
        economy: &Topic,
    ) -> Result<(), Invalid> {
        let [bridge_picture, regatta, talk, _, _] = &references.media;
        let [local, markets, farming, crafts, sport] = &references.sections;
        let [river, _, mayor, _] = &references.topics;
        let [salma, karim] = &references.people;
        let [agency, newspaper, radio] = &references.sources;
        let [bridge, show, in_pictures, flood] = &references.stories;
        let plain = |headline, hours, section: &Section, text| {
            let article = Article {
                section: Some(section.id),
                ..builders::article(edition, headline, hours)?
            };
            builders::manuscript(article, vec![Block::paragraph(text)])
        };

        let opening = opening(edition, references)?;
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
