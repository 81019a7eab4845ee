//! The HTTP client for outgoing requests: HTTP/1.1, with TLS for `https` addresses.

use anyhow::Context as _;
use axum::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// An HTTP client with a connection pool.
pub type Client = legacy::Client<HttpsConnector<HttpConnector>, Body>;

/// Creates a client that trusts the root certificates of the web (webpki). The settings decide which
/// addresses may be requested without TLS.
pub fn client() -> anyhow::Result<Client> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .context("could not prepare TLS")?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(legacy::Client::builder(TokioExecutor::new()).build(connector))
}
