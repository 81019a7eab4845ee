//! Calls: what is sent to a target so that it lets go of some keys, or of everything.

use axum::body::Body;
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::{HeaderName, Method, Request, header};
use serde_json::json;
use sha2::Sha256;

use super::target::{Secret, Target};

/// What is to be let go of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Whatever has one of these keys.
    Keys(Vec<String>),
    /// All that there is.
    Everything,
}

/// Which changes it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Those after this place in the change feed.
    pub(super) after: i64,
    /// Up to this place.
    pub(super) up_to: i64,
}

/// One call, which can be sent as often as it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
}

/// How many keys a header's line takes: 250 of 16 bytes are half of what Varnish reads by default,
/// and Fastly takes 256.
const IN_A_LINE: usize = 250;
/// How many tags Cloudflare takes in a call.
const CLOUDFLARE: usize = 30;
/// How many keys a webhook is sent at once: some 160 kB.
const WEBHOOK: usize = 10_000;

/// The calls that make a target let go of this. None for nothing.
pub(super) fn calls(target: &Target, what: &What, span: Span) -> Vec<Call> {
    let most = match target {
        Target::VarnishXkey { .. } | Target::VarnishBan { .. } | Target::Fastly { .. } => IN_A_LINE,
        Target::Cloudflare { .. } => CLOUDFLARE,
        Target::Webhook { .. } => WEBHOOK,
    };
    match what {
        What::Everything => vec![everything(target, span)],
        What::Keys(keys) => keys
            .chunks(most)
            .map(|keys| some(target, keys, span))
            .collect(),
    }
}

fn some(target: &Target, keys: &[String], span: Span) -> Call {
    let url = target.url();
    match target {
        Target::VarnishXkey { .. } => Call {
            method: method("PURGE"),
            url: url.to_owned(),
            headers: vec![(HeaderName::from_static("xkey-purge"), keys.join(" "))],
            body: Bytes::new(),
        },
        Target::VarnishBan { .. } => {
            // Keys are of letters, digits, - and _, so what bounds one is anything else. A space
            // would end the pattern.
            let keys = keys.join("|");
            let pattern = format!("(^|[^A-Za-z0-9_-])({keys})([^A-Za-z0-9_-]|$)");
            Call {
                method: method("BAN"),
                url: url.to_owned(),
                headers: vec![(HeaderName::from_static("ban-xkey"), pattern)],
                body: Bytes::new(),
            }
        }
        Target::Fastly {
            service, secret, ..
        } => Call {
            method: Method::POST,
            url: below(url, &format!("service/{service}/purge")),
            headers: vec![
                (
                    HeaderName::from_static("fastly-key"),
                    secret.reveal().to_owned(),
                ),
                (HeaderName::from_static("surrogate-key"), keys.join(" ")),
                (header::ACCEPT, "application/json".to_owned()),
            ],
            body: Bytes::new(),
        },
        Target::Cloudflare { zone, secret, .. } => Call {
            body: json!({ "tags": keys }).to_string().into(),
            ..cloudflare(url, zone, secret)
        },
        Target::Webhook { .. } => webhook(
            url,
            &json!({"after": span.after, "upTo": span.up_to, "keys": keys}),
        ),
    }
}

fn everything(target: &Target, span: Span) -> Call {
    let url = target.url();
    match target {
        Target::VarnishXkey { .. } | Target::VarnishBan { .. } => Call {
            method: method("BAN"),
            url: url.to_owned(),
            headers: vec![(HeaderName::from_static("ban-everything"), "1".to_owned())],
            body: Bytes::new(),
        },
        Target::Fastly {
            service, secret, ..
        } => Call {
            method: Method::POST,
            url: below(url, &format!("service/{service}/purge_all")),
            headers: vec![
                (
                    HeaderName::from_static("fastly-key"),
                    secret.reveal().to_owned(),
                ),
                (header::ACCEPT, "application/json".to_owned()),
            ],
            body: Bytes::new(),
        },
        Target::Cloudflare { zone, secret, .. } => Call {
            body: json!({ "purge_everything": true }).to_string().into(),
            ..cloudflare(url, zone, secret)
        },
        Target::Webhook { .. } => webhook(url, &json!({"everything": true, "upTo": span.up_to})),
    }
}

/// A call without what is to be let go of.
fn cloudflare(url: &str, zone: &str, secret: &Secret) -> Call {
    Call {
        method: Method::POST,
        url: below(url, &format!("zones/{zone}/purge_cache")),
        headers: vec![
            (header::AUTHORIZATION, format!("Bearer {}", secret.reveal())),
            (header::CONTENT_TYPE, "application/json".to_owned()),
        ],
        body: Bytes::new(),
    }
}

fn webhook(url: &str, body: &serde_json::Value) -> Call {
    Call {
        method: Method::POST,
        url: url.to_owned(),
        headers: vec![(header::CONTENT_TYPE, "application/json".to_owned())],
        body: body.to_string().into(),
    }
}

/// A method that HTTP itself does not know.
fn method(name: &'static str) -> Method {
    // Both are of letters alone.
    Method::from_bytes(name.as_bytes()).unwrap_or(Method::POST)
}

fn below(url: &str, path: &str) -> String {
    format!("{}/{path}", url.trim_end_matches('/'))
}

impl Call {
    /// The call as it is sent at this moment, in seconds since 1970: a webhook's is signed with it.
    pub(super) fn request(&self, target: &Target, at: i64) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder().method(&self.method).uri(&self.url);
        for (name, value) in &self.headers {
            let mut value = http::HeaderValue::try_from(value)?;
            // Whatever logs the request is not to show it.
            value.set_sensitive(matches!(name.as_str(), "fastly-key" | "authorization"));
            request = request.header(name, value);
        }
        if let Target::Webhook { secret, .. } = target {
            let signature = signature(secret.reveal(), at, &self.body);
            request = request.header("khabar-signature", signature);
        }
        request.body(Body::from(self.body.clone()))
    }
}

/// `t=SECONDS,v1=HEX`: the HMAC-SHA256 of `SECONDS.BODY`, so that who receives it knows that it is
/// from us, and not an old one that somebody sends again.
fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={at},v1={:x}", mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { after: 3, up_to: 9 };

    fn keys(count: usize) -> What {
        What::Keys((0..count).map(|number| format!("ar{number:011}")).collect())
    }

    fn cloudflare() -> Target {
        Target::Cloudflare {
            zone: "z1".to_owned(),
            secret: Secret::new("hush"),
            url: "https://api.example/v4/".to_owned(),
        }
    }

    #[test]
    fn many_keys_are_several_calls_and_none_are_none() {
        let url = "http://a/".to_owned();
        for (target, most) in [
            (Target::VarnishXkey { url: url.clone() }, 250),
            (Target::VarnishBan { url }, 250),
            (cloudflare(), 30),
        ] {
            assert_eq!(calls(&target, &keys(0), SPAN), []);
            assert_eq!(calls(&target, &keys(most), SPAN).len(), 1);
            let two = calls(&target, &keys(most + 1), SPAN);
            assert_eq!(two.len(), 2);
            for (_, line) in two.iter().flat_map(|call| &call.headers) {
                assert!(line.len() < 8_000, "{} bytes", line.len());
            }
            assert_eq!(calls(&target, &What::Everything, SPAN).len(), 1);
        }
    }

    #[test]
    fn a_call_says_all_and_shows_no_secret() {
        let call = &calls(&cloudflare(), &keys(2), SPAN)[0];
        assert_eq!(call.url, "https://api.example/v4/zones/z1/purge_cache");
        assert_eq!(
            &call.body[..],
            br#"{"tags":["ar00000000000","ar00000000001"]}"#
        );
        let request = call.request(&cloudflare(), 0).unwrap();
        assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer hush");
        assert!(!format!("{request:?}").contains("hush"));
    }

    #[test]
    fn a_signature_is_of_the_moment_and_the_body() {
        // Computed by: printf '%s' '5.{}' | openssl dgst -sha256 -hmac k
        let expected = "t=5,v1=d066254199a6f40d63f96c33c549959d7a371ef849d13d2a85811237089b2d00";
        assert_eq!(signature("k", 5, b"{}"), expected);
    }
}
