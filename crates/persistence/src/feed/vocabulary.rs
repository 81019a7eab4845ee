//! The vocabulary of the change feed: kinds of objects, their facets, operations and cache tags.
//!
//! Imports nothing of this crate, so that everything else may use it. Its words have a text form, which
//! is stored in the feed and must not change.

mod tag;

pub use self::tag::CacheTag;

/// Declares a field-less enum with the text of each variant and, after `as`, its code in surrogate keys.
macro_rules! vocabulary {
    (
        $(#[$attribute:meta])*
        $name:ident { $($variant:ident => $text:literal as $code:literal),+ $(,)? }
    ) => {
        vocabulary! { $(#[$attribute])* $name { $($variant => $text),+ } }

        impl $name {
            /// Returns the two-letter code used in surrogate keys.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code),+
                }
            }
        }
    };
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
        Account => "account" as "ac",
        Article => "article" as "ar",
        Comment => "comment" as "co",
        Edition => "edition" as "ed",
        FollowChannel => "follow-channel" as "fo",
        Home => "home" as "ho",
        LiveChannel => "live-channel" as "li",
        Media => "media" as "me",
        Person => "person" as "pe",
        Preview => "preview" as "pr",
        Related => "related" as "re",
        Section => "section" as "se",
        Source => "source" as "so",
        Story => "story" as "st",
        Token => "token" as "tk",
        Topic => "topic" as "to",
        TrustedDocument => "trusted-document" as "tr",
    }
}

vocabulary! {
    /// A part of an object that is read separately from it.
    #[expect(
        missing_docs,
        reason = "each is the field of the same name in the API, or nearly"
    )]
    Facet {
        Articles => "articles" as "ar",
        Authors => "authors" as "au",
        Caption => "caption" as "ca",
        Children => "children" as "ch",
        Commenting => "commenting" as "cg",
        Comments => "comments" as "co",
        Details => "details" as "de",
        FollowChannels => "follow-channels" as "fo",
        Lead => "lead" as "ld",
        Leads => "leads" as "le",
        LiveChannels => "live-channels" as "li",
        Rail => "rail" as "ra",
        Related => "related" as "re",
        Replies => "replies" as "rp",
        Reports => "reports" as "rt",
        Sections => "sections" as "se",
        Slug => "slug" as "sl",
        Stories => "stories" as "st",
        Text => "text" as "te",
        Topics => "topics" as "to",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_different_pairs_of_letters() {
        let entities = EntityKind::ALL.iter().map(|entity| entity.code());
        let facets = Facet::ALL.iter().map(|facet| facet.code());
        for codes in [entities.collect::<Vec<_>>(), facets.collect()] {
            assert!(codes.iter().all(|code| code.len() == 2), "{codes:?}");
            assert_eq!(
                codes.iter().collect::<HashSet<_>>().len(),
                codes.len(),
                "{codes:?}"
            );
        }
    }
}
