//! The playground: GraphiQL for this server's API, embedded in the binary.
//!
//! The `playground/` directory holds the sources and the command that bundles them into
//! `playground/dist`. The bundle is committed, listed with hashes in `manifest.sha256`, and embedded at
//! compile time. Neither building nor running the server needs Node or the network.

use std::io::Read as _;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use rust_embed::{EmbeddedFile, RustEmbed};

/// The bundle. Files that compress well are stored compressed as `NAME.gz`, and served as `NAME`.
#[derive(RustEmbed)]
#[folder = "playground/dist/"]
struct Bundle;

/// The content security policy. The page may run scripts, load resources and send requests only from and
/// to this server.
///
/// Styles are the exception. Monaco writes `<style>` elements and `style` attributes while it renders
/// lines, so they can have neither a nonce nor a known hash. An inline style sheet still cannot load
/// anything from elsewhere, because images and fonts are restricted to this origin too.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
     worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

fn page_headers() -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
}

/// Returns the routes for the page at `/playground` and for its assets below that path.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new()
        // A person who opens the server's address in a browser is looking for the playground.
        .route("/", get(|| async { Redirect::temporary("/playground") }))
        .route(
            "/playground",
            get(|request: HeaderMap| async move { answer("index.html", &request) }),
        )
        .route(
            "/playground/",
            get(|| async { Redirect::permanent("/playground") }),
        )
        .route(
            "/playground/{*name}",
            get(|Path(name): Path<String>, request: HeaderMap| async move { answer(&name, &request) }),
        )
}

fn answer(name: &str, request: &HeaderMap) -> Response {
    let mut response = file(name, request).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response());
    response.headers_mut().extend(page_headers());
    response
}

/// Returns the response with this file, or `None` if the bundle does not contain it or its type is not
/// served.
fn file(name: &str, request: &HeaderMap) -> Option<Response> {
    let media_type = media_type(name)?;
    let (file, compressed) = find(name)?;
    let as_it_is = !compressed || accepts_gzip(request);
    let tag = entity_tag(&file, as_it_is);

    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, tag.clone());
    headers.insert(header::CACHE_CONTROL, cache_control(name));
    if compressed {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if is_known_to_client(request, &tag) {
        return Some((StatusCode::NOT_MODIFIED, headers).into_response());
    }

    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if !as_it_is {
        let mut plain = Vec::new();
        return Some(match GzDecoder::new(&*file.data).read_to_end(&mut plain) {
            Ok(_) => (headers, plain).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        });
    }
    if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some((headers, file.data).into_response())
}

/// Returns the embedded file, and whether it is stored compressed.
fn find(name: &str) -> Option<(EmbeddedFile, bool)> {
    Bundle::get(name)
        .map(|file| (file, false))
        .or_else(|| Some((Bundle::get(&format!("{name}.gz"))?, true)))
}

fn media_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "ttf" => "font/ttf",
        _ => return None,
    })
}

fn cache_control(name: &str) -> HeaderValue {
    HeaderValue::from_static(if name.starts_with("assets/") {
        // The names of assets contain a hash of their contents.
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    })
}

/// Returns the strong entity tag of a file. The tag differs between the encodings of the file, as strong
/// tags must.
fn entity_tag(file: &EmbeddedFile, as_it_is: bool) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let hash = hash
        .iter()
        .take(16)
        .fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
    let encoding = if as_it_is { "" } else { "-plain" };
    HeaderValue::try_from(format!("\"{hash:032x}{encoding}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn is_known_to_client(request: &HeaderMap, tag: &HeaderValue) -> bool {
    items(request, &header::IF_NONE_MATCH)
        .any(|known| known == "*" || known.trim_start_matches("W/").as_bytes() == tag.as_bytes())
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    items(request, &header::ACCEPT_ENCODING).any(|item| {
        let (coding, parameter) = item.split_once(';').unwrap_or((item, ""));
        let refused = parameter
            .trim()
            .strip_prefix("q=")
            .is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        coding.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Returns the items of a list header.
fn items<'a>(request: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    request
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::body::{Body, Bytes};
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use sha2::{Digest as _, Sha256};
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = routes::<()>().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, body)
    }

    fn served_names() -> Vec<String> {
        Bundle::iter()
            .filter(|name| name != "manifest.sha256")
            .map(|name| name.strip_suffix(".gz").unwrap_or(&name).to_owned())
            .collect()
    }

    #[test]
    fn the_manifest_lists_exactly_what_is_embedded() {
        let manifest = Bundle::get("manifest.sha256").unwrap();
        let listed: BTreeMap<String, String> = std::str::from_utf8(&manifest.data)
            .unwrap()
            .lines()
            .map(|line| line.split_once("  ").unwrap())
            .map(|(hash, name)| (name.to_owned(), hash.to_owned()))
            .collect();
        let embedded: BTreeMap<String, String> = Bundle::iter()
            .filter(|name| name != "manifest.sha256")
            .map(|name| {
                let hash = Sha256::digest(&Bundle::get(&name).unwrap().data);
                (name.into_owned(), format!("{hash:x}"))
            })
            .collect();
        assert_eq!(listed, embedded);
    }

    #[test]
    fn the_bundle_is_at_most_two_megabytes() {
        let size: usize = Bundle::iter()
            .map(|name| Bundle::get(&name).unwrap().data.len())
            .sum();
        assert!(size <= 2 * 1024 * 1024, "{size} bytes");
    }

    #[tokio::test]
    async fn every_embedded_file_is_served_compressed_and_plain() {
        for name in served_names() {
            let path = format!("/playground/{name}");
            let (status, headers, compressed) =
                get(&path, &[(header::ACCEPT_ENCODING, "br, gzip;q=0.8")]).await;
            assert_eq!(status, StatusCode::OK, "{name}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::CONTENT_TYPE], media_type(&name).unwrap());

            let (status, plain_headers, plain) =
                get(&path, &[(header::ACCEPT_ENCODING, "gzip;q=0")]).await;
            assert_eq!(status, StatusCode::OK, "{name}");
            assert!(!plain_headers.contains_key(header::CONTENT_ENCODING));
            if headers.contains_key(header::CONTENT_ENCODING) {
                let mut unpacked = Vec::new();
                GzDecoder::new(&*compressed)
                    .read_to_end(&mut unpacked)
                    .unwrap();
                assert_eq!(unpacked, plain, "{name}");
                assert_ne!(headers[header::ETAG], plain_headers[header::ETAG]);
            } else {
                assert_eq!(compressed, plain, "{name}");
            }
        }
    }

    #[tokio::test]
    async fn the_page_names_only_files_that_are_embedded_and_no_inline_script() {
        let (status, headers, page) = get("/playground", &[]).await;
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        assert_eq!(
            headers[header::CONTENT_SECURITY_POLICY],
            CONTENT_SECURITY_POLICY
        );
        assert!(page.contains("<title>Khabar"), "{page}");

        let links: Vec<&str> = page
            .split(['"', '\''])
            .filter(|text| text.starts_with("/playground/"))
            .collect();
        assert!(!links.is_empty(), "{page}");
        for link in links {
            let (status, ..) = get(link, &[]).await;
            assert_eq!(status, StatusCode::OK, "{link}");
        }
        for script in page.split("<script").skip(1) {
            assert!(script.contains("src=\"/playground/"), "{script}");
            assert!(script.contains("></script>"), "{script}");
        }
    }

    #[tokio::test]
    async fn an_unchanged_file_is_not_sent_again() {
        let script = served_names()
            .into_iter()
            .find(|name| name.starts_with("assets/index-"))
            .unwrap();
        let path = format!("/playground/{script}");
        let (_, headers, _) = get(&path, &[(header::ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers[header::VARY], "accept-encoding");
        let tag = headers[header::ETAG].to_str().unwrap();

        let (status, again, body) = get(
            &path,
            &[
                (header::ACCEPT_ENCODING, "gzip"),
                (header::IF_NONE_MATCH, &format!("\"other\", W/{tag}")),
            ],
        )
        .await;
        assert_eq!(status, StatusCode::NOT_MODIFIED);
        assert_eq!(again[header::ETAG], tag);
        assert!(body.is_empty());

        let (status, ..) = get(&path, &[(header::IF_NONE_MATCH, tag)]).await;
        assert_eq!(status, StatusCode::OK, "the plain file is another one");
    }

    #[tokio::test]
    async fn files_outside_the_bundle_are_not_found() {
        for path in [
            "/playground/assets/none.js",
            "/playground/manifest.sha256",
            "/playground/index.html.gz",
            "/playground/../Cargo.toml",
            "/playground/%2e%2e/pack.mjs",
            "/playground/%FF.js",
        ] {
            let (status, headers, _) = get(path, &[]).await;
            assert!(status.is_client_error(), "{path}: {status}");
            if status == StatusCode::NOT_FOUND {
                assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
            }
        }
    }

    #[tokio::test]
    async fn a_trailing_slash_redirects_to_the_page() {
        let (status, headers, _) = get("/playground/", &[]).await;
        assert_eq!(status, StatusCode::PERMANENT_REDIRECT);
        assert_eq!(headers[header::LOCATION], "/playground");
    }
}
