//! Diffs between two texts, block by block and, within a changed block, word by word.
//!
//! Arabic words are compared whole, with their harakat, tatweel and zero-width joiners. Punctuation
//! marks are separate tokens. Texts are compared in NFC, so different encodings of one letter are
//! equal.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem::discriminant;
use std::ops::Range;
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::Block;

/// A part of an article's content or classification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The kind of article.
    Kind,
    /// The slug used in the article's URL.
    Slug,
    /// The canonical URL on the web.
    CanonicalUrl,
    /// The headline.
    Headline,
    /// The lead: a paragraph that summarises the article.
    Lead,
    /// The main image or video, shown at the top of the article.
    Hero,
    /// The news agency or outlet that supplied the article.
    Source,
    /// The section in which the article is filed.
    Section,
    /// The language of the text.
    Language,
    /// The kinds of media that the article contains.
    Flags,
    /// The authors.
    Authors,
    /// The topics.
    Topics,
    /// The stories to which the article belongs.
    Stories,
    /// The body text.
    Body,
}

/// The kind of edit made to a span of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edit {
    /// Unchanged.
    Same,
    /// Added in the new text.
    Added,
    /// Removed from the old text.
    Removed,
}

/// Consecutive words with one kind of edit, including the white space and punctuation between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The kind of edit.
    pub edit: Edit,
    /// The text of the span.
    pub text: String,
}

/// The change made to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Unchanged.
    Same(Block),
    /// Added in the new body.
    Added(Block),
    /// Removed from the old body.
    Removed(Block),
    /// Changed in content.
    Changed {
        /// The block in the old body.
        before: Block,
        /// The block in the new body.
        after: Block,
        /// The word-by-word diff of the block's text.
        words: Vec<Span>,
    },
}

/// The time budget of a diff. Unlimited by default. When it runs out or the texts are too large, the
/// rest is compared more coarsely: as entirely rewritten, or by block position.
#[derive(Debug, Default)]
pub struct Effort {
    deadline: Option<Instant>,
    is_coarse: bool,
}

impl Effort {
    /// Creates a budget that ends at the given time.
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            is_coarse: false,
        }
    }

    /// Whether any part was compared more coarsely than word by word.
    pub fn is_coarse(&self) -> bool {
        self.is_coarse
    }

    /// Whether the deadline has passed. If so, marks the diff as coarse.
    fn is_spent(&mut self) -> bool {
        let is_spent = self.deadline.is_some_and(|it| Instant::now() >= it);
        self.is_coarse |= is_spent;
        is_spent
    }
}

/// Compares two texts word by word. Removed words precede the words that replace them.
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

/// A range of two token lists that is entirely equal or entirely changed.
struct Hunk {
    same: bool,
    old: Range<usize>,
    new: Range<usize>,
}

/// Merges changes separated only by white space, because a space alone is no evidence of unchanged
/// text.
fn joined(stretches: Vec<Hunk>, new: &[&str]) -> Vec<Hunk> {
    let mut kept: Vec<Hunk> = Vec::new();
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

/// The maximum number of token pairs to compare. Beyond it, everything between the common beginning and
/// the common end counts as rewritten. The limit corresponds to two texts of 2,000 words without one in
/// common. Nobody reads such a diff, and its cost grows with the product of the lengths.
const MOST_PAIRS: usize = 16_000_000;

/// Splits two lists into alternating equal and changed stretches.
fn stretches<T: Eq + Hash + Ord>(old: &[T], new: &[T], effort: &mut Effort) -> Vec<Hunk> {
    let alike = |(a, b): &(&T, &T)| a == b;
    let head = old.iter().zip(new).take_while(alike).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let backwards = old_rest.iter().rev().zip(new_rest.iter().rev());
    let tail = backwards.take_while(alike).count();
    let (old_tail, new_tail) = (old.len() - tail, new.len() - tail);
    // The start positions of equal stretches in both lists, and their lengths.
    let mut same = vec![(0, 0, head)];
    let pairs = (old_tail - head).saturating_mul(new_tail - head);
    if pairs > MOST_PAIRS {
        effort.is_coarse = true;
    } else if pairs > 0 && !effort.is_spent() {
        let (old, new) = (&old[head..old_tail], &new[head..new_tail]);
        let ops = capture_diff_slices_deadline(Algorithm::Myers, old, new, effort.deadline);
        // Anything not compared before the deadline counts as rewritten.
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

    let mut stretches: Vec<Hunk> = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    for (old_start, new_start, len) in same.into_iter().filter(|(_, _, len)| *len > 0) {
        if (old_at, new_at) != (old_start, new_start) {
            stretches.push(Hunk {
                same: false,
                old: old_at..old_start,
                new: new_at..new_start,
            });
        }
        (old_at, new_at) = (old_start + len, new_start + len);
        match stretches.last_mut().filter(|last| last.same) {
            Some(last) => (last.old.end, last.new.end) = (old_at, new_at),
            None => stretches.push(Hunk {
                same: true,
                old: old_start..old_at,
                new: new_start..new_at,
            }),
        }
    }
    if (old_at, new_at) != (old.len(), new.len()) {
        stretches.push(Hunk {
            same: false,
            old: old_at..old.len(),
            new: new_at..new.len(),
        });
    }
    stretches
}

/// Splits a text into words, runs of white space, and single punctuation marks or symbols. Joined
/// together, the tokens give the original text.
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

/// Returns the length of the word at the beginning of a text, in bytes.
fn word(text: &str) -> usize {
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        if !belongs_to_a_word(c) {
            let next = text[at + c.len_utf8()..].chars().next().unwrap_or(' ');
            let apostrophe =
                matches!(c, '\'' | '’') && last.is_alphabetic() && next.is_alphabetic();
            // Decimal points and thousands separators inside numbers, including Arabic ones.
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

/// Whether a character is part of a word: letters, digits, combining marks, tatweel (a letter in
/// Unicode), and the zero-width joiner and non-joiner.
fn belongs_to_a_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\u{200c}' | '\u{200d}')
}

/// Compares two bodies block by block.
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

/// The minimum similarity for two blocks to count as one changed block, in thousandths of their words.
const ALIKE: usize = 300;

/// The maximum number of block pairs to compare exhaustively. Beyond it, each block is compared only
/// with the one at its position. Rewriting half of a long article gives 100 by 100 blocks.
const MOST_COMPARED: usize = 40_000;

/// Appends the changes between two runs of blocks with none in common, matching blocks that were
/// edited.
fn tell(old: &[Block], new: &[Block], effort: &mut Effort, changes: &mut Vec<Change>) {
    let (mut from, mut to) = (0, 0);
    for (at, with) in pairs(old, new, effort) {
        changes.extend(old[from..at].iter().cloned().map(Change::Removed));
        changes.extend(new[to..with].iter().cloned().map(Change::Added));
        let (before, after) = (old[at].clone(), new[with].clone());
        (from, to) = (at + 1, with + 1);
        // A coarse comparison can also pair equal blocks.
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

/// Matches old blocks with new ones so that total similarity is highest. Pairs keep the order of both lists.
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
    // `best[i][j]` is the highest total similarity of the blocks from `i` and from `j` on.
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

/// The words of a block, sorted, without regard to their order in the text.
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
    /// Returns the proportion of words that both blocks share, in thousandths, or 0 if they are too
    /// different.
    fn likeness(&self, other: &Self) -> usize {
        if self.kind != other.kind {
            return 0;
        }
        let all = self.words.len() + other.words.len();
        if all == 0 {
            // Two blocks without text, such as an image replaced by another.
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
        // A haraka is part of its word, not a separate letter.
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

    /// Uses the largest bodies that are accepted, without a word in common.
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
        // Far above the usual time, and far below the time before diffs had a deadline.
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
