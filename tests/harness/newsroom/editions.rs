//! A newsroom of many complete editions with the same structure. In each edition, every edge of the
//! schema leads to three or more children.

use khabar_domain::article::{Kind, MediaFlags, Status};
use khabar_domain::edition::Labels;
use khabar_domain::editorial::Withdrawal;
use khabar_domain::media::{FocalPoint, Rendition};
use khabar_domain::{
    Article, Block, Body, Comment, Edition, EditorialState, FollowChannel, Invalid, LiveChannel,
    Media, Person, RichText, Section, Source, Story, WebUrl, related,
};
use khabar_persistence::article::Manuscript;

use super::super::builders;
use super::{Newsroom, chosen, computed};

/// Number of children of each edge, large enough to distinguish one statement in total from one
/// statement per child.
const EACH: usize = 3;

impl Newsroom {
    /// Builds a newsroom of this many editions, with the slugs `e-1`, `e-2` and so on.
    pub fn of_editions(count: usize) -> Result<Self, Invalid> {
        let mut newsroom = Self::default();
        for number in 1..=count {
            newsroom.add_edition(number)?;
        }
        Ok(newsroom)
    }

    fn add_edition(&mut self, number: usize) -> Result<(), Invalid> {
        let edition = Edition {
            labels: Labels {
                live: Some("مباشر".to_owned()),
                follow: Some("تابعونا".to_owned()),
                sections: Some("أقسام".to_owned()),
                stories: Some("قصص".to_owned()),
                comments: Some("تعليقات".to_owned()),
            },
            ..builders::edition(&format!("e-{number}"), &format!("طبعة {number}"), "ar")?
        };
        let pictures = pictures(number)?;
        let picture = |at: usize| Some(pictures[at % pictures.len()].id);
        let sections = sections(&edition)?;
        let (mut topics, mut people, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        let mut stories = Vec::new();
        for at in 0..EACH {
            topics.push(builders::topic(&edition, &format!("موضوع {at}"))?);
            people.push(Person {
                portrait: picture(at),
                ..builders::person(&edition, &format!("كاتبة {at}"))?
            });
            sources.push(Source {
                url: Some(WebUrl::parse("https://agency.example/")?),
                ..builders::source(&edition, &format!("وكالة {at}"))?
            });
            stories.push(Story {
                image: picture(at),
                pinned_position: i32::try_from(at).ok(),
                ..builders::story(&edition, &format!("قصة {at}"))?
            });
            self.live_channels.push(LiveChannel {
                poster: picture(at),
                ..builders::live_channel(&edition, &format!("قناة {at}"), 0)?
            });
            self.follow_channels.push(FollowChannel {
                url: Some(WebUrl::parse("https://follow.example/")?),
                ..builders::follow_channel(&edition, &format!("حساب {at}"), 0)?
            });
        }

        let mut articles = Vec::new();
        for at in 0..EACH * EACH {
            let article = Article {
                canonical_url: Some(WebUrl::parse(&format!(
                    "https://khabar.example/{number}/{at}"
                ))?),
                kind: Kind::Gallery,
                lead: Some("ملخص الخبر في سطر".to_owned()),
                hero: picture(at),
                source: Some(sources[at % EACH].id),
                // The first section is the parent of the next three, which contain the articles.
                section: Some(sections[1 + at % EACH].id),
                flags: MediaFlags {
                    photos: true,
                    video: true,
                    audio: false,
                },
                ..builders::article(
                    &edition,
                    &format!("خبر رقم {at}"),
                    7 * i64::try_from(at).unwrap_or(0),
                )?
            };
            self.comments.extend(comments(&article)?);
            let manuscript = Manuscript {
                authors: people.iter().map(|person| person.id).collect(),
                topics: topics.iter().map(|topic| topic.id).collect(),
                stories: stories.iter().map(|story| story.id).collect(),
                ..builders::manuscript(article.clone(), blocks(&pictures)?)?
            };
            self.add_revisions(&manuscript)?;
            self.manuscripts.push(manuscript);
            articles.push(article.id);
        }
        self.withdraw(&edition)?;
        for (at, from) in articles.iter().copied().enumerate() {
            let to = |step: usize| articles[(at + step) % articles.len()];
            let links = vec![
                chosen(from, to(1)),
                computed(from, to(2), related::Reason::SameStory, 0.75),
                computed(from, to(4), related::Reason::SimilarText, 0.5),
            ];
            self.related.push((from, links));
        }
        self.leads.push((edition.id, articles[..EACH].to_vec()));

        let about: Vec<_> = topics.iter().map(|topic| topic.id).collect();
        self.stories
            .extend(stories.into_iter().map(|story| (story, about.clone())));
        self.media.extend(pictures);
        self.editions.push(edition);
        self.sections.extend(sections);
        self.topics.extend(topics);
        self.people.extend(people);
        self.sources.extend(sources);
        Ok(())
    }
}

impl Newsroom {
    /// Adds withdrawn articles with their tombstones.
    fn withdraw(&mut self, edition: &Edition) -> Result<(), Invalid> {
        for at in 0..EACH {
            let withdrawn = Article {
                status: Status::Withdrawn,
                ..builders::article(edition, &format!("خبر مسحوب {at}"), 100)?
            };
            let stone = Withdrawal {
                at: withdrawn.listed_at,
                reason: "سُحب الخبر لخطأ في مصدره".to_owned(),
            };
            let desk = EditorialState {
                withdrawal: Some(stone),
                ..EditorialState::default()
            };
            self.desks.push((withdrawn.id, desk));
            self.manuscripts
                .push(builders::manuscript(withdrawn, Vec::new())?);
        }
        Ok(())
    }

    /// Adds two revisions of an article, and a correction in the second one.
    fn add_revisions(&mut self, manuscript: &Manuscript) -> Result<(), Invalid> {
        let mut second = manuscript.clone();
        second.article.version = 2;
        let mut blocks = Vec::from(second.body);
        blocks[0] = Block::paragraph("فقرة أولى من هذا الخبر");
        blocks.swap(1, 2);
        second.body = Body::parse(blocks)?;
        let id = manuscript.article.id;
        self.revisions.extend([manuscript.clone(), second]);
        self.corrections.push((id, 2, "صُحح اسم".to_owned()));
        Ok(())
    }
}

fn pictures(number: usize) -> Result<Vec<Media>, Invalid> {
    (0..EACH)
        .map(|at| {
            let rendition = |width: u32| -> Result<Rendition, Invalid> {
                Ok(Rendition {
                    url: WebUrl::parse(&format!("/media/{number}-{at}-{width}.webp"))?,
                    width,
                    height: width * 2 / 3,
                    mime: "image/webp".to_owned(),
                })
            };
            Ok(Media {
                focal_point: Some(FocalPoint::new(0.5, 0.25)?),
                renditions: vec![rendition(320)?, rendition(640)?, rendition(960)?],
                ..builders::picture(&format!("{number}-{at}"), "صورة")?
            })
        })
        .collect()
}

/// Returns a section, three children of it, and two more top-level sections. All are featured.
fn sections(edition: &Edition) -> Result<Vec<Section>, Invalid> {
    let mut sections: Vec<Section> = Vec::new();
    for at in 0..2 * EACH {
        let parent = sections.first().map(|first| first.id);
        sections.push(Section {
            parent: if at <= EACH { parent } else { None },
            featured: true,
            ..builders::section(
                edition,
                &format!("قسم {at}"),
                i32::try_from(at).unwrap_or(0),
            )?
        });
    }
    Ok(sections)
}

/// Returns three top-level comments on the article, and three replies to the first of them.
fn comments(article: &Article) -> Result<Vec<Comment>, Invalid> {
    let mut comments: Vec<Comment> = Vec::new();
    for at in 0..2 * EACH {
        let minutes = i64::try_from(at).unwrap_or(0);
        let first = comments.first().map(|first| first.id);
        comments.push(Comment {
            parent: if at < EACH { None } else { first },
            ..builders::comment(article, "قارئة", "تعليق على الخبر", minutes)?
        });
    }
    Ok(comments)
}

/// Returns a block of every kind.
fn blocks(pictures: &[Media]) -> Result<Vec<Block>, Invalid> {
    let media: Vec<_> = pictures.iter().map(|picture| picture.id).collect();
    Ok(vec![
        Block::paragraph("فقرة أولى من الخبر"),
        Block::Heading {
            level: 2,
            text: "عنوان فرعي".to_owned(),
        },
        Block::Quotation {
            text: RichText::plain("قول منقول"),
            attribution: Some("شاهدة".to_owned()),
        },
        Block::List {
            ordered: false,
            items: ["نقطة", "ثانية", "ثالثة"].map(RichText::plain).to_vec(),
        },
        Block::Image { media: media[0] },
        Block::Gallery {
            media: media.clone(),
        },
        Block::Video { media: media[1] },
        Block::Embed {
            provider: "موقع".to_owned(),
            url: WebUrl::parse("https://embed.example/1")?,
            title: None,
        },
        Block::Table {
            caption: None,
            header: vec!["السنة".to_owned()],
            rows: vec![vec!["2024".to_owned()]],
        },
    ])
}
