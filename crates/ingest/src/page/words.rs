//! The headings and labels of a page, in each supported language.

use khabar_domain::story::Kind;

use super::raw::{Line, Set};
use super::title::key;

/// The headings and labels in one language. The most common spelling of each comes first.
#[derive(Debug)]
pub(super) struct Words {
    /// The language tag, which is also the slug of the edition.
    pub(super) language: &'static str,
    /// The default name of the edition, used when the edition is created.
    pub(super) edition: &'static str,
    live: &'static [&'static str],
    follow: &'static [&'static str],
    sections: &'static [&'static str],
    stories: &'static [&'static str],
    comments: &'static [&'static str],
    source: &'static [&'static str],
    news: &'static [&'static str],
    /// Words that the titles of shows begin with.
    shows: &'static [&'static str],
    /// Units in titles that name a show by its length, such as "30 minutes".
    minutes: &'static [&'static str],
    /// Titles of rubrics.
    rubrics: &'static [&'static str],
}

/// The supported languages. The first one, Arabic, is used if a page matches both equally.
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

/// The headings of the blocks around the article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Heading {
    Live,
    Follow,
    Sections,
    Stories,
    Comments,
}

impl Words {
    /// Returns the language that most headings of a page are in, or `None` if there are no headings.
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

    /// Returns the headings that a page may start with, for error messages.
    pub(super) fn first_headings() -> String {
        LANGUAGES
            .map(|words| format!("{:?}", words.live[0]))
            .join(" or ")
    }

    /// Returns the heading that a line consists of. Indented and bulleted lines are never headings.
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

    /// Returns the usual spelling of a heading, for error messages.
    pub(super) fn usual(&self, heading: Heading) -> &'static str {
        match heading {
            Heading::Live => self.live[0],
            Heading::Follow => self.follow[0],
            Heading::Sections => self.sections[0],
            Heading::Stories => self.stories[0],
            Heading::Comments => self.comments[0],
        }
    }

    /// Returns the name after "source:", or `None` if the line is not a source line.
    pub(super) fn source<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (label, name) = text.split_once(':')?;
        is_one_of(self.source, label).then(|| name.trim())
    }

    /// Returns the usual form of a source line, for error messages.
    pub(super) fn usual_source(&self) -> String {
        format!("{}: …", self.source[0])
    }

    /// Returns the number of articles in a line such as "41 خبر". Returns `None` if the line is not a count,
    /// and `Some(None)` if the number overflows.
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

    /// Returns the usual form of a count, for error messages.
    pub(super) fn usual_count(&self) -> String {
        format!("41 {}", self.news[0])
    }

    /// Returns the kind of story that a title indicates, if any. Titles of rubrics are recognised in every
    /// supported language.
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

/// Returns the value of a European, Arabic-Indic or Persian digit.
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
