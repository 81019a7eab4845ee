//! What the server asks others with: HTTP/1.1, over TLS where the address says so.

use anyhow::Context as _;
use axum::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A client, which keeps its connections.
pub type Client = legacy::Client<HttpsConnector<HttpConnector>, Body>;

/// A client that trusts the certificates of the web. Which addresses may be asked without TLS, the
/// settings decide.
pub fn client() -> anyhow::Result<Client> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .context("could not prepare TLS")?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(legacy::Client::builder(TokioExecutor::new()).build(connector))
}
