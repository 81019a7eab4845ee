//! A diff: what changed between two texts, block by block and, inside a block, word by word.
//!
//! A word keeps what belongs to it in Arabic: its harakat, the tatweel that stretches it, and the
//! joiners that shape it. Punctuation stands apart from words. Texts are compared in NFC, so two
//! ways of writing one letter are the same.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem::discriminant;
use std::ops::Range;
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::Block;

/// A part of what an article says and belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What kind of article it is.
    Kind,
    /// Its part of an address.
    Slug,
    /// Where it lives on the web.
    CanonicalUrl,
    /// What it is called.
    Headline,
    /// The paragraph that sums it up.
    Lead,
    /// The picture or film at its head.
    Hero,
    /// The agency or outlet that it came from.
    Source,
    /// Where it is filed.
    Section,
    /// The language that it is in.
    Language,
    /// What it carries besides words.
    Flags,
    /// Who signed it.
    Authors,
    /// What it is about.
    Topics,
    /// The stories that it belongs to.
    Stories,
    /// Its text.
    Body,
}

/// What became of some words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edit {
    /// They are on both sides.
    Same,
    /// They are new.
    Added,
    /// They are gone.
    Removed,
}

/// Neighbouring words with one fate, with the spaces and signs among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What became of them.
    pub edit: Edit,
    /// The words.
    pub text: String,
}

/// What became of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is on both sides.
    Same(Block),
    /// It is new.
    Added(Block),
    /// It is gone.
    Removed(Block),
    /// It is different.
    Changed {
        /// What it was.
        before: Block,
        /// What it is.
        after: Block,
        /// What became of its words.
        words: Vec<Span>,
    },
}

/// The work that a diff may take. Beyond it what is left is compared more coarsely: as rewritten, or
/// block by block.
#[derive(Debug, Default)]
pub struct Effort {
    deadline: Option<Instant>,
    is_coarse: bool,
}

impl Effort {
    /// As much as can be done until this moment.
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            is_coarse: false,
        }
    }

    /// Whether something was compared more coarsely than word by word.
    pub fn is_coarse(&self) -> bool {
        self.is_coarse
    }

    /// Whether the work has to end, which makes the diff a coarse one.
    fn is_spent(&mut self) -> bool {
        let is_spent = self.deadline.is_some_and(|it| Instant::now() >= it);
        self.is_coarse |= is_spent;
        is_spent
    }
}

/// What became of the words of a text. Removed words stand before those that take their place.
pub fn words(old: &str, new: &str, effort: &mut Effort) -> Vec<Span> {
    let (old, new): (String, String) = (old.nfc().collect(), new.nfc().collect());
    let (old, new) = (tokens(&old), tokens(&new));
    let mut spans = Vec::new();
    for stretch in joined(stretches(&old, &new, effort), &new) {
        let new = new[stretch.new].concat();
        let fates = if stretch.same {
            vec![(Edit::Same, new)]
        } else {
            vec![
                (Edit::Removed, old[stretch.old].concat()),
                (Edit::Added, new),
            ]
        };
        let fates = fates.into_iter().filter(|(_, text)| !text.is_empty());
        spans.extend(fates.map(|(edit, text)| Span { edit, text }));
    }
    spans
}

/// A stretch of two lists: all of it is the same, or none.
struct Stretch {
    same: bool,
    old: Range<usize>,
    new: Range<usize>,
}

/// Changes with nothing but a space between them as one: that is no sign that something stayed.
fn joined(stretches: Vec<Stretch>, new: &[&str]) -> Vec<Stretch> {
    let mut kept: Vec<Stretch> = Vec::new();
    for stretch in stretches {
        if let [.., change, space] = kept.as_mut_slice()
            && !stretch.same
            && new[space.new.clone()]
                .iter()
                .all(|token| token.trim().is_empty())
        {
            change.old.end = stretch.old.end;
            change.new.end = stretch.new.end;
            kept.pop();
        } else {
            kept.push(stretch);
        }
    }
    kept
}

/// Above so many pairs, what lies between the common beginning and the common end is taken as
/// rewritten: two texts of 2,000 words without one in common. Nobody reads such a diff, and its
/// cost grows with the product.
const MOST_PAIRS: usize = 16_000_000;

/// Two lists as stretches, the same and the changed by turns.
fn stretches<T: Eq + Hash + Ord>(old: &[T], new: &[T], effort: &mut Effort) -> Vec<Stretch> {
    let alike = |(a, b): &(&T, &T)| a == b;
    let head = old.iter().zip(new).take_while(alike).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let backwards = old_rest.iter().rev().zip(new_rest.iter().rev());
    let tail = backwards.take_while(alike).count();
    let (old_tail, new_tail) = (old.len() - tail, new.len() - tail);
    // Where stretches that are the same begin on both sides, and how long they are.
    let mut same = vec![(0, 0, head)];
    let pairs = (old_tail - head).saturating_mul(new_tail - head);
    if pairs > MOST_PAIRS {
        effort.is_coarse = true;
    } else if pairs > 0 && !effort.is_spent() {
        let (old, new) = (&old[head..old_tail], &new[head..new_tail]);
        let ops = capture_diff_slices_deadline(Algorithm::Myers, old, new, effort.deadline);
        // What was not looked at when the time was over counts as rewritten.
        effort.is_spent();
        for op in ops {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = op
            {
                same.push((head + old_index, head + new_index, len));
            }
        }
    }
    same.push((old_tail, new_tail, tail));

    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    for (old_start, new_start, len) in same.into_iter().filter(|(_, _, len)| *len > 0) {
        if (old_at, new_at) != (old_start, new_start) {
            stretches.push(Stretch {
                same: false,
                old: old_at..old_start,
                new: new_at..new_start,
            });
        }
        (old_at, new_at) = (old_start + len, new_start + len);
        match stretches.last_mut().filter(|last| last.same) {
            Some(last) => (last.old.end, last.new.end) = (old_at, new_at),
            None => stretches.push(Stretch {
                same: true,
                old: old_start..old_at,
                new: new_start..new_at,
            }),
        }
    }
    if (old_at, new_at) != (old.len(), new.len()) {
        stretches.push(Stretch {
            same: false,
            old: old_at..old.len(),
            new: new_at..new.len(),
        });
    }
    stretches
}

/// Words, runs of white space, and every other sign alone. Put together they are the text.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if belongs_to_a_word(first) {
            word(rest)
        } else if first.is_whitespace() {
            let end = rest.find(|c: char| !c.is_whitespace());
            end.unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// The length of the word that a text begins with.
fn word(text: &str) -> usize {
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        if !belongs_to_a_word(c) {
            let next = text[at + c.len_utf8()..].chars().next().unwrap_or(' ');
            let apostrophe =
                matches!(c, '\'' | '’') && last.is_alphabetic() && next.is_alphabetic();
            // Points and commas inside numbers, Arabic ones too.
            let inside =
                matches!(c, '.' | ',' | '٫' | '٬') && last.is_numeric() && next.is_numeric();
            if !apostrophe && !inside {
                return at;
            }
        }
        last = c;
    }
    text.len()
}

/// Letters and digits, what stands on them, what stretches them (tatweel is a letter to Unicode)
/// and what joins or parts them without a space.
fn belongs_to_a_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\u{200c}' | '\u{200d}')
}

/// What became of the blocks of a body.
pub fn blocks(old: &[Block], new: &[Block], effort: &mut Effort) -> Vec<Change> {
    let mut known: HashMap<Block, usize> = HashMap::new();
    let mut numbers = |blocks: &[Block]| -> Vec<usize> {
        let number = |block: &Block| {
            let next = known.len();
            *known.entry(block.composed()).or_insert(next)
        };
        blocks.iter().map(number).collect()
    };
    let (old_numbers, new_numbers) = (numbers(old), numbers(new));
    let mut changes = Vec::new();
    for stretch in stretches(&old_numbers, &new_numbers, effort) {
        let (old, new) = (&old[stretch.old], &new[stretch.new]);
        if stretch.same {
            changes.extend(new.iter().cloned().map(Change::Same));
        } else {
            tell(old, new, effort, &mut changes);
        }
    }
    changes
}

/// How alike two blocks must be to be one that was changed, in thousandths of their words.
const ALIKE: usize = 300;

/// Up to so many pairs every one is looked at; beyond, a block is compared with the one in its
/// place. Half a long article rewritten is 100 by 100.
const MOST_COMPARED: usize = 40_000;

/// Tells what became of blocks of which none is the same: which of them are one that was changed.
fn tell(old: &[Block], new: &[Block], effort: &mut Effort, changes: &mut Vec<Change>) {
    let (mut from, mut to) = (0, 0);
    for (at, with) in pairs(old, new, effort) {
        changes.extend(old[from..at].iter().cloned().map(Change::Removed));
        changes.extend(new[to..with].iter().cloned().map(Change::Added));
        let (before, after) = (old[at].clone(), new[with].clone());
        (from, to) = (at + 1, with + 1);
        // What was compared is not always as little as could be.
        if before.composed() == after.composed() {
            changes.push(Change::Same(after));
            continue;
        }
        let words = words(&before.text(), &after.text(), effort);
        changes.push(Change::Changed {
            before,
            after,
            words,
        });
    }
    changes.extend(old[from..].iter().cloned().map(Change::Removed));
    changes.extend(new[to..].iter().cloned().map(Change::Added));
}

/// Which old block became which new one: pairs in the order of both, as alike as can be.
fn pairs(old: &[Block], new: &[Block], effort: &mut Effort) -> Vec<(usize, usize)> {
    let (old, new) = (bags(old), bags(new));
    let (rows, columns) = (old.len(), new.len());
    let compared = if rows.saturating_mul(columns) > MOST_COMPARED {
        None
    } else {
        let row = |old: &Bag| {
            let row = || new.iter().map(|new| old.likeness(new)).collect();
            (!effort.is_spent()).then(row)
        };
        old.iter().map(row).collect::<Option<Vec<Vec<usize>>>>()
    };
    let Some(alike) = compared else {
        effort.is_coarse = true;
        let places = old.iter().zip(&new).enumerate();
        let alike = places.filter(|(_, (old, new))| old.likeness(new) > 0);
        return alike.map(|(at, _)| (at, at)).collect();
    };
    // best[i][j]: how alike what lies from i and from j on can be made.
    let mut best = vec![vec![0; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            let paired = if alike[i][j] > 0 {
                alike[i][j] + best[i + 1][j + 1]
            } else {
                0
            };
            best[i][j] = paired.max(best[i + 1][j]).max(best[i][j + 1]);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < rows && j < columns {
        if alike[i][j] > 0 && best[i][j] == alike[i][j] + best[i + 1][j + 1] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[i][j] == best[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// A block's words without their order.
struct Bag {
    kind: std::mem::Discriminant<Block>,
    words: Vec<String>,
}

fn bags(blocks: &[Block]) -> Vec<Bag> {
    let bag = |block: &Block| {
        let text: String = block.text().nfc().collect();
        let words = tokens(&text).into_iter();
        let mut words: Vec<_> = words
            .filter(|word| word.starts_with(belongs_to_a_word))
            .map(str::to_owned)
            .collect();
        words.sort_unstable();
        Bag {
            kind: discriminant(block),
            words,
        }
    };
    blocks.iter().map(bag).collect()
}

impl Bag {
    /// How many of the words of both are common to both, in thousandths; 0 when they are not alike.
    fn likeness(&self, other: &Self) -> usize {
        if self.kind != other.kind {
            return 0;
        }
        let all = self.words.len() + other.words.len();
        if all == 0 {
            // Another picture in the place of a picture.
            return ALIKE;
        }
        let (mut common, mut rest) = (0, other.words.as_slice());
        for word in &self.words {
            let before = rest.partition_point(|other| other < word);
            rest = &rest[before..];
            if rest.first() == Some(word) {
                common += 1;
                rest = &rest[1..];
            }
        }
        let likeness = 2_000 * common / all;
        if likeness < ALIKE { 0 } else { likeness }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::body::{RichText, Run};

    fn shown(old: &str, new: &str) -> String {
        let span = |span: &Span| match span.edit {
            Edit::Same => span.text.clone(),
            Edit::Added => format!("[+{}]", span.text),
            Edit::Removed => format!("[-{}]", span.text),
        };
        words(old, new, &mut Effort::default())
            .iter()
            .map(span)
            .collect()
    }

    #[test]
    fn a_word_keeps_what_belongs_to_it() {
        assert_eq!(
            tokens("قال: «المَدِينَة» تفتتـــح، می\u{200c}خواهم ٣٫٥؛ 1,200؟"),
            [
                "قال",
                ":",
                " ",
                "«",
                "المَدِينَة",
                "»",
                " ",
                "تفتتـــح",
                "،",
                " ",
                "می\u{200c}خواهم",
                " ",
                "٣٫٥",
                "؛",
                " ",
                "1,200",
                "؟"
            ]
        );
        assert_eq!(tokens("don't 'so'."), ["don't", " ", "'", "so", "'", "."]);
    }

    #[test]
    fn words_change_whole() {
        assert_eq!(
            shown("افتتح الوزير الميناء، أمس.", "افتتحت الوزيرة الميناء؛ أمس."),
            "[-افتتح الوزير][+افتتحت الوزيرة] الميناء[-،][+؛] أمس."
        );
        // A haraka is part of its word, not a letter by itself.
        assert_eq!(shown("عَلِم الناس", "عَلَم الناس"), "[-عَلِم][+عَلَم] الناس");
        assert_eq!(shown("أربعة قتلى", "قتلى"), "[-أربعة ]قتلى");
        assert_eq!(shown("", "نص"), "[+نص]");
    }

    #[test]
    fn two_ways_of_writing_a_letter_are_the_same() {
        assert_eq!(shown("أحمد", "ا\u{654}حمد"), "أحمد");
        let (one, other) = (Block::paragraph("أحمد"), Block::paragraph("ا\u{654}حمد"));
        assert_eq!(
            blocks(&[one], std::slice::from_ref(&other), &mut Effort::default()),
            [Change::Same(other)]
        );
    }

    #[test]
    fn a_changed_block_is_found_among_new_ones() {
        let first = Block::paragraph("افتتح الميناء الجديد صباح اليوم");
        let last = Block::paragraph("انتهى الحفل");
        let changed = Block::paragraph("افتتح الميناء الجديد مساء اليوم");
        let new = Block::paragraph("حضر مئات الناس");
        let found = blocks(
            &[first.clone(), last.clone()],
            &[new.clone(), changed.clone(), last.clone()],
            &mut Effort::default(),
        );
        let words = words(&first.text(), &changed.text(), &mut Effort::default());
        assert_eq!(
            found,
            [
                Change::Added(new),
                Change::Changed {
                    before: first,
                    after: changed,
                    words
                },
                Change::Same(last)
            ]
        );
    }

    #[test]
    fn a_heading_never_becomes_a_paragraph() {
        let heading = Block::Heading {
            level: 2,
            text: "الميناء".to_owned(),
        };
        let paragraph = Block::paragraph("الميناء");
        assert_eq!(
            blocks(
                std::slice::from_ref(&heading),
                std::slice::from_ref(&paragraph),
                &mut Effort::default()
            ),
            [Change::Removed(heading), Change::Added(paragraph)]
        );
    }

    #[test]
    fn what_shares_nothing_is_rewritten() {
        let (old, new) = ("أ ".repeat(6_000), "ب ".repeat(6_000));
        let mut effort = Effort::default();
        let found = words(&format!("x {old}y"), &format!("x {new}y"), &mut effort);
        assert_eq!(found.len(), 4, "{}", found.len());
        assert!(effort.is_coarse());
    }

    #[test]
    fn without_time_a_diff_is_coarse_and_true() {
        let block = |n: usize| Block::paragraph(&format!("first {n} {} last", "word ".repeat(n)));
        let old: Vec<_> = (1..40).map(block).collect();
        let new: Vec<_> = (2..41).rev().map(block).collect();
        let mut effort = Effort::until(Instant::now());
        let found = blocks(&old, &new, &mut effort);
        assert!(effort.is_coarse());
        assert_eq!(side(&found, true), old);
        assert_eq!(side(&found, false), new);
        for change in &found {
            if let Change::Changed {
                before,
                after,
                words,
            } = change
            {
                assert_eq!(words_of(words, Edit::Added), before.text());
                assert_eq!(words_of(words, Edit::Removed), after.text());
            }
        }
        let mut effort = Effort::default();
        blocks(&old, &new, &mut effort);
        assert!(!effort.is_coarse());
    }

    /// The largest bodies that are taken in, without a word in common.
    #[test]
    fn the_largest_texts_end_in_time() {
        let body = |word: &str| -> Vec<Block> {
            let block = |n: usize| {
                let words = (0..1_500).map(|m| format!("{word}{}", (n * 7 + m) % 1_900));
                Block::paragraph(&words.collect::<Vec<_>>().join(" "))
            };
            (0..100).map(block).collect()
        };
        let (old, new) = (body("a"), body("b"));
        let begun = Instant::now();
        let mut effort = Effort::until(begun + std::time::Duration::from_millis(100));
        let found = blocks(&old, &new, &mut effort);
        // Much more than it takes, and much less than it took.
        assert!(begun.elapsed() < std::time::Duration::from_secs(5));
        assert!(!found.is_empty() && effort.is_coarse());
    }

    fn text() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "ميناء",
            "مِيناء",
            "ا\u{654}حمد",
            "أحمد",
            "،",
            " ",
            " ",
            "3.5",
            "؟",
            "a",
            "\n",
            "«",
        ]);
        prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
    }

    fn block() -> impl Strategy<Value = Block> {
        let run = |text| Run {
            text,
            strong: true,
            ..Run::default()
        };
        prop_oneof![
            text().prop_map(|text| Block::paragraph(&text)),
            text().prop_map(move |text| Block::Paragraph {
                text: RichText::Runs(vec![run(text)])
            }),
            (2..4_u8, text()).prop_map(|(level, text)| Block::Heading { level, text }),
            (0..3_u128).prop_map(|id| Block::Image {
                media: uuid::Uuid::from_u128(id).into()
            }),
        ]
    }

    fn side(changes: &[Change], old: bool) -> Vec<Block> {
        let block = |change: &Change| match change {
            Change::Same(block) => Some(block.clone()),
            Change::Added(block) => (!old).then(|| block.clone()),
            Change::Removed(block) => old.then(|| block.clone()),
            Change::Changed { before, after, .. } => Some(if old { before } else { after }.clone()),
        };
        changes
            .iter()
            .filter_map(block)
            .map(|block| block.composed())
            .collect()
    }

    fn words_of(spans: &[Span], gone: Edit) -> String {
        let kept = spans.iter().filter(|span| span.edit != gone);
        kept.map(|span| span.text.as_str()).collect()
    }

    proptest! {
        #[test]
        fn words_give_both_sides_back(old in text(), new in text()) {
            let spans = words(&old, &new, &mut Effort::default());
            prop_assert_eq!(words_of(&spans, Edit::Added), old.nfc().collect::<String>());
            prop_assert_eq!(words_of(&spans, Edit::Removed), new.nfc().collect::<String>());
            prop_assert!(spans.windows(2).all(|pair| pair[0].edit != pair[1].edit));
        }

        #[test]
        fn any_words_give_both_sides_back(old in "\\PC{0,60}", new in "\\PC{0,60}") {
            let spans = words(&old, &new, &mut Effort::default());
            prop_assert_eq!(words_of(&spans, Edit::Added), old.nfc().collect::<String>());
            prop_assert_eq!(words_of(&spans, Edit::Removed), new.nfc().collect::<String>());
        }

        #[test]
        fn blocks_give_both_sides_back(
            old in prop::collection::vec(block(), 0..8),
            new in prop::collection::vec(block(), 0..8),
        ) {
            let changes = blocks(&old, &new, &mut Effort::default());
            let composed = |blocks: &[Block]| blocks.iter().map(Block::composed).collect::<Vec<_>>();
            prop_assert_eq!(side(&changes, true), composed(&old));
            prop_assert_eq!(side(&changes, false), composed(&new));
            for change in &changes {
                if let Change::Changed { before, after, words } = change {
                    prop_assert!(before.composed() != after.composed());
                    let text = |block: &Block| block.text().nfc().collect::<String>();
                    prop_assert_eq!(words_of(words, Edit::Added), text(before));
                    prop_assert_eq!(words_of(words, Edit::Removed), text(after));
                }
            }
        }
    }
}
