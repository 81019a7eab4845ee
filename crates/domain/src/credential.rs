//! Credentials: API tokens as their bearers hold them. A token is shown once, and only its hash is
//! stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::Invalid;

/// The prefix of every token. Lets secret scanners recognise leaked tokens.
const PREFIX: &str = "khb_";

/// An API token: `khb_` followed by 256 random bits in base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// Creates a token from the given bits, which must be unpredictable.
    pub fn of(bits: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bits)))
    }

    /// Whether a text has the prefix of an API token.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Parses a token. The error does not repeat the text, because it may be a secret.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bits = text
            .strip_prefix(PREFIX)
            .and_then(|bits| URL_SAFE_NO_PAD.decode(bits).ok());
        match bits {
            Some(bits) if bits.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(Invalid::new(
                "the token",
                format!("is not {PREFIX} and 256 bits in base64url"),
            )),
        }
    }

    /// Returns the full token, to be given to its bearer.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 hash of the token in hexadecimal, for storage. A slow hash is unnecessary
    /// for 256 random bits.
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(&self.0);
        digest.iter().fold(String::with_capacity(64), |text, byte| {
            text + &format!("{byte:02x}")
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_survives_its_text_and_does_not_show_itself() {
        let credential = Credential::of([7; 32]);
        assert_eq!(credential.as_str().len(), 4 + 43);
        assert_eq!(Credential::parse(credential.as_str()).unwrap(), credential);
        assert_eq!(credential.hash().len(), 64);
        assert_ne!(credential.hash(), Credential::of([8; 32]).hash());
        assert_eq!(format!("{credential:?}"), "Credential(…)");
    }

    #[test]
    fn nothing_else_is_one() {
        let good = Credential::of([7; 32]);
        for text in [
            "",
            "khb_",
            "khb_AAAA",
            &good.as_str()[4..],
            &format!("{}A", good.as_str()),
        ] {
            let refused = Credential::parse(text).unwrap_err().to_string();
            assert!(!refused.contains("AAAA"), "{refused}");
        }
    }
}
