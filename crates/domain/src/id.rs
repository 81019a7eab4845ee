//! Identifiers, which remain stable when every other attribute of an object changes.
//!
//! IDs are UUIDs. New ones are version 7 (RFC 9562 §5.7), so that rows written together are stored
//! close together. Imported objects get a version 5 UUID (§5.5) derived from their origin, so that
//! importing twice finds the existing object.

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
            /// Creates an ID from a UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the UUID, as it is stored.
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
    /// The ID of an account.
    AccountId,
    /// The ID of an article.
    ArticleId,
    /// The ID of a comment.
    CommentId,
    /// The ID of an edition.
    EditionId,
    /// The ID of a follow channel.
    FollowChannelId,
    /// The ID of a live channel.
    LiveChannelId,
    /// The ID of an image, video or audio recording.
    MediaId,
    /// The ID of a person.
    PersonId,
    /// The ID of a section.
    SectionId,
    /// The ID of a source.
    SourceId,
    /// The ID of a story.
    StoryId,
    /// The ID of an API token.
    TokenId,
    /// The ID of a topic.
    TopicId,
}

/// Generates a version 7 UUID for an object created at `at`. Its other 74 bits are taken from `random`.
pub fn mint(at: DateTime<Utc>, random: u128) -> Uuid {
    // There was no web before 1970, so an earlier time counts as zero.
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    let bytes = random.to_be_bytes();
    let mut tail = [0; 10];
    tail.copy_from_slice(&bytes[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// The namespace of every version 5 UUID that Khabar derives from an origin.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x6b68_6162_6172_5e00_8a77_0000_6e65_7773);

/// Returns a version 5 UUID derived from an object's origin. Equal arguments always give an equal UUID.
pub fn derived(kind: &str, parts: &[&str]) -> Uuid {
    // A separator that cannot occur in a slug or a title distinguishes ("a", "bc") from ("ab", "c").
    let name = std::iter::once(kind)
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
