//! Masking of passwords in URLs, so that the URLs can be shown.

use std::borrow::Cow;

/// The replacement for a password.
const MASK: &str = "***";

/// Secret parameters in a database URL, as used by libpq and its drivers.
const SECRET_PARAMETERS: [&str; 3] = ["password", "sslpassword", "pass"];

/// A parameter that holds either a file name or a private key. It is masked only if it holds a key.
const KEY_PARAMETER: &str = "sslkey";

/// Masks every password in a URL, both in the user information and in the query, for messages and logs.
/// If the URL is malformed, too much is masked rather than too little.
pub fn without_password(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let masked = match query.map(masked_query) {
        Some(query) => format!("{address}?{query}"),
        None => address.to_owned(),
    };
    masked_user(&masked)
}

/// Removes secrets that the driver does not use from a URL. The driver would log them.
pub(crate) fn without_unused_secrets(url: &str) -> String {
    let Some((address, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let used = query.split('&').filter(|parameter| {
        let name = decoded(parameter.split('=').next().unwrap_or_default());
        name == "password" || !SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
    });
    let used: Vec<_> = used.collect();
    if used.is_empty() {
        return address.to_owned();
    }
    format!("{address}?{}", used.join("&"))
}

/// Masks the passwords of all URLs in a text, such as an error message.
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains("://") && !text.contains("password") {
        return Cow::Borrowed(text);
    }
    // Characters that may surround a URL in prose. Within a URL they are escaped.
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '\'' | '<' | '>');
    let mut masked = String::with_capacity(text.len());
    for part in text.split_inclusive(ends) {
        let word = part.trim_end_matches(ends);
        if word.contains("://") || word.contains('?') {
            masked.push_str(&without_password(word));
        } else {
            masked.push_str(word);
        }
        masked.push_str(&part[word.len()..]);
    }
    Cow::Owned(masked)
}

fn masked_query(query: &str) -> String {
    let parameters = query.split('&').map(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else {
            return parameter.to_owned();
        };
        let decoded = decoded(name).to_ascii_lowercase();
        let is_secret = SECRET_PARAMETERS.contains(&decoded.as_str())
            || (decoded == KEY_PARAMETER && value.contains("BEGIN"));
        if is_secret && !value.is_empty() {
            format!("{name}={MASK}")
        } else {
            parameter.to_owned()
        }
    });
    parameters.collect::<Vec<_>>().join("&")
}

/// Masks everything between the first `:` and the last `@`, because an unescaped password may contain
/// either character.
fn masked_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((user, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    match user.split_once(':') {
        Some((name, _)) => format!("{scheme}://{name}:{MASK}@{host}"),
        None => url.to_owned(),
    }
}

/// Decodes the percent-escapes in a parameter name. The driver reads `p%61ssword` as `password`.
fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hexadecimal(*high).zip(hexadecimal(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            bytes.push(high * 16 + low);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("postgres://a:s3cret@h/db", "postgres://a:***@h/db"),
            (
                "postgres://a:s3%40cret@h:5432/db",
                "postgres://a:***@h:5432/db",
            ),
            ("postgres://a:s3@cret@h/db", "postgres://a:***@h/db"),
            ("postgres://a:s3/cret@h/db", "postgres://a:***@h/db"),
            ("postgres://:s3cret@h/db", "postgres://:***@h/db"),
            ("postgres://a@h/db", "postgres://a@h/db"),
            (
                "postgres://h/db?user=a&password=s3cret&sslmode=require",
                "postgres://h/db?user=a&password=***&sslmode=require",
            ),
            (
                "postgres://h/db?p%61ssword=s3cret",
                "postgres://h/db?p%61ssword=***",
            ),
            (
                "postgres://h/db?PASSWORD=s3cret",
                "postgres://h/db?PASSWORD=***",
            ),
            (
                "postgres://a:s3cret@h/db?sslpassword=s3cret",
                "postgres://a:***@h/db?sslpassword=***",
            ),
            (
                "postgres://a@h/db?password=s3@cret",
                "postgres://a@h/db?password=***",
            ),
            ("sqlite:x.db", "sqlite:x.db"),
            ("sqlite:x.db?mode=rwc", "sqlite:x.db?mode=rwc"),
            ("http://u:s3cret@edge:6081/", "http://u:***@edge:6081/"),
        ] {
            assert_eq!(without_password(url), shown);
            let said = format!("could not reach {url:?}: no (as `{url}`)");
            assert!(!without_passwords(&said).contains("s3"), "{said}");
        }
        let used =
            without_unused_secrets("postgres://h/db?sslpassword=a&password=b&PASSWORD=c&x=y");
        assert_eq!(used, "postgres://h/db?password=b&x=y");
        let prose = "nothing: it is a text?";
        assert_eq!(without_passwords(prose), prose);
    }
}
