//! Tests of viewer identity over HTTP, on both databases: tokens, JWTs, previews, the response cache
//! and the audit log.

mod audit;
mod jwt;
mod position;
mod preview;
mod response_cache;
mod token;
mod token_api;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::article::Status;
use khabar_domain::clock::Clock;
use khabar_domain::{AccountId, Name, Rights, Role, WebUrl};
use khabar_domain::{Block, EditorialState};
use khabar_persistence::account::{self, Account};
use khabar_persistence::{article, editorial};
use khabar_server::config::Settings;
use khabar_server::http::{Settings as Http, serve};
use khabar_server::router;
use khabar_service::auth::{Issue, Issued, issue};
use khabar_tests::harness::{Newsroom, TestDb, builders, newsroom};
use reqwest::{Client, header::HeaderMap};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A clock that tests can set.
struct Hands(Mutex<DateTime<Utc>>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server over the small newsroom, with a clock that the test sets.
struct Server {
    db: TestDb,
    hands: Arc<Hands>,
    address: SocketAddr,
    client: Client,
    // Dropping this stops the server.
    _stop: oneshot::Sender<()>,
}

/// An HTTP response.
struct Seen {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("?"))
    }

    fn code(&self) -> &str {
        let code = &self.json["errors"][0]["extensions"]["code"];
        code.as_str().unwrap_or("none")
    }

    /// Returns the data. Fails if the status is not 200 or the response has errors.
    fn data(&self) -> anyhow::Result<&Value> {
        ensure!(
            self.status == 200 && self.json["errors"].is_null(),
            "{} {}",
            self.status,
            self.json
        );
        Ok(&self.json["data"])
    }

    /// Returns whether the response rejects an invalid token, without any data.
    fn is_refused(&self) -> bool {
        self.status == 401
            && self.code() == "UNAUTHENTICATED"
            && self.json.get("data").is_none()
            && self.header("www-authenticate").starts_with("Bearer")
            && self.header("cache-control") == "private, no-store"
    }
}

impl Server {
    /// Starts a server on each database engine that this machine has.
    async fn each() -> anyhow::Result<Vec<Self>> {
        Self::each_with(Settings::default()).await
    }

    async fn each_with(settings: Settings) -> anyhow::Result<Vec<Self>> {
        let mut each = Vec::new();
        for db in TestDb::each().await? {
            Newsroom::small()?.save(db.db()).await?;
            each.push(Self::over(db.caching().await?, &settings).await?);
        }
        Ok(each)
    }

    /// Starts a server over this database.
    async fn over(db: TestDb, settings: &Settings) -> anyhow::Result<Self> {
        let hands = Arc::new(Hands(Mutex::new(newsroom::now())));
        let clock: Arc<dyn Clock> = Arc::<Hands>::clone(&hands);
        let router = router::routes(settings, db.db().clone(), clock)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(listener, router, Http::default(), async {
            let _ = stopped.await;
        }));
        Ok(Self {
            db,
            hands,
            address,
            client: Client::new(),
            _stop: stop,
        })
    }

    /// Sets the clock to this offset from [`newsroom::now`].
    fn set(&self, since: TimeDelta) {
        let mut hands = self.hands.0.lock().unwrap_or_else(PoisonError::into_inner);
        *hands = newsroom::now() + since;
    }

    /// Creates a token that expires one hour after [`newsroom::now`].
    async fn issue(
        &self,
        name: &str,
        role: Role,
        rights: Option<Rights>,
    ) -> anyhow::Result<Issued> {
        let what = Issue {
            name: Name::parse(name)?,
            role,
            rights,
            expires_at: Some(newsroom::now() + TimeDelta::hours(1)),
        };
        Ok(issue(self.db.db(), newsroom::now(), what).await?)
    }

    /// Sends a request with these headers, each written as `name: value`.
    async fn ask(&self, headers: &[String], query: &str, variables: Value) -> anyhow::Result<Seen> {
        let body = json!({"query": query, "variables": variables});
        let mut request = self.client.post(format!("http://{}/graphql", self.address));
        for header in headers {
            let (name, value) = header.split_once(": ").context("not a header")?;
            request = request.header(name, value);
        }
        let response = request.json(&body).send().await?;
        Ok(Seen {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            json: response.json().await?,
        })
    }

    /// Sends a request with a token.
    async fn ask_by(&self, issued: &Issued, query: &str, variables: Value) -> anyhow::Result<Seen> {
        self.ask(&[bearer(issued.credential.as_str())], query, variables)
            .await
    }

    /// Creates an article with this status, created by this account. Returns its global ID, slug and
    /// canonical URL.
    async fn hidden(
        &self,
        headline: &str,
        status: Status,
        by: Option<AccountId>,
    ) -> anyhow::Result<Hidden> {
        let edition = builders::edition("ar", "خبر السنديان", "ar")?;
        let mut article = builders::article(&edition, headline, 100)?;
        article.status = status;
        let url = format!("https://sindyan.example/{}", article.id.uuid());
        article.canonical_url = Some(WebUrl::parse(&url)?);
        let hidden = Hidden {
            id: global(1, article.id.uuid()),
            slug: article.slug.as_str().to_owned(),
            url,
        };
        let (id, text) = (article.id, format!("متن {headline}"));
        let manuscript = builders::manuscript(article, vec![Block::paragraph(&text)])?;
        let mut writer = self.db.db().writer(newsroom::now()).await?;
        if let Some(by) = by {
            let account = Account {
                id: by,
                name: Name::parse("كاتب")?,
                subject: None,
            };
            account::ensure(&mut writer, &account).await?;
        }
        article::save(&mut writer, &manuscript).await?;
        let kept = EditorialState {
            created_by: by,
            ..EditorialState::default()
        };
        editorial::save(&writer, id, &kept).await?;
        writer.commit().await?;
        Ok(hidden)
    }
}

/// Identifiers of an article that readers cannot see.
struct Hidden {
    id: String,
    slug: String,
    url: String,
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

/// Returns a global ID as clients receive it.
fn global(tag: u8, id: uuid::Uuid) -> String {
    use base64::Engine as _;
    let mut bytes = vec![tag];
    bytes.extend(id.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

const VIEWER: &str = "{ viewer { name role rights } }";
const CREATE: &str = "mutation ($name: String!) { createSection(input: {name: $name}) { section { id name } userErrors { message } } }";
