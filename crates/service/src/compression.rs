//! Compression of responses.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Maximum size of a response compressed on a thread of the runtime, in bytes. A larger one takes longer
/// than other requests should wait, so it is compressed on a blocking thread.
const LARGE: usize = 64 * 1024;

/// Permits for compressing large responses concurrently: half the number of processors, rounded up.
static PERMITS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    Arc::new(Semaphore::new(processors.div_ceil(2)))
});

/// Initial capacity and growth of the output buffer, in bytes.
const CHUNK: usize = 16 * 1024;

/// A compression format supported for responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Gzip (RFC 1952).
    Gzip,
}

impl Compression {
    /// All formats, smallest output first. A cached response is compressed once per format and sent often,
    /// so size matters more than speed.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Returns the registered name of the format, as a content coding (RFC 9110 §8.4.1).
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Compresses the bytes. The result is deterministic.
    pub async fn compress(self, bytes: &Bytes) -> std::io::Result<Vec<u8>> {
        if bytes.len() <= LARGE {
            return self.encode(bytes).await;
        }
        let permit = Arc::clone(&PERMITS).acquire_owned().await;
        let permit = permit.map_err(std::io::Error::other)?;
        let (bytes, runtime) = (bytes.clone(), Handle::current());
        let compressed = tokio::task::spawn_blocking(move || {
            // Hold the permit until the work is done, even if the client has disconnected.
            let _permit = permit;
            runtime.block_on(self.encode(&bytes))
        });
        compressed.await?
    }

    async fn encode(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        // These levels are the best trade-off of size and time for JSON of some ten kilobytes.
        let encoded = match self {
            Self::Brotli => read(BrotliEncoder::with_quality(bytes, Level::Precise(5))).await,
            Self::Zstd => read(ZstdEncoder::with_quality(bytes, Level::Precise(6))).await,
            Self::Gzip => read(GzipEncoder::with_quality(bytes, Level::Precise(6))).await,
        };
        encoded.inspect_err(|cause| {
            tracing::error!(%cause, coding = self.name(), "compression_failed");
        })
    }
}

async fn read(mut encoder: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut encoded = Vec::with_capacity(CHUNK);
    while encoder.read_buf(&mut encoded).await? > 0 {
        encoded.reserve(CHUNK);
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_encoding_shrinks_the_body_deterministically() {
        for lines in [100, 10_000] {
            let text = Bytes::from("a line of a response, ".repeat(lines));
            for compression in Compression::ALL {
                let once = compression.compress(&text).await.unwrap();
                assert!(once.len() < text.len() / 4, "{compression:?}");
                assert_eq!(compression.compress(&text).await.unwrap(), once);
            }
        }
    }
}
