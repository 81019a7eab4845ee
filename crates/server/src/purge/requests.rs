//! Calls: the HTTP requests that purge some keys, or everything, from a target.

use axum::body::Body;
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::{HeaderName, Method, Request, header};
use serde_json::json;
use sha2::Sha256;

use super::target::{Secret, Target};
use crate::feed_consumer::SeqRange;

/// The scope of a purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PurgeScope {
    /// All cached responses that are tagged with one of these keys.
    Keys(Vec<String>),
    /// All cached responses.
    Everything,
}

/// A call to a target. Idempotent, so that it can be retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PurgeRequest {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
}

/// Maximum number of keys in a header line. 250 keys of 16 bytes are half of what Varnish reads by
/// default, and Fastly accepts 256 keys.
const IN_A_LINE: usize = 250;
/// Maximum number of tags that Cloudflare accepts in a call.
const CLOUDFLARE: usize = 30;
/// Maximum number of keys sent to a webhook at once: about 160 kB.
const WEBHOOK: usize = 10_000;

/// Returns the calls that purge a target. Empty if there are no keys to purge.
pub(super) fn calls(target: &Target, what: &PurgeScope, span: SeqRange) -> Vec<PurgeRequest> {
    let batch_size = match target {
        Target::VarnishXkey { .. } | Target::VarnishBan { .. } | Target::Fastly { .. } => IN_A_LINE,
        Target::Cloudflare { .. } => CLOUDFLARE,
        Target::Webhook { .. } => WEBHOOK,
    };
    match what {
        PurgeScope::Everything => vec![everything(target, span)],
        PurgeScope::Keys(keys) => keys
            .chunks(batch_size)
            .map(|keys| some(target, keys, span))
            .collect(),
    }
}

fn some(target: &Target, keys: &[String], span: SeqRange) -> PurgeRequest {
    let url = target.url();
    match target {
        Target::VarnishXkey { .. } => PurgeRequest {
            method: method("PURGE"),
            url: url.to_owned(),
            headers: vec![(HeaderName::from_static("xkey-purge"), keys.join(" "))],
            body: Bytes::new(),
        },
        Target::VarnishBan { .. } => {
            // Keys consist of letters, digits, `-` and `_`, so any other character delimits a key. A space
            // would end the pattern.
            let keys = keys.join("|");
            let pattern = format!("(^|[^A-Za-z0-9_-])({keys})([^A-Za-z0-9_-]|$)");
            PurgeRequest {
                method: method("BAN"),
                url: url.to_owned(),
                headers: vec![(HeaderName::from_static("ban-xkey"), pattern)],
                body: Bytes::new(),
            }
        }
        Target::Fastly {
            service, secret, ..
        } => PurgeRequest {
            method: Method::POST,
            url: append_path(url, &format!("service/{service}/purge")),
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
        Target::Cloudflare { zone, secret, .. } => PurgeRequest {
            body: json!({ "tags": keys }).to_string().into(),
            ..cloudflare(url, zone, secret)
        },
        Target::Webhook { .. } => webhook(
            url,
            &json!({"after": span.after, "upTo": span.up_to, "keys": keys}),
        ),
    }
}

fn everything(target: &Target, span: SeqRange) -> PurgeRequest {
    let url = target.url();
    match target {
        Target::VarnishXkey { .. } | Target::VarnishBan { .. } => PurgeRequest {
            method: method("BAN"),
            url: url.to_owned(),
            headers: vec![(HeaderName::from_static("ban-everything"), "1".to_owned())],
            body: Bytes::new(),
        },
        Target::Fastly {
            service, secret, ..
        } => PurgeRequest {
            method: Method::POST,
            url: append_path(url, &format!("service/{service}/purge_all")),
            headers: vec![
                (
                    HeaderName::from_static("fastly-key"),
                    secret.reveal().to_owned(),
                ),
                (header::ACCEPT, "application/json".to_owned()),
            ],
            body: Bytes::new(),
        },
        Target::Cloudflare { zone, secret, .. } => PurgeRequest {
            body: json!({ "purge_everything": true }).to_string().into(),
            ..cloudflare(url, zone, secret)
        },
        Target::Webhook { .. } => webhook(url, &json!({"everything": true, "upTo": span.up_to})),
    }
}

/// Returns a Cloudflare purge call with an empty body.
fn cloudflare(url: &str, zone: &str, secret: &Secret) -> PurgeRequest {
    PurgeRequest {
        method: Method::POST,
        url: append_path(url, &format!("zones/{zone}/purge_cache")),
        headers: vec![
            (header::AUTHORIZATION, format!("Bearer {}", secret.reveal())),
            (header::CONTENT_TYPE, "application/json".to_owned()),
        ],
        body: Bytes::new(),
    }
}

fn webhook(url: &str, body: &serde_json::Value) -> PurgeRequest {
    PurgeRequest {
        method: Method::POST,
        url: url.to_owned(),
        headers: vec![(header::CONTENT_TYPE, "application/json".to_owned())],
        body: body.to_string().into(),
    }
}

/// Returns a method that HTTP itself does not define, such as `PURGE`.
fn method(name: &'static str) -> Method {
    // Both names in use consist of letters only.
    Method::from_bytes(name.as_bytes()).unwrap_or(Method::POST)
}

fn append_path(url: &str, path: &str) -> String {
    format!("{}/{path}", url.trim_end_matches('/'))
}

impl PurgeRequest {
    /// Builds the request to be sent at this time, in seconds since 1970. The signature of a webhook call
    /// includes the time.
    pub(super) fn request(&self, target: &Target, at: i64) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder().method(&self.method).uri(&self.url);
        for (name, value) in &self.headers {
            let mut value = http::HeaderValue::try_from(value)?;
            // Keeps the value out of request logs.
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

/// Returns `t=SECONDS,v1=HEX`, where `HEX` is the HMAC-SHA256 of `SECONDS.BODY`. With it, the receiver
/// verifies that the call comes from this server and is not an old call sent again.
fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    // HMAC accepts a key of any length.
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

    const SPAN: SeqRange = SeqRange { after: 3, up_to: 9 };

    fn keys(count: usize) -> PurgeScope {
        PurgeScope::Keys((0..count).map(|number| format!("ar{number:011}")).collect())
    }

    fn cloudflare() -> Target {
        Target::Cloudflare {
            zone: "z1".to_owned(),
            secret: Secret::new("hush"),
            url: "https://api.example/v4/".to_owned(),
        }
    }

    #[test]
    fn many_keys_are_split_into_several_requests() {
        let url = "http://a/".to_owned();
        for (target, batch_size) in [
            (Target::VarnishXkey { url: url.clone() }, 250),
            (Target::VarnishBan { url }, 250),
            (cloudflare(), 30),
        ] {
            assert_eq!(calls(&target, &keys(0), SPAN), []);
            assert_eq!(calls(&target, &keys(batch_size), SPAN).len(), 1);
            let two = calls(&target, &keys(batch_size + 1), SPAN);
            assert_eq!(two.len(), 2);
            for (_, line) in two.iter().flat_map(|call| &call.headers) {
                assert!(line.len() < 8_000, "{} bytes", line.len());
            }
            assert_eq!(calls(&target, &PurgeScope::Everything, SPAN).len(), 1);
        }
    }

    #[test]
    fn a_request_contains_all_keys_and_logs_no_secret() {
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
    fn a_signature_covers_the_time_and_the_body() {
        // Computed by: printf '%s' '5.{}' | openssl dgst -sha256 -hmac k
        let expected = "t=5,v1=d066254199a6f40d63f96c33c549959d7a371ef849d13d2a85811237089b2d00";
        assert_eq!(signature("k", 5, b"{}"), expected);
    }
}
