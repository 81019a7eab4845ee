//! An article: what the newsroom publishes, under a headline, in a section, as part of stories.

use chrono::{DateTime, Utc};

use crate::body::Body;
use crate::desk::Withdrawal;
use crate::token::tokens;
use crate::{
    ArticleId, Direction, EditionId, Headline, Language, MediaId, SectionId, Slug, SourceId, WebUrl,
};

/// What kind of article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A report.
    News,
    /// What its author thinks.
    Opinion,
    /// What the news means.
    Analysis,
    /// A report that grows while events go on.
    Liveblog,
    /// A film with a few words.
    Video,
    /// Pictures with a few words.
    Gallery,
    /// One broadcast of a programme.
    Episode,
}

tokens!(Kind, "the article's kind", {
    News => "news", Opinion => "opinion", Analysis => "analysis", Liveblog => "liveblog",
    Video => "video", Gallery => "gallery", Episode => "episode",
});

/// Where the article stands on its way to readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is being written.
    Draft,
    /// It is finished and waits for an editor.
    Review,
    /// It is finished and waits for its hour.
    Scheduled,
    /// Readers see it.
    Published,
    /// It was taken back.
    Withdrawn,
}

tokens!(Status, "the article's status", {
    Draft => "draft", Review => "review", Scheduled => "scheduled", Published => "published", Withdrawn => "withdrawn",
});

/// What an article carries besides words; shown as badges, never as words in a headline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MediaFlags {
    /// It has pictures worth opening it for.
    pub photos: bool,
    /// It has a film.
    pub video: bool,
    /// It has sound.
    pub audio: bool,
}

/// One article as lists and cards show it; its [`Body`] is kept apart, because lists never load bodies.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// Which article.
    pub id: ArticleId,
    /// Whose article.
    pub edition: EditionId,
    /// What kind.
    pub kind: Kind,
    /// Where it stands on its way to readers.
    pub status: Status,
    /// Its part of an address.
    pub slug: Slug,
    /// Where it lives on the web.
    pub canonical_url: Option<WebUrl>,
    /// What it is called.
    pub headline: Headline,
    /// The paragraph that sums it up.
    pub lead: Option<String>,
    /// The first [`Article::EXCERPT`] characters of its text, for teasers.
    pub excerpt: String,
    /// The picture or film at its head.
    pub hero: Option<MediaId>,
    /// The agency or outlet that it came from.
    pub source: Option<SourceId>,
    /// Where it is filed.
    pub section: Option<SectionId>,
    /// The language that it is in.
    pub language: Language,
    /// From which side it is read.
    pub direction: Direction,
    /// What it carries besides words.
    pub flags: MediaFlags,
    /// True when only its headline has come to us.
    pub is_stub: bool,
    /// When it first went out; corrections keep it. Absent where its source does not say.
    pub first_published_at: Option<DateTime<Utc>>,
    /// When it went out. Absent where its source does not say.
    pub published_at: Option<DateTime<Utc>>,
    /// When its words last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its place in time among others: when it went out or, where that is not known, when it came to us.
    pub listed_at: DateTime<Utc>,
    /// How often it has been saved, from 1.
    pub version: i32,
    /// How long it takes to read, in minutes; 0 for a stub.
    pub reading_minutes: i32,
    /// How many comments readers see under it.
    pub comment_count: i64,
    /// How often it was read.
    pub read_count: i64,
}

impl Article {
    /// How much text a teaser may ask for without its body being loaded, in characters.
    pub const EXCERPT: usize = 600;

    /// What readers are shown of it once it is withdrawn: the reason in place of its headline, and a
    /// slug that says nothing in place of the one that was made from it. Whoever knows its address is
    /// still answered there.
    #[must_use]
    pub fn under_stone(self, withdrawal: &Withdrawal) -> Self {
        let reason = Headline::parse(&cut(&withdrawal.reason, Headline::MAX));
        Self {
            // A reason that is no line of text was refused when it was given.
            headline: reason.unwrap_or(self.headline),
            slug: Slug::of_id(self.id.uuid()),
            canonical_url: None,
            lead: None,
            excerpt: String::new(),
            hero: None,
            source: None,
            section: None,
            flags: MediaFlags::default(),
            updated_at: Some(withdrawal.at),
            reading_minutes: 0,
            comment_count: 0,
            ..self
        }
    }
}

/// What a body and a lead say about themselves, computed when an article is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// For [`Article::excerpt`].
    pub excerpt: String,
    /// For [`Article::reading_minutes`].
    pub reading_minutes: i32,
}

impl Measure {
    /// Words a minute: adults read Arabic news text at about 140 to 180 (Brysbaert 2019, table 6).
    const WORDS_A_MINUTE: usize = 160;

    /// Measures a text.
    pub fn of(lead: Option<&str>, body: &Body) -> Self {
        let text = body.text();
        let words = text.split_whitespace().count()
            + lead.map_or(0, |lead| lead.split_whitespace().count());
        let minutes = words.div_ceil(Self::WORDS_A_MINUTE);
        let whole = lead.map_or_else(|| text.clone(), str::to_owned);
        Self {
            excerpt: cut(&whole, Article::EXCERPT),
            reading_minutes: i32::try_from(minutes).unwrap_or(i32::MAX),
        }
    }
}

/// The beginning of a text, at most `length` characters, ended at a word with `…` where it was cut.
pub fn cut(text: &str, length: usize) -> String {
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
        assert_eq!(cut("افتتح الميناء الجديد", 14), "افتتح الميناء…");
        assert_eq!(cut("افتتح الميناء، الجديد", 15), "افتتح الميناء…");
        assert_eq!(cut("one two", 7), "one two");
        assert_eq!(cut("onetwothree", 4), "one…");
        assert_eq!(cut("a b", 0), "…");
    }

    #[test]
    fn reading_time_counts_lead_and_body() {
        let words = "كلمة ".repeat(161);
        let body = Body::parse(vec![crate::Block::paragraph(&words)]).unwrap();
        assert_eq!(Measure::of(None, &body).reading_minutes, 2);
        assert_eq!(Measure::of(None, &Body::default()).reading_minutes, 0);
        assert_eq!(Measure::of(Some("سطر أول"), &body).excerpt, "سطر أول");
    }
}
