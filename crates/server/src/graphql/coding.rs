//! Content codings (RFC 9110 §8.4): which one a client would rather have, and an answer in it.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::media::quality;

/// Below this many bytes nothing is saved that anybody would notice.
const SMALL: usize = 256;

/// Above this many bytes it takes longer than other requests should wait for a thread: it is done beside
/// the runtime.
const LARGE: usize = 64 * 1024;

/// The large answers that are compressed at a time: half of the processors.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    Arc::new(Semaphore::new(processors.div_ceil(2)))
});

/// Bytes by which the coded text grows.
const PART: usize = 16 * 1024;

/// A coding that an answer can be sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    /// The smallest first: each is made once, and sent often.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Its name, for `Content-Encoding`.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// These bytes in this coding. The same bytes always come out the same.
    pub(super) async fn code(self, bytes: &Bytes) -> std::io::Result<Vec<u8>> {
        if bytes.len() <= LARGE {
            return self.encode(bytes).await;
        }
        let place = Arc::clone(&PLACES).acquire_owned().await;
        let place = place.map_err(std::io::Error::other)?;
        let (bytes, runtime) = (bytes.clone(), Handle::current());
        let coded = tokio::task::spawn_blocking(move || {
            // Until it is done, whether its client still waits or not.
            let _place = place;
            runtime.block_on(self.encode(&bytes))
        });
        coded.await?
    }

    async fn encode(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        // Where the curve of size against time bends, for JSON of some ten kilobytes.
        let coded = match self {
            Self::Brotli => read(BrotliEncoder::with_quality(bytes, Level::Precise(5))).await,
            Self::Zstd => read(ZstdEncoder::with_quality(bytes, Level::Precise(6))).await,
            Self::Gzip => read(GzipEncoder::with_quality(bytes, Level::Precise(6))).await,
        };
        coded.inspect_err(|cause| {
            tracing::error!(%cause, coding = self.name(), "an answer could not be compressed");
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

/// The coding that the client would rather have so many bytes in; none: as they are.
pub(super) fn negotiate(headers: &HeaderMap, bytes: usize) -> Option<Coding> {
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
        // A wildcard stands for what is not named.
        let found = found.or_else(|| wishes.iter().find(|(said, _)| *said == "*"));
        found.map(|(_, quality)| *quality)
    };
    let best = Coding::ALL
        .into_iter()
        .filter_map(|coding| Some((coding, wish(coding.name())?)))
        // Of equals the first.
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
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip, zstd", Some(Coding::Zstd)),
            ("gzip;q=1, br;q=0.5", Some(Coding::Gzip)),
            ("GZIP", Some(Coding::Gzip)),
            ("br;q=0, gzip;q=0", None),
            ("*", Some(Coding::Brotli)),
            ("*, br;q=0", Some(Coding::Zstd)),
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
            for coding in Coding::ALL {
                let once = coding.code(&text).await.unwrap();
                assert!(once.len() < text.len() / 4, "{coding:?}");
                assert_eq!(coding.code(&text).await.unwrap(), once);
            }
        }
    }
}
