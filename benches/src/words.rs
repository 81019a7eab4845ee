//! Words: text that looks like Arabic but has no meaning. Roots of three consonants are put into
//! patterns, as in the language. A few of the words are frequent and most are rare.

use std::collections::BTreeSet;

use crate::random::{Random, Zipf};

const CONSONANTS: [char; 26] = [
    'ب', 'ت', 'ث', 'ج', 'ح', 'خ', 'د', 'ذ', 'ر', 'ز', 'س', 'ش', 'ص', 'ض', 'ط', 'ظ', 'ع', 'غ', 'ف',
    'ق', 'ك', 'ل', 'م', 'ن', 'ه', 'و',
];
/// Word patterns. Each digit is replaced by a consonant of the root.
const PATTERNS: [&str; 12] = [
    "123",
    "1ا23",
    "12ا3",
    "12ي3",
    "م12و3",
    "ت12ي3",
    "م1ا23ة",
    "ا1ت2ا3",
    "12ا3ة",
    "ي123",
    "م123ون",
    "ا123ات",
];
const VOCABULARY: usize = 5_000;

/// A vocabulary with word frequencies.
pub(crate) struct Words {
    words: Vec<String>,
    ranks: Zipf,
}

impl Words {
    /// Generates the vocabulary, which is identical each time.
    pub(crate) fn new() -> Self {
        let mut random = Random::new("words", 0);
        let (mut words, mut seen) = (Vec::with_capacity(VOCABULARY), BTreeSet::new());
        while words.len() < VOCABULARY {
            let word = invent(&mut random);
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        Self {
            words,
            ranks: Zipf::new(VOCABULARY, 1.0),
        }
    }

    /// Returns this number of words, separated by spaces.
    pub(crate) fn text(&self, random: &mut Random, count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            if !text.is_empty() {
                text.push(' ');
            }
            // The definite article. It precedes about half of the nouns and no verbs: 30 % of all
            // words.
            if random.percent(30) {
                text.push_str("ال");
            }
            text.push_str(&self.words[self.ranks.pick(random)]);
        }
        text
    }
}

fn invent(random: &mut Random) -> String {
    let root = [(); 3].map(|()| CONSONANTS[random.below(CONSONANTS.len())]);
    let pattern = PATTERNS[random.below(PATTERNS.len())];
    pattern
        .chars()
        .map(|letter| match letter {
            '1' => root[0],
            '2' => root[1],
            '3' => root[2],
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_length_and_are_deterministic() {
        let text = || Words::new().text(&mut Random::new("test", 0), 40);
        assert_eq!(text().split(' ').count(), 40);
        assert_eq!(text(), text());
    }
}
