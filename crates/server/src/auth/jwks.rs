//! The download of an issuer's JWK set.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use khabar_service::auth::{FetchKeys, Settings};

use crate::http::{self, Client};

/// Maximum size of a JWK set in bytes. Real sets have a few kilobytes.
const MAX_BYTES: usize = 256 * 1024;

/// Returns the function that downloads the JWK set at `auth.jwks_url`, or `None` if that is not set.
pub(crate) fn fetch_keys(settings: &Settings) -> anyhow::Result<Option<FetchKeys>> {
    if settings.jwks_url.is_empty() {
        return Ok(None);
    }
    let url: Uri = settings.jwks_url.parse().context("auth.jwks_url")?;
    // The settings allow plain HTTP only for the local machine.
    let client = http::client()?;
    Ok(Some(Arc::new(move || {
        Box::pin(fetch(client.clone(), url.clone()))
    })))
}

async fn fetch(client: Client, url: Uri) -> anyhow::Result<Bytes> {
    let request = Request::get(url)
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .body(Body::empty())?;
    let response = client.request(request).await?;
    let status = response.status();
    ensure!(status == StatusCode::OK, "the answer's status is {status}");
    let body = Limited::new(response.into_body(), MAX_BYTES).collect();
    Ok(body.await.map_err(anyhow::Error::from_boxed)?.to_bytes())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn jwks_are_downloaded_and_other_responses_are_errors() {
        let router = Router::new()
            .route("/keys", get(|| async { r#"{"keys":[]}"# }))
            .route("/away", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
            .route("/large", get(|| async { " ".repeat(MAX_BYTES + 1) }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let fetch = async |path: &str| {
            let settings = Settings {
                jwks_url: format!("http://{address}/{path}"),
                ..Settings::default()
            };
            fetch_keys(&settings).unwrap().unwrap()().await
        };
        assert_eq!(fetch("keys").await.unwrap(), r#"{"keys":[]}"#);
        for (path, problem) in [("away", "503"), ("large", "limit")] {
            let error = format!("{:#}", fetch(path).await.unwrap_err());
            assert!(error.contains(problem), "{path}: {error}");
        }
        assert!(fetch_keys(&Settings::default()).unwrap().is_none());
    }
}
