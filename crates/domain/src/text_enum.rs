//! Tokens: the words that represent enum variants in database rows and files.

/// Implements `ALL`, `as_str` and `parse` for a field-less enum.
macro_rules! tokens {
    ($name:ident, $what:literal, { $($variant:ident => $token:literal),+ $(,)? }) => {
        impl $name {
            /// All variants, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the token that represents the variant in database rows and files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $token),+ }
            }

            /// Returns the variant that a token represents. Fails if there is none.
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
