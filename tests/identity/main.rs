//! Who asks, over HTTP: tokens, JWTs, previews and the audit log, on both databases.

mod answers;
mod audit;
mod granting;
mod jwt;
mod position;
mod preview;
mod token;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::article::Status;
use khabar_domain::clock::Clock;
use khabar_domain::{AccountId, Name, Rights, Role, WebUrl};
use khabar_domain::{Block, Desk};
use khabar_persistence::account::{self, Account};
use khabar_persistence::{article, desk};
use khabar_server::config::Settings;
use khabar_server::http::{Settings as Http, serve};
use khabar_server::identity::{Issue, Issued, issue};
use khabar_server::router;
use khabar_tests::harness::{Newsroom, TestDb, make, newsroom};
use reqwest::{Client, header::HeaderMap};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A clock that tests set.
struct Hands(Mutex<DateTime<Utc>>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server over the small newsroom, at an hour that the test sets.
struct Server {
    db: TestDb,
    hands: Arc<Hands>,
    address: SocketAddr,
    client: Client,
    // The server ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

/// What came back.
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

    /// The data, where nothing went wrong.
    fn data(&self) -> anyhow::Result<&Value> {
        ensure!(
            self.status == 200 && self.json["errors"].is_null(),
            "{} {}",
            self.status,
            self.json
        );
        Ok(&self.json["data"])
    }

    /// Whether it is the refusal of a token that does not count, and nothing else.
    fn is_refused(&self) -> bool {
        self.status == 401
            && self.code() == "UNAUTHENTICATED"
            && self.json.get("data").is_none()
            && self.header("www-authenticate").starts_with("Bearer")
            && self.header("cache-control") == "private, no-store"
    }
}

impl Server {
    /// One on each database that this machine has.
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

    /// One over this database.
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

    /// Sets the clock, counted from [`newsroom::now`].
    fn set(&self, since: TimeDelta) {
        let mut hands = self.hands.0.lock().unwrap_or_else(PoisonError::into_inner);
        *hands = newsroom::now() + since;
    }

    /// Gives out a token.
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

    /// Asks with these headers, `name: value`.
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

    /// Asks with a token.
    async fn ask_by(&self, issued: &Issued, query: &str, variables: Value) -> anyhow::Result<Seen> {
        self.ask(&[bearer(issued.credential.as_str())], query, variables)
            .await
    }

    /// An article that readers do not see, of this account; gives its global id, slug and address.
    async fn hidden(
        &self,
        headline: &str,
        status: Status,
        by: Option<AccountId>,
    ) -> anyhow::Result<Hidden> {
        let edition = make::edition("ar", "خبر السنديان", "ar")?;
        let mut article = make::article(&edition, headline, 100)?;
        article.status = status;
        let url = format!("https://sindyan.example/{}", article.id.uuid());
        article.canonical_url = Some(WebUrl::parse(&url)?);
        let hidden = Hidden {
            id: global(1, article.id.uuid()),
            slug: article.slug.as_str().to_owned(),
            url,
        };
        let (id, text) = (article.id, format!("متن {headline}"));
        let manuscript = make::manuscript(article, vec![Block::paragraph(&text)])?;
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
        let kept = Desk {
            created_by: by,
            ..Desk::default()
        };
        desk::save(&writer, id, &kept).await?;
        writer.commit().await?;
        Ok(hidden)
    }
}

/// An article that readers do not see.
struct Hidden {
    id: String,
    slug: String,
    url: String,
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

/// A global id, as clients have it.
fn global(tag: u8, id: uuid::Uuid) -> String {
    use base64::Engine as _;
    let mut bytes = vec![tag];
    bytes.extend(id.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

const VIEWER: &str = "{ viewer { name role rights } }";
const CREATE: &str = "mutation ($name: String!) { createSection(input: {name: $name}) { section { id name } userErrors { message } } }";
