//! Tokens: the words that stand for the variants of a closed list, in rows and in files.

/// Gives a field-less enum its tokens: `as_str`, `parse` and `ALL`.
macro_rules! tokens {
    ($name:ident, $what:literal, { $($variant:ident => $token:literal),+ $(,)? }) => {
        impl $name {
            /// Every variant, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that stands for it in rows and in files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $token),+ }
            }

            /// The variant that this word stands for.
            pub fn parse(token: &str) -> Result<Self, $crate::Invalid> {
                match token {
                    $($token => Ok(Self::$variant),)+
                    _ => Err($crate::Invalid::new($what, format!("{token:?} is not one of {}", [$($token),+].join(", ")))),
                }
            }
        }
    };
}

pub(crate) use tokens;
