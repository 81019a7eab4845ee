//! Content codings (RFC 9110 §8.4): negotiation with the client, and compression of answers.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::media_type::quality;

/// Minimum size of a compressed answer, in bytes. Compressing a smaller one saves nothing noticeable.
const SMALL: usize = 256;

/// Maximum size of an answer compressed on a thread of the runtime, in bytes. A larger one takes longer
/// than other requests should wait, so it is compressed on a blocking thread.
const LARGE: usize = 64 * 1024;

/// Permits for compressing large answers concurrently: half the number of processors, rounded up.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    Arc::new(Semaphore::new(processors.div_ceil(2)))
});

/// Initial capacity and growth of the output buffer, in bytes.
const PART: usize = 16 * 1024;

/// A content coding supported for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentEncoding {
    Brotli,
    Zstd,
    Gzip,
}

impl ContentEncoding {
    /// All codings, smallest output first. A cached answer is compressed once per coding and sent often,
    /// so size matters more than speed.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Returns the value for `Content-Encoding`.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// Compresses the bytes with this coding. The result is deterministic.
    pub(super) async fn code(self, bytes: &Bytes) -> std::io::Result<Vec<u8>> {
        if bytes.len() <= LARGE {
            return self.encode(bytes).await;
        }
        let place = Arc::clone(&PLACES).acquire_owned().await;
        let place = place.map_err(std::io::Error::other)?;
        let (bytes, runtime) = (bytes.clone(), Handle::current());
        let coded = tokio::task::spawn_blocking(move || {
            // Hold the permit until the work is done, even if the client has disconnected.
            let _place = place;
            runtime.block_on(self.encode(&bytes))
        });
        coded.await?
    }

    async fn encode(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        // These levels are the best trade-off of size and time for JSON of some ten kilobytes.
        let coded = match self {
            Self::Brotli => read(BrotliEncoder::with_quality(bytes, Level::Precise(5))).await,
            Self::Zstd => read(ZstdEncoder::with_quality(bytes, Level::Precise(6))).await,
            Self::Gzip => read(GzipEncoder::with_quality(bytes, Level::Precise(6))).await,
        };
        coded.inspect_err(|cause| {
            tracing::error!(%cause, coding = self.name(), "compression_failed");
        })
    }
}

async fn read(mut encoder: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut coded = Vec::with_capacity(PART);
    while encoder.read_buf(&mut coded).await? > 0 {
        coded.reserve(PART);
    }
    Ok(coded)
}

/// Returns the coding that the client prefers for an answer of `bytes` bytes. `None` means to send the
/// answer uncompressed.
pub(super) fn negotiate(headers: &HeaderMap, bytes: usize) -> Option<ContentEncoding> {
    if bytes < SMALL {
        return None;
    }
    let wishes = headers.get_all(header::ACCEPT_ENCODING);
    let wishes: Vec<(&str, u16)> = wishes
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|wish| {
            let mut parts = wish.split(';').map(str::trim);
            Some((parts.next()?, quality(parts)))
        })
        .collect();
    let wish = |name: &str| {
        let named = |(said, _): &&(&str, u16)| said.eq_ignore_ascii_case(name);
        let found = wishes.iter().find(named);
        // A wildcard matches every coding that is not listed.
        let found = found.or_else(|| wishes.iter().find(|(said, _)| *said == "*"));
        found.map(|(_, quality)| *quality)
    };
    let best = ContentEncoding::ALL
        .into_iter()
        .filter_map(|coding| Some((coding, wish(coding.name())?)))
        // `max_by_key` returns the last of equals. Reversed, this is the first.
        .rev()
        .max_by_key(|(_, quality)| *quality);
    let identity = wish("identity").unwrap_or(1);
    best.filter(|(_, quality)| *quality > 0 && *quality >= identity)
        .map(|(coding, _)| coding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_what_is_wanted_most_is_chosen() {
        for (said, chosen) in [
            ("gzip, deflate, br, zstd", Some(ContentEncoding::Brotli)),
            ("gzip, zstd", Some(ContentEncoding::Zstd)),
            ("gzip;q=1, br;q=0.5", Some(ContentEncoding::Gzip)),
            ("GZIP", Some(ContentEncoding::Gzip)),
            ("br;q=0, gzip;q=0", None),
            ("*", Some(ContentEncoding::Brotli)),
            ("*, br;q=0", Some(ContentEncoding::Zstd)),
            ("gzip;q=0.5, identity", None),
            ("identity", None),
            ("deflate", None),
            ("", None),
        ] {
            let value = HeaderValue::from_static(said);
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
            assert_eq!(negotiate(&headers, 1000), chosen, "{said}");
            assert_eq!(negotiate(&headers, 10), None);
        }
        assert_eq!(negotiate(&HeaderMap::new(), 1000), None);
    }

    #[tokio::test]
    async fn every_coding_makes_it_smaller_and_always_the_same() {
        for lines in [100, 10_000] {
            let text = Bytes::from("a line of an answer, ".repeat(lines));
            for coding in ContentEncoding::ALL {
                let once = coding.code(&text).await.unwrap();
                assert!(once.len() < text.len() / 4, "{coding:?}");
                assert_eq!(coding.code(&text).await.unwrap(), once);
            }
        }
    }
}
