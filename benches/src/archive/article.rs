//! The articles of the archive, generated on demand and identical each time.

use chrono::Duration;
use khabar_domain::article::{Kind, MediaFlags};
use khabar_domain::comment::Text;
use khabar_domain::related::{Origin, Reason};
use khabar_domain::{
    Article, Block, Comment, CommentId, Headline, Invalid, Name, RelatedLink, Slug, id,
};
use khabar_persistence::article::Manuscript;
use khabar_tests::harness::builders;

use super::{Archive, ArticleSlot};
use crate::random::Random;

/// Number of related articles of each article.
const RELATED: usize = 7;
/// Number of related articles from the same story.
const OF_ITS_STORY: usize = 3;

impl Archive {
    /// Generates the article with this number. The oldest article has the number 0.
    pub(crate) fn manuscript(&self, number: usize) -> Result<Manuscript, Invalid> {
        let mut random = Random::new("article", number);
        let random = &mut random;
        let ArticleSlot {
            id,
            at,
            section,
            story,
        } = self.slots[number];
        let newsroom = &self.newsroom;
        let words = random.between(8, 12);
        let headline = self.words.text(random, words);
        let pictures = &newsroom.media;
        let article = Article {
            id,
            // The number comes first, because a slug that is too long is cut at the end.
            slug: Slug::from_text(&format!("{number} {headline}"))?,
            headline: Headline::parse(&headline)?,
            kind: match random.below(20) {
                0 | 1 => Kind::Opinion,
                2 => Kind::Analysis,
                3 => Kind::Video,
                _ => Kind::News,
            },
            flags: MediaFlags {
                photos: random.percent(20),
                video: random.percent(10),
                audio: false,
            },
            lead: Some(self.words.text(random, 25)),
            hero: random
                .percent(80)
                .then(|| pictures[random.below(pictures.len())].id),
            section: Some(newsroom.sections[section].id),
            source: Some(newsroom.sources[random.below(newsroom.sources.len())].id),
            first_published_at: Some(at),
            published_at: Some(at),
            listed_at: at,
            // Read counts are spread evenly over the powers of two from 1 to 65,536.
            read_count: (1 << random.below(17)) + i64::try_from(random.below(100)).unwrap_or(0),
            ..builders::article(&newsroom.editions[0], &headline, 0)?
        };
        let blocks = (0..4).map(|_| Block::paragraph(&self.words.text(random, 40)));
        let manuscript = builders::manuscript(article, blocks.collect())?;
        let authors = some(random, newsroom.people.len(), 2);
        let topics = some(random, newsroom.topics.len(), 3);
        Ok(Manuscript {
            authors: authors.map(|at| newsroom.people[at].id).collect(),
            topics: topics.map(|at| newsroom.topics[at].id).collect(),
            stories: story.iter().map(|at| newsroom.stories[*at].0.id).collect(),
            ..manuscript
        })
    }

    /// Generates the comments on an article: three on average, none for half of the articles, and
    /// up to 30 for a few. Two in five are replies.
    pub(crate) fn comments(
        &self,
        number: usize,
        article: &Article,
    ) -> Result<Vec<Comment>, Invalid> {
        let mut random = Random::new("comments", number);
        let random = &mut random;
        let count = match random.below(20) {
            0..10 => 0,
            10..16 => random.between(1, 4),
            16..19 => random.between(5, 10),
            _ => random.between(15, 30),
        };
        let mut comments: Vec<Comment> = Vec::with_capacity(count);
        let mut questions = Vec::new();
        for slot in 0..count {
            // The first comment is never a reply, so nearly half of the others have to be.
            let answers = !questions.is_empty() && random.percent(48);
            let parent = answers.then(|| questions[random.below(questions.len())]);
            let minutes = Duration::minutes(i64::try_from(slot * 7).unwrap_or_default());
            let posted_at = article.listed_at + minutes;
            let id = CommentId::new(id::mint(posted_at, random.bits()));
            if parent.is_none() {
                questions.push(id);
            }
            let words = random.between(5, 25);
            comments.push(Comment {
                id,
                article: article.id,
                parent,
                author_name: Name::parse(&self.words.text(random, 2))?,
                text: Text::parse(&self.words.text(random, words))?,
                status: khabar_domain::comment::Status::Approved,
                posted_at,
                reply_count: 0,
                account: None,
                reason: None,
                edited_at: None,
                report_count: 0,
                is_staff: false,
            });
        }
        Ok(comments)
    }

    /// Generates the related links of an article: three to its own story, if that has more than
    /// three articles, and the others to any articles.
    pub(crate) fn related(&self, number: usize) -> Vec<RelatedLink> {
        let mut random = Random::new("related", number);
        let thread = self.slots[number].story.map(|story| &self.threads[story]);
        let thread = thread.filter(|thread| thread.len() > OF_ITS_STORY);
        let mut chosen = vec![number];
        while chosen.len() <= RELATED {
            let other = match thread {
                Some(thread) if chosen.len() <= OF_ITS_STORY => thread[random.below(thread.len())],
                _ => random.below(self.size.articles),
            };
            if !chosen.contains(&other) {
                chosen.push(other);
            }
        }
        let links = (0..).zip(&chosen[1..]).map(|(rank, other)| {
            let reason = match rank {
                0..3 if thread.is_some() => Reason::SameStory,
                rank if rank % 2 == 0 => Reason::SharedTopics,
                _ => Reason::SimilarText,
            };
            RelatedLink {
                from: self.slots[number].id,
                to: self.slots[*other].id,
                rank,
                origin: Origin::Computed,
                reason,
                score: Some(0.9 - 0.1 * f64::from(rank)),
            }
        });
        links.collect()
    }
}

/// Returns one to `most` consecutive indices of a list, each at most once.
fn some(random: &mut Random, length: usize, most: usize) -> impl Iterator<Item = usize> + use<> {
    let first = random.below(length);
    let count = random.between(1, most);
    (first..first + count).map(move |slot| slot % length)
}
