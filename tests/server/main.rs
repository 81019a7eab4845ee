//! The server as its clients see it, on both databases: the identity of viewers, and the caches in
//! front of the server.

mod cdn;
mod identity;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::clock::Clock;
use khabar_server::config::Settings;
use khabar_server::http::{Settings as Http, serve};
use khabar_server::router;
use khabar_tests::harness::{Newsroom, TestDb, newsroom, until};
use reqwest::header::HeaderMap;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A clock that the test sets.
struct SettableClock(Mutex<DateTime<Utc>>);

impl Clock for SettableClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server of the small newsroom. Its clock shows [`newsroom::now`] until the test sets it.
struct Server {
    db: TestDb,
    clock: Arc<SettableClock>,
    address: SocketAddr,
    client: Client,
    // The server shuts down when this is dropped.
    stop: Option<oneshot::Sender<()>>,
}

/// A response, as received.
struct HttpResponse {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl HttpResponse {
    async fn of(response: Response) -> anyhow::Result<Self> {
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            json: response.json().await?,
        })
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("?"))
    }

    fn code(&self) -> &str {
        let code = &self.json["errors"][0]["extensions"]["code"];
        code.as_str().unwrap_or("none")
    }

    /// Returns the data. Fails on errors or a status other than 200.
    fn data(&self) -> anyhow::Result<&Value> {
        ensure!(
            self.status == 200 && self.json["errors"].is_null(),
            "{} {}",
            self.status,
            self.json
        );
        Ok(&self.json["data"])
    }
}

impl Server {
    /// Starts one server for each database available on this machine.
    async fn each(settings: &Settings) -> anyhow::Result<Vec<Self>> {
        let mut each = Vec::new();
        for db in TestDb::each().await? {
            Newsroom::small()?.save(db.db()).await?;
            each.push(Self::over(db.caching().await?, settings).await?);
        }
        Ok(each)
    }

    /// Starts a server on this database.
    async fn over(db: TestDb, settings: &Settings) -> anyhow::Result<Self> {
        let clock = Arc::new(SettableClock(Mutex::new(newsroom::now())));
        let shared: Arc<dyn Clock> = Arc::<SettableClock>::clone(&clock);
        let router = router::routes(settings, db.db().clone(), shared)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(listener, router, Http::default(), async {
            let _ = stopped.await;
        }));
        Ok(Self {
            db,
            clock,
            address,
            client: Client::new(),
            stop: Some(stop),
        })
    }

    /// Sets the clock to this offset from [`newsroom::now`].
    fn set(&self, since: TimeDelta) {
        let mut time = self.clock.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time = newsroom::now() + since;
    }

    /// Stops the server and waits until nothing listens on its address.
    async fn stop_and_wait(mut self) -> anyhow::Result<Self> {
        self.stop.take();
        until("nothing listens", || async {
            Ok(tokio::net::TcpStream::connect(self.address).await.is_err())
        })
        .await?;
        Ok(self)
    }

    fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    async fn post(&self, body: &Value) -> anyhow::Result<HttpResponse> {
        HttpResponse::of(self.client.post(self.url()).json(body).send().await?).await
    }

    async fn get(&self, parameters: &[(&str, &str)]) -> anyhow::Result<HttpResponse> {
        let mut url = reqwest::Url::parse(&self.url())?;
        url.query_pairs_mut().extend_pairs(parameters);
        HttpResponse::of(self.client.get(url).send().await?).await
    }

    /// Sends a request with these headers, each written as `name: value`.
    async fn ask(
        &self,
        headers: &[String],
        query: &str,
        variables: Value,
    ) -> anyhow::Result<HttpResponse> {
        let body = json!({"query": query, "variables": variables});
        let mut request = self.client.post(self.url());
        for header in headers {
            let (name, value) = header.split_once(": ").context("not a header")?;
            request = request.header(name, value);
        }
        HttpResponse::of(request.json(&body).send().await?).await
    }
}

/// Returns a global ID as clients receive it.
fn global(tag: u8, id: uuid::Uuid) -> String {
    use base64::Engine as _;
    let mut bytes = vec![tag];
    bytes.extend(id.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
