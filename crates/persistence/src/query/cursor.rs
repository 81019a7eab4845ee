//! Cursors: positions in lists, which name the source of the list.

use khabar_domain::Invalid;
use uuid::Uuid;

/// The ordered sources of lists, each with the tag of its cursors.
///
/// Two orders of the same items are two sources. Clients store cursors, so a tag is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Source {
    /// The authors of an article.
    ArticleAuthors = 1,
    /// The topics of an article or of a story.
    Topics = 2,
    /// The live channels of an edition.
    LiveChannels = 3,
    /// The follow channels of an edition.
    FollowChannels = 4,
    /// The sections under a parent.
    Sections = 5,
    /// The ancestors of a section, from the root.
    SectionAncestors = 6,
    /// The stories of an article.
    ArticleStories = 7,
    /// Stories by their last activity.
    StoriesByActivity = 8,
    /// The pinned stories of an edition.
    PinnedStories = 9,
    /// Articles by the number of times that they were read.
    ArticlesByReads = 10,
    /// Articles, newest first.
    ArticlesNewestFirst = 11,
    /// Articles, oldest first.
    ArticlesOldestFirst = 12,
    /// Articles by their number of comments.
    ArticlesByComments = 13,
    /// The related articles of an article.
    RelatedArticles = 14,
    /// The lead articles of an edition.
    LeadArticles = 15,
    /// Comments, newest first.
    CommentsNewestFirst = 16,
    /// Comments, oldest first.
    CommentsOldestFirst = 17,
    /// The audit log.
    AuditLog = 18,
    /// The revisions of an article.
    Revisions = 19,
    /// Unpublished articles by their last change.
    UnpublishedArticles = 40,
    /// The reports of a comment.
    CommentReports = 41,
    /// API tokens.
    Tokens = 42,
    /// The change feed.
    Changes = 43,
}

/// The position of an item in its source: the value that the source sorts by, and the id of the item,
/// which decides between equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey {
    /// A number, or a time in microseconds since 1970.
    pub value: i64,
    /// The id of the item.
    pub id: Uuid,
}

impl SortKey {
    /// Creates the key of an item that is sorted by a score, such as a result of a search.
    ///
    /// The keys of scores compare like [`f64::total_cmp`].
    pub fn of_score(score: f64, id: Uuid) -> Self {
        let bits = score.to_bits().cast_signed();
        // Negative numbers are ordered by magnitude: all bits but the sign are inverted.
        let inverted = (bits >> 63).cast_unsigned() >> 1;
        Self {
            value: bits ^ inverted.cast_signed(),
            id,
        }
    }
}

/// A position in a list: its source, and the key of the item at that position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(crate) source: u8,
    pub(crate) key: SortKey,
}

impl Cursor {
    const LENGTH: usize = 1 + 8 + 16;

    /// Creates the cursor of an item.
    pub(crate) fn of(source: Source, key: SortKey) -> Self {
        Self {
            source: source as u8,
            key,
        }
    }

    /// Encodes the cursor as bytes: the tag of the source, the sort value and the id.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = self.source;
        bytes[1..9].copy_from_slice(&self.key.value.to_be_bytes());
        bytes[9..].copy_from_slice(self.key.id.as_bytes());
        bytes
    }

    /// Decodes a cursor from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        let refuse = || Invalid::new("the cursor", "is not one that this API gave out");
        let bytes: [u8; Self::LENGTH] = bytes.try_into().map_err(|_| refuse())?;
        let mut value = [0; 8];
        value.copy_from_slice(&bytes[1..9]);
        let value = i64::from_be_bytes(value);
        let id = Uuid::from_slice(&bytes[9..]).map_err(|_| refuse())?;
        Ok(Self {
            source: bytes[0],
            key: SortKey { value, id },
        })
    }

    /// Rejects the cursor of another source. `argument` names it in the error.
    pub(crate) fn check(self, argument: &str, source: Source) -> Result<(), Invalid> {
        if self.source == source as u8 {
            return Ok(());
        }
        Err(Invalid::new(
            argument,
            "is a cursor of another list, or of this list in another order",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_bytes_and_nothing_else_is_one() {
        let key = SortKey {
            value: -5,
            id: Uuid::from_u128(9),
        };
        let cursor = Cursor::of(Source::LiveChannels, key);
        assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Ok(cursor));
        assert!(Cursor::from_bytes(b"short").is_err());
    }

    #[test]
    fn the_keys_of_scores_are_in_the_order_of_the_scores() {
        let scores = [
            f64::NEG_INFINITY,
            -2.5,
            -0.1,
            -f64::MIN_POSITIVE,
            0.0,
            f64::MIN_POSITIVE,
            0.1,
            2.5,
            f64::INFINITY,
        ];
        let keys = scores.map(|score| SortKey::of_score(score, Uuid::nil()));
        assert!(keys.is_sorted_by(|one, other| one < other));
    }
}
