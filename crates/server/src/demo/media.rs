//! The demo's pictures: drawings embedded in the binary, served at their original width or scaled.

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use khabar_domain::WebUrl;
use khabar_domain::media::Rendition;
use rust_embed::EmbeddedFile;

use super::Files;

/// The widths of scaled pictures, in pixels: a card and a page on a phone, a tablet, a desktop.
const WIDTHS: [u32; 4] = [320, 640, 960, 1280];

/// The policy for drawings: they run no scripts and load nothing, even when opened as a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// One hour, then revalidation: a later build may change a drawing without changing its name.
const CACHE_CONTROL: &str = "public, max-age=3600";

const MIME: &str = "image/svg+xml";

/// Returns a router that serves the pictures at `/media/demo/NAME.svg` and, scaled, at
/// `/media/demo/NAME-WIDTH.svg`.
pub fn media_routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new().route(
        "/media/demo/{file}",
        get(|Path(file): Path<String>, request: HeaderMap| async move { answer(&file, &request) }),
    )
}

fn answer(file: &str, request: &HeaderMap) -> Response {
    let mut response =
        picture(file, request).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response());
    let safety: [(HeaderName, &'static str); 2] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let safety = safety.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(safety);
    response
}

fn picture(file: &str, request: &HeaderMap) -> Option<Response> {
    let name = file.strip_suffix(".svg")?;
    let (picture, width) = if let Ok(picture) = Picture::find(name) {
        (picture, None)
    } else {
        let (name, width) = name.rsplit_once('-')?;
        let width = WIDTHS
            .into_iter()
            .find(|known| known.to_string() == width)?;
        (Picture::find(name).ok()?, Some(width))
    };
    let tag = picture.entity_tag(width);
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(CACHE_CONTROL),
    );
    headers.insert(header::ETAG, HeaderValue::try_from(&tag).ok()?);
    if is_known(request, &tag) {
        return Some((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MIME));
    Some((headers, picture.to_svg(width)).into_response())
}

/// Whether the `If-None-Match` headers of the request contain this entity tag.
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let known = request.get_all(header::IF_NONE_MATCH).iter();
    known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Returns the renditions that are narrower than the original, narrowest first.
pub(super) fn renditions(picture: &Picture) -> anyhow::Result<Vec<Rendition>> {
    let narrower = WIDTHS.into_iter().filter(|width| *width < picture.width);
    narrower
        .map(|width| {
            Ok(Rendition {
                url: WebUrl::parse(&picture.url(Some(width)))?,
                width,
                height: picture.height_at(width),
                mime: MIME.to_owned(),
            })
        })
        .collect()
}

/// A drawing from the binary, with its size in pixels.
pub(super) struct Picture {
    name: String,
    file: EmbeddedFile,
    svg: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Picture {
    /// Finds a drawing by its name: the file name without `.svg`.
    pub(super) fn find(name: &str) -> anyhow::Result<Self> {
        let file = Files::get(&format!("media/{name}.svg"))
            .with_context(|| format!("there is no drawing {name:?}"))?;
        let svg = std::str::from_utf8(&file.data)
            .with_context(|| format!("the drawing {name:?} is not UTF-8"))?
            .to_owned();
        let size = |side| {
            attribute(&svg, side)
                .and_then(|size| size.parse().ok())
                .with_context(|| format!("the drawing {name:?} does not say its {side}"))
        };
        let (width, height) = (size("width")?, size("height")?);
        ensure!(
            width > 0 && height > 0,
            "the drawing {name:?} has no surface"
        );
        Ok(Self {
            name: name.to_owned(),
            width,
            height,
            svg,
            file,
        })
    }

    /// Returns the path of the picture, at the given width or at the original one.
    pub(super) fn url(&self, width: Option<u32>) -> String {
        let width = width.map_or_else(String::new, |width| format!("-{width}"));
        format!("/media/demo/{}{width}.svg", self.name)
    }

    fn height_at(&self, width: u32) -> u32 {
        let height = u64::from(self.height) * u64::from(width) / u64::from(self.width);
        u32::try_from(height).unwrap_or(self.height).max(1)
    }

    /// Returns the SVG source with another width and the matching height. The view box scales the content.
    fn to_svg(&self, width: Option<u32>) -> String {
        let Some(width) = width else {
            return self.svg.clone();
        };
        let (own_width, own_height) = (self.width, self.height);
        let height = self.height_at(width);
        self.svg.replacen(
            &format!(" width=\"{own_width}\" height=\"{own_height}\""),
            &format!(" width=\"{width}\" height=\"{height}\""),
            1,
        )
    }

    fn entity_tag(&self, width: Option<u32>) -> String {
        let hash = self.file.metadata.sha256_hash();
        let hash = hash
            .iter()
            .take(16)
            .fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        format!("\"{hash:032x}-{}\"", width.unwrap_or(self.width))
    }
}

/// Returns the value of an attribute of the root element.
fn attribute<'a>(svg: &'a str, name: &str) -> Option<&'a str> {
    let (root, _) = svg.split_once('>')?;
    let (_, rest) = root.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str, known: Option<&HeaderValue>) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        if let Some(known) = known {
            request
                .headers_mut()
                .insert(header::IF_NONE_MATCH, known.clone());
        }
        let response = media_routes().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            parts.status,
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn an_image_is_served_at_each_of_its_widths() {
        let picture = Picture::find("port").unwrap();
        assert_eq!((picture.width, picture.height), (1600, 900));
        let others = renditions(&picture).unwrap();
        assert_eq!(others.len(), WIDTHS.len());
        let mut tags = Vec::new();
        for other in others {
            let (status, headers, svg) = ask(other.url.as_str(), None).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(headers[header::CONTENT_TYPE], MIME);
            assert_eq!(
                headers[header::CONTENT_SECURITY_POLICY],
                CONTENT_SECURITY_POLICY
            );
            assert_eq!(attribute(&svg, "width"), Some(&*other.width.to_string()));
            assert_eq!(attribute(&svg, "height"), Some(&*other.height.to_string()));
            assert_eq!(attribute(&svg, "viewBox"), Some("0 0 1600 900"));
            tags.push(headers[header::ETAG].clone());
        }
        tags.dedup();
        assert_eq!(tags.len(), WIDTHS.len());
    }

    #[tokio::test]
    async fn an_unchanged_image_is_not_sent_again() {
        let (status, headers, svg) = ask("/media/demo/port.svg", None).await;
        assert_eq!(status, StatusCode::OK);
        assert!(svg.starts_with("<svg"));
        let (status, _, body) = ask("/media/demo/port.svg", Some(&headers[header::ETAG])).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        let (status, ..) = ask("/media/demo/port-640.svg", Some(&headers[header::ETAG])).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn other_paths_are_not_found() {
        for path in [
            "/media/demo/none.svg",
            "/media/demo/port-641.svg",
            "/media/demo/port",
            "/media/demo/..%2fnewsroom.toml",
            "/media/demo/..%2f..%2fCargo.svg",
        ] {
            assert_eq!(ask(path, None).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
