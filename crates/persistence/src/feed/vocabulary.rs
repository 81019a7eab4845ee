//! The vocabulary of the change feed: kinds of objects, their facets, operations and cache tags.
//!
//! Imports nothing of this crate, so that everything else may use it. Its words have a text form, which
//! is stored in the feed and must not change.

mod tag;

pub use self::tag::CacheTag;

/// Declares a field-less enum with the text of each variant.
macro_rules! vocabulary {
    (
        $(#[$attribute:meta])*
        $name:ident { $($(#[$doc:meta])* $variant:ident => $text:literal),+ $(,)? }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant),+
        }

        impl $name {
            /// All variants, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the text used in the database and in cache tags.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// Returns the variant with the given text.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

vocabulary! {
    /// The operation of a change.
    Operation {
        /// The object is new.
        Added => "added",
        /// The object has changed.
        Changed => "changed",
        /// The object was deleted, or readers can no longer see it.
        Withdrawn => "withdrawn",
    }
}

vocabulary! {
    /// The kind of object that was written.
    #[expect(
        missing_docs,
        reason = "each is the noun of the same name in khabar-domain, or the table's"
    )]
    EntityKind {
        Account => "account",
        Article => "article",
        Comment => "comment",
        Edition => "edition",
        FollowChannel => "follow-channel",
        Home => "home",
        LiveChannel => "live-channel",
        Media => "media",
        Person => "person",
        Preview => "preview",
        Related => "related",
        Section => "section",
        Source => "source",
        Story => "story",
        Token => "token",
        Topic => "topic",
        TrustedDocument => "trusted-document",
    }
}

vocabulary! {
    /// A part of an object that is read separately from it.
    #[expect(
        missing_docs,
        reason = "each is the field of the same name in the API, or nearly"
    )]
    Facet {
        Articles => "articles",
        Authors => "authors",
        Caption => "caption",
        Children => "children",
        Commenting => "commenting",
        Comments => "comments",
        Details => "details",
        FollowChannels => "follow-channels",
        Lead => "lead",
        Leads => "leads",
        LiveChannels => "live-channels",
        Rail => "rail",
        Related => "related",
        Replies => "replies",
        Reports => "reports",
        Sections => "sections",
        Slug => "slug",
        Stories => "stories",
        Text => "text",
        Topics => "topics",
    }
}
