//! The words that a page's own furniture is made of, in each language that we can read one in.

use khabar_domain::story::Kind;

use super::raw::{Line, Set};
use super::title::key;

/// The furniture of one language's pages; of several spellings, the usual one comes first.
#[derive(Debug)]
pub(super) struct Words {
    /// Its tag, which is its edition's slug too.
    pub(super) language: &'static str,
    /// What its edition is called until somebody calls it something else.
    pub(super) edition: &'static str,
    live: &'static [&'static str],
    follow: &'static [&'static str],
    sections: &'static [&'static str],
    stories: &'static [&'static str],
    comments: &'static [&'static str],
    source: &'static [&'static str],
    news: &'static [&'static str],
    /// What the titles of shows begin with.
    shows: &'static [&'static str],
    /// What a title counts that names a show by its length.
    minutes: &'static [&'static str],
    /// Titles of rubrics.
    rubrics: &'static [&'static str],
}

/// Arabic first: it is what a page counts as when its words could be either.
const LANGUAGES: [Words; 2] = [
    Words {
        language: "ar",
        edition: "العربية",
        live: &["مباشر", "البث المباشر", "بث مباشر"],
        follow: &["أين يمكنك متابعتنا", "تابعونا", "تابعنا"],
        sections: &["أقسام مهمة", "الأقسام المهمة"],
        stories: &["Stories", "قصص"],
        comments: &["التعليقات"],
        source: &["المصدر"],
        news: &["خبر", "خبرا", "أخبار"],
        shows: &["برنامج"],
        minutes: &["دقيقة", "دقائق"],
        rubrics: &["فيديوهات", "فيديو", "صور"],
    },
    Words {
        language: "en",
        edition: "English",
        live: &["Live"],
        follow: &["Follow us", "Where to follow us"],
        sections: &["Important sections"],
        stories: &["Stories"],
        comments: &["Comments"],
        source: &["Source"],
        news: &["news", "articles"],
        shows: &["Programme", "Program", "Show"],
        minutes: &["minutes"],
        rubrics: &["Videos", "Photos", "Pictures"],
    },
];

/// A block that stands around the article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Heading {
    Live,
    Follow,
    Sections,
    Stories,
    Comments,
}

impl Words {
    /// The language that most of a page's headings are in; nothing where there are none.
    pub(super) fn of(lines: &[Line]) -> Option<&'static Self> {
        let headings = |words: &Self| {
            lines
                .iter()
                .filter(|line| words.heading(line).is_some())
                .count()
        };
        let best = LANGUAGES.iter().rev().max_by_key(|words| headings(words))?;
        (headings(best) > 0).then_some(best)
    }

    /// The headings that a page may start with, for people.
    pub(super) fn first_headings() -> String {
        LANGUAGES
            .map(|words| format!("{:?}", words.live[0]))
            .join(" or ")
    }

    /// The heading that a line is. Only a line from the margin is one.
    pub(super) fn heading(&self, line: &Line) -> Option<Heading> {
        let blocks = [
            (self.live, Heading::Live),
            (self.follow, Heading::Follow),
            (self.sections, Heading::Sections),
            (self.stories, Heading::Stories),
            (self.comments, Heading::Comments),
        ];
        let text = line.text.trim_end_matches(':').trim_end();
        let found = blocks
            .into_iter()
            .find(|(spellings, _)| is_one_of(spellings, text));
        found
            .filter(|_| line.set == Set::Plain)
            .map(|(_, heading)| heading)
    }

    /// The usual spelling of a heading, for people.
    pub(super) fn usual(&self, heading: Heading) -> &'static str {
        match heading {
            Heading::Live => self.live[0],
            Heading::Follow => self.follow[0],
            Heading::Sections => self.sections[0],
            Heading::Stories => self.stories[0],
            Heading::Comments => self.comments[0],
        }
    }

    /// What stands after "source:", if that is what a line says.
    pub(super) fn source<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (label, name) = text.split_once(':')?;
        is_one_of(self.source, label).then(|| name.trim())
    }

    /// The usual spelling of the source's line, for people.
    pub(super) fn usual_source(&self) -> String {
        format!("{}: …", self.source[0])
    }

    /// How many news a line such as "41 خبر" counts; `Some(None)` for more than anybody has.
    #[expect(
        clippy::option_option,
        reason = "no count, a count, a count that is too large"
    )]
    pub(super) fn count(&self, text: &str) -> Option<Option<i64>> {
        let (number, unit) = text.split_once(' ')?;
        if !is_one_of(self.news, unit) || !number.starts_with(|c| digit(c).is_some()) {
            return None;
        }
        let mut count = Some(0_i64);
        for c in number.chars().filter(|c| !",٬".contains(*c)) {
            let digit = digit(c)?;
            count = count.and_then(|count| count.checked_mul(10)?.checked_add(digit));
        }
        Some(count)
    }

    /// The usual form of a count, for people.
    pub(super) fn usual_count(&self) -> String {
        format!("41 {}", self.news[0])
    }

    /// The kind of story that a title names.
    pub(super) fn kind(&self, title: &str) -> Option<Kind> {
        let title = key(title);
        let starts = |word: &&str| {
            let rest = title.strip_prefix(&key(word));
            rest.is_some_and(|rest| rest.starts_with([' ', ':']))
        };
        let is_a_length = title.split_once(' ').is_some_and(|(number, unit)| {
            number.chars().all(|c| digit(c).is_some()) && is_one_of(self.minutes, unit)
        });
        if is_a_length || self.shows.iter().any(starts) {
            Some(Kind::Show)
        } else if LANGUAGES
            .iter()
            .any(|words| is_one_of(words.rubrics, &title))
        {
            Some(Kind::Rubric)
        } else {
            None
        }
    }
}

fn is_one_of(spellings: &[&str], text: &str) -> bool {
    let text = key(text);
    spellings.iter().any(|spelling| key(spelling) == text)
}

/// The value of a digit: European, Arabic-Indic or Persian.
fn digit(c: char) -> Option<i64> {
    let zero = match c {
        '0'..='9' => '0',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        _ => return None,
    };
    Some(i64::from(u32::from(c) - u32::from(zero)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_in_every_digit() {
        let words = &LANGUAGES[0];
        for (text, count) in [
            ("41 خبر", Some(Some(41))),
            ("٤١ خبراً", Some(Some(41))),
            ("۱٬۲۰۰ أخبار", Some(Some(1200))),
            ("99999999999999999999 خبر", Some(None)),
            ("90 دقيقة", None),
            ("، خبر", None),
            ("4x خبر", None),
        ] {
            assert_eq!(words.count(text), count, "{text}");
        }
        assert_eq!(LANGUAGES[1].count("7 news"), Some(Some(7)));
    }

    #[test]
    fn names_say_kinds() {
        let kind = |title| LANGUAGES[0].kind(title);
        assert_eq!(kind("برنامج المرفأ"), Some(Kind::Show));
        assert_eq!(kind("برنامجنا النووي"), None);
        assert_eq!(kind("45 دقيقة"), Some(Kind::Show));
        assert_eq!(kind("٤٥ دقيقة"), Some(Kind::Show));
        assert_eq!(kind("45 دقيقة من الصمت"), None);
        assert_eq!(LANGUAGES[1].kind("30 Minutes"), Some(Kind::Show));
        assert_eq!(kind("فيديوهات"), Some(Kind::Rubric));
        assert_eq!(kind("Videos"), Some(Kind::Rubric));
        assert_eq!(kind("ميناء الشمال"), None);
    }
}
