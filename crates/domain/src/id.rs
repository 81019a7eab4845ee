//! Identity: what tells one article from another when every word of it has changed.
//!
//! Ids are UUIDs. New ones are version 7 (RFC 9562 §5.7), so rows that were written together lie
//! together; what is imported gets version 5 (§5.5) of its origin, so importing twice finds it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id that this UUID stands for.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself, as it is stored.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )+};
}

ids! {
    /// Whose account.
    AccountId,
    /// Which article.
    ArticleId,
    /// Which comment.
    CommentId,
    /// Which edition.
    EditionId,
    /// Which place to follow the newsroom.
    FollowChannelId,
    /// Which live channel.
    LiveChannelId,
    /// Which picture, video or sound.
    MediaId,
    /// Which person.
    PersonId,
    /// Which section.
    SectionId,
    /// Which source.
    SourceId,
    /// Which story.
    StoryId,
    /// Which API token.
    TokenId,
    /// Which topic.
    TopicId,
}

/// A new version 7 UUID for something made at `at`; `random` is where its other 74 bits come from.
pub fn mint(at: DateTime<Utc>, random: u128) -> Uuid {
    // Before 1970 there was no web to publish on; such a clock counts as zero.
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    let bytes = random.to_be_bytes();
    let mut tail = [0; 10];
    tail.copy_from_slice(&bytes[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// The root of every version 5 id that Khabar derives from an origin.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x6b68_6162_6172_5e00_8a77_0000_6e65_7773);

/// The id of something that is known by where it came from: always the same for the same parts.
pub fn derived(noun: &str, parts: &[&str]) -> Uuid {
    // A separator that cannot stand in a slug or a title keeps ("a", "bc") apart from ("ab", "c").
    let name = std::iter::once(noun)
        .chain(parts.iter().copied())
        .collect::<Vec<_>>()
        .join("\u{1f}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_sort_by_time() {
        let early = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let late = DateTime::from_timestamp(1_700_000_001, 0).unwrap();
        assert!(mint(early, u128::MAX) < mint(late, 0));
        assert_eq!(mint(early, 7).get_version_num(), 7);
    }

    #[test]
    fn derived_ids_keep_their_parts_apart() {
        assert_eq!(
            derived("story", &["ar", "x"]),
            derived("story", &["ar", "x"])
        );
        assert_ne!(
            derived("story", &["a", "bc"]),
            derived("story", &["ab", "c"])
        );
        assert_ne!(derived("story", &["x"]), derived("section", &["x"]));
    }
}
