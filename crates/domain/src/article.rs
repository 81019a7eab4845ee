//! Articles: the stories, videos and other items that the newsroom publishes.

use chrono::{DateTime, Utc};

use crate::body::Body;
use crate::editorial::Withdrawal;
use crate::text_enum::tokens;
use crate::{
    ArticleId, Direction, EditionId, Headline, Language, MediaId, SectionId, Slug, SourceId, WebUrl,
};

/// The kind of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A news report.
    News,
    /// An opinion piece.
    Opinion,
    /// Analysis or background to the news.
    Analysis,
    /// A report that is extended while an event unfolds.
    Liveblog,
    /// A video with a short text.
    Video,
    /// A picture gallery with a short text.
    Gallery,
    /// One episode of a programme.
    Episode,
}

tokens!(Kind, "the article's kind", {
    News => "news", Opinion => "opinion", Analysis => "analysis", Liveblog => "liveblog",
    Video => "video", Gallery => "gallery", Episode => "episode",
});

/// The editorial status of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Being written; not visible to readers.
    Draft,
    /// Submitted for editorial review.
    Review,
    /// Scheduled for publication.
    Scheduled,
    /// Published and visible to readers.
    Published,
    /// Withdrawn from readers after publication.
    Withdrawn,
}

tokens!(Status, "the article's status", {
    Draft => "draft", Review => "review", Scheduled => "scheduled", Published => "published", Withdrawn => "withdrawn",
});

/// The kinds of media in an article. Shown as badges, never as words in a headline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MediaFlags {
    /// Whether the article has pictures worth opening it for.
    pub photos: bool,
    /// Whether the article contains video.
    pub video: bool,
    /// Whether the article contains audio.
    pub audio: bool,
}

/// An article as shown in lists and on cards. The [`Body`] is stored separately because lists never
/// load it.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// The ID of the article.
    pub id: ArticleId,
    /// The edition to which the article belongs.
    pub edition: EditionId,
    /// The kind of article.
    pub kind: Kind,
    /// The editorial status.
    pub status: Status,
    /// The slug used in the article's URL.
    pub slug: Slug,
    /// The canonical URL of the article on the web.
    pub canonical_url: Option<WebUrl>,
    /// The headline.
    pub headline: Headline,
    /// The lead: a paragraph that summarises the article.
    pub lead: Option<String>,
    /// The beginning of the lead or, without a lead, of the body text. Used for teasers; at most
    /// [`Article::EXCERPT`] characters.
    pub excerpt: String,
    /// The main image or video, shown at the top of the article.
    pub hero: Option<MediaId>,
    /// The news agency or outlet that supplied the article.
    pub source: Option<SourceId>,
    /// The section in which the article is filed.
    pub section: Option<SectionId>,
    /// The language of the text.
    pub language: Language,
    /// The reading direction of the text.
    pub direction: Direction,
    /// The kinds of media that the article contains.
    pub flags: MediaFlags,
    /// Whether the article is a stub: only its headline is available.
    pub is_stub: bool,
    /// The time of the first publication. Corrections do not change it. `None` if the source does not
    /// provide it.
    pub first_published_at: Option<DateTime<Utc>>,
    /// The time of the latest publication. Corrections do not change it. `None` if the article has not
    /// been published or the source does not provide the time.
    pub published_at: Option<DateTime<Utc>>,
    /// The time of the last correction to the headline, lead or body since publication.
    pub updated_at: Option<DateTime<Utc>>,
    /// The time by which lists are ordered: the publication time or, if that is unknown, the time when
    /// the article was received. For an article that readers cannot see, the time of its last workflow
    /// step.
    pub listed_at: DateTime<Utc>,
    /// The version number. Starts at 1 and increases by one each time the article is saved.
    pub version: i32,
    /// The estimated reading time in minutes. 0 for a stub.
    pub reading_minutes: i32,
    /// The number of comments visible to readers.
    pub comment_count: i64,
    /// The number of times the article has been read.
    pub read_count: i64,
}

/// The values that an article has from the start. [`Article::draft`] sets all others to their defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct NewArticle {
    /// The ID of the article.
    pub id: ArticleId,
    /// The edition to which the article belongs.
    pub edition: EditionId,
    /// The slug used in the article's URL.
    pub slug: Slug,
    /// The headline.
    pub headline: Headline,
    /// The language of the text.
    pub language: Language,
    /// The reading direction of the text.
    pub direction: Direction,
    /// The time by which lists are ordered.
    pub listed_at: DateTime<Utc>,
}

impl Article {
    /// The maximum length of an excerpt, in characters. Teasers up to this length do not load the body.
    pub const EXCERPT: usize = 600;

    /// Creates a draft: version 1 of a news article without content.
    #[must_use]
    pub fn draft(new: NewArticle) -> Self {
        Self {
            id: new.id,
            edition: new.edition,
            kind: Kind::News,
            status: Status::Draft,
            slug: new.slug,
            canonical_url: None,
            headline: new.headline,
            lead: None,
            excerpt: String::new(),
            hero: None,
            source: None,
            section: None,
            language: new.language,
            direction: new.direction,
            flags: MediaFlags::default(),
            is_stub: false,
            first_published_at: None,
            published_at: None,
            updated_at: None,
            listed_at: new.listed_at,
            version: 1,
            reading_minutes: 0,
            comment_count: 0,
            read_count: 0,
        }
    }

    /// Returns the tombstone shown to readers in place of a withdrawn article.
    ///
    /// The reason for the withdrawal replaces the headline, and a neutral slug made from the ID
    /// replaces the slug made from the headline. The former address of the article still resolves to
    /// the tombstone.
    #[must_use]
    pub fn redacted(self, withdrawal: &Withdrawal) -> Self {
        let reason = Headline::parse(&truncate_at_word(&withdrawal.reason, Headline::MAX));
        let blank = Self::draft(NewArticle {
            id: self.id,
            edition: self.edition,
            slug: Slug::of_id(self.id.uuid()),
            // The reason was validated when it was given, so the fallback is never used.
            headline: reason.unwrap_or(self.headline),
            language: self.language,
            direction: self.direction,
            listed_at: self.listed_at,
        });
        // Whatever is named neither here nor in `NewArticle` is hidden, so a new field cannot show what was withdrawn.
        Self {
            kind: self.kind,
            status: self.status,
            is_stub: self.is_stub,
            first_published_at: self.first_published_at,
            published_at: self.published_at,
            updated_at: Some(withdrawal.at),
            version: self.version,
            read_count: self.read_count,
            ..blank
        }
    }
}

/// Values computed from the lead and the body each time an article is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextStats {
    /// The value for [`Article::excerpt`].
    pub excerpt: String,
    /// The value for [`Article::reading_minutes`].
    pub reading_minutes: i32,
}

impl TextStats {
    /// Words per minute: adults read Arabic news text at about 140 to 180 (Brysbaert 2019, table 6).
    const WORDS_A_MINUTE: usize = 160;

    /// Computes the excerpt and reading time from a lead and a body.
    pub fn of(lead: Option<&str>, body: &Body) -> Self {
        let text = body.text();
        let words = text.split_whitespace().count()
            + lead.map_or(0, |lead| lead.split_whitespace().count());
        let minutes = words.div_ceil(Self::WORDS_A_MINUTE);
        let whole = lead.map_or_else(|| text.clone(), str::to_owned);
        Self {
            excerpt: truncate_at_word(&whole, Article::EXCERPT),
            reading_minutes: i32::try_from(minutes).unwrap_or(i32::MAX),
        }
    }
}

/// Returns the beginning of a text, at most `length` characters long, with white space folded. A
/// shortened text is cut at a word boundary and ends with `…`.
pub fn truncate_at_word(text: &str, length: usize) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.chars().count() <= length {
        return folded;
    }
    let kept: String = folded.chars().take(length.saturating_sub(1)).collect();
    let ends_a_word = folded
        .chars()
        .nth(length.saturating_sub(1))
        .is_some_and(char::is_whitespace);
    let end = if ends_a_word {
        kept.len()
    } else {
        kept.rfind(' ').unwrap_or(kept.len())
    };
    format!(
        "{}…",
        kept[..end].trim_end_matches([' ', '،', ',', '.', '؛', ':', '-'])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_ends_at_a_word() {
        assert_eq!(
            truncate_at_word("افتتح الميناء الجديد", 14),
            "افتتح الميناء…"
        );
        assert_eq!(
            truncate_at_word("افتتح الميناء، الجديد", 15),
            "افتتح الميناء…"
        );
        assert_eq!(truncate_at_word("one two", 7), "one two");
        assert_eq!(truncate_at_word("onetwothree", 4), "one…");
        assert_eq!(truncate_at_word("a b", 0), "…");
    }

    #[test]
    fn reading_time_counts_lead_and_body() {
        let words = "كلمة ".repeat(161);
        let body = Body::parse(vec![crate::Block::paragraph(&words)]).unwrap();
        assert_eq!(TextStats::of(None, &body).reading_minutes, 2);
        assert_eq!(TextStats::of(None, &Body::default()).reading_minutes, 0);
        assert_eq!(TextStats::of(Some("سطر أول"), &body).excerpt, "سطر أول");
    }
}
