//! A test client: GraphQL over HTTP, and raw bytes for tests that break the protocol.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Request timeout, longer than any timeout of the server.
const MAX_WAIT: Duration = Duration::from_secs(40);

/// A client of one server, optionally with an API token.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    token: Option<String>,
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl HttpResponse {
    /// Returns a header's value, or an empty string if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("?"))
    }

    /// Parses the body as JSON.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("not JSON: {self:?}"))
    }

    /// Returns the code of the first error, or an empty string if there is none.
    pub(crate) fn code(&self) -> String {
        let json = self.json().unwrap_or_default();
        let code = json["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_default().to_owned()
    }

    /// Returns the data. Fails on errors or a status other than 200.
    pub(crate) fn data(&self) -> anyhow::Result<Value> {
        let json = self.json()?;
        ensure!(self.status == 200 && json["errors"].is_null(), "{self:?}");
        Ok(json["data"].clone())
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(MAX_WAIT).build()?,
            address,
            token: None,
        })
    }

    /// Returns a copy of this client that sends an API token.
    #[must_use]
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Returns a copy of this client that talks to the server of another one.
    #[must_use]
    pub(crate) fn at(&self, other: &Self) -> Self {
        Self {
            address: other.address,
            ..self.clone()
        }
    }

    /// Sends `POST /graphql`.
    pub(crate) async fn post(&self, query: &str, variables: Value) -> anyhow::Result<HttpResponse> {
        self.post_with(&[], query, variables).await
    }

    /// Sends `POST /graphql` with additional headers.
    pub(crate) async fn post_with(
        &self,
        headers: &[(&str, &str)],
        query: &str,
        variables: Value,
    ) -> anyhow::Result<HttpResponse> {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(self.url("/graphql")).json(&body);
        self.send(request, headers).await
    }

    /// Sends `POST /graphql` with a raw body, declared as JSON.
    pub(crate) async fn post_body(
        &self,
        body: impl Into<reqwest::Body>,
    ) -> anyhow::Result<HttpResponse> {
        let request = self.http.post(self.url("/graphql")).body(body);
        let json = [("content-type", "application/json")];
        self.send(request, &json).await
    }

    /// Sends `POST /graphql` with a JSON value as the whole body.
    pub(crate) async fn post_json(&self, body: &Value) -> anyhow::Result<HttpResponse> {
        let request = self.http.post(self.url("/graphql")).json(body);
        self.send(request, &[]).await
    }

    /// Returns a copy of this client with the token of another one.
    #[must_use]
    pub(crate) fn as_who(&self, other: &Self) -> Self {
        Self {
            token: other.token.clone(),
            ..self.clone()
        }
    }

    /// Sends `GET /graphql`.
    pub(crate) async fn get(&self, query: &str) -> anyhow::Result<HttpResponse> {
        self.get_with(&[], query).await
    }

    /// Sends `GET /graphql` with additional headers.
    pub(crate) async fn get_with(
        &self,
        headers: &[(&str, &str)],
        query: &str,
    ) -> anyhow::Result<HttpResponse> {
        let mut url = reqwest::Url::parse(&self.url("/graphql"))?;
        url.query_pairs_mut().append_pair("query", query);
        self.send(self.http.get(url), headers).await
    }

    /// Sends `GET` to another path.
    pub(crate) async fn path(&self, path: &str) -> anyhow::Result<HttpResponse> {
        self.send(self.http.get(self.url(path)), &[]).await
    }

    /// Sends a request with any method. `made` completes the request.
    pub(crate) async fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        made: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> anyhow::Result<HttpResponse> {
        let request = made(self.http.request(method, self.url(path)));
        self.send(request, &[]).await
    }

    /// Opens a separate TCP connection, to send bytes that are not valid HTTP.
    pub(crate) async fn raw(&self) -> anyhow::Result<TcpStream> {
        Ok(TcpStream::connect(self.address).await?)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn send(
        &self,
        mut request: reqwest::RequestBuilder,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<HttpResponse> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        Ok(HttpResponse {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }
}
