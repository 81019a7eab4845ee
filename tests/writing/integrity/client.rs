//! Queries sent through the whole server, and the generator that chooses them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use chrono::TimeDelta;
use khabar_domain::clock::FixedClock;
use khabar_domain::{Name, Role};
use khabar_persistence::change::Position;
use khabar_server::config::Settings;
use khabar_server::router;
use khabar_service::auth::{Issue, issue};
use khabar_tests::harness::{TestApp, newsroom};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::fresh;
use khabar_tests::harness::random::Random;

use crate::high_limits;

/// Number of random queries to add to the fixed ones, both without and with variables.
const MORE: usize = 24;

/// A server on the database of one of the nodes.
#[derive(Clone)]
pub(super) struct Endpoint {
    server: Server,
    editors: String,
}

#[derive(Clone)]
enum Server {
    /// A server in this process.
    Here(Router),
    /// A server in another process, at this URL.
    RemoteSource(Client, Url),
}

/// A response and its position in the change feed.
pub(super) struct Answer {
    /// The response body.
    pub(super) text: String,
    /// The change feed position in the `khabar-position` response header, if present.
    pub(super) position: Option<i64>,
}

/// A query with its variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Query {
    pub(super) document: String,
    pub(super) variables: Value,
}

impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.document, self.variables)
    }
}

impl Endpoint {
    pub(super) async fn over(app: &TestApp) -> anyhow::Result<Self> {
        let db = app.db().db().clone();
        let what = Issue {
            name: Name::parse("محرّرة")?,
            role: Role::Editor,
            rights: None,
            expires_at: Some(newsroom::now() + TimeDelta::hours(1)),
        };
        let issued = issue(&db, newsroom::now(), what).await?;
        let clock = Arc::new(FixedClock(newsroom::now()));
        let settings = Settings {
            limits: high_limits(),
            ..Settings::default()
        };
        Ok(Self {
            server: Server::Here(router::routes(&settings, db, clock)?),
            editors: format!("Bearer {}", issued.credential.as_str()),
        })
    }

    /// Returns an endpoint for the server of another process on the same database.
    pub(super) fn elsewhere(&self, address: SocketAddr) -> anyhow::Result<Self> {
        let url = Url::parse(&format!("http://{address}/graphql"))?;
        Ok(Self {
            server: Server::RemoteSource(Client::new(), url),
            editors: self.editors.clone(),
        })
    }

    /// Sends a query as an anonymous reader and returns the response body.
    pub(super) async fn ask_as_reader(
        &self,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<String> {
        let query = Query {
            document: document.to_owned(),
            variables: variables.clone(),
        };
        Ok(self.ask(false, &query, None).await?.text)
    }

    /// Sends a query as an editor or as an anonymous reader, with an optional position in the
    /// `khabar-position` request header.
    pub(super) async fn ask(
        &self,
        as_editor: bool,
        query: &Query,
        position: Option<Position>,
    ) -> anyhow::Result<Answer> {
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let accepted = HeaderValue::from_static("application/graphql-response+json");
        headers.insert(header::ACCEPT, accepted);
        if as_editor {
            headers.insert(header::AUTHORIZATION, self.editors.parse()?);
        }
        if let Some(position) = position {
            headers.insert(POSITION, position.to_string().parse()?);
        }
        let Query {
            document,
            variables,
        } = query;
        let body = json!({"query": document, "variables": variables}).to_string();
        let (status, headers, text) = match &self.server {
            Server::Here(router) => {
                let mut request = Request::post("/graphql").body(Body::from(body))?;
                *request.headers_mut() = headers;
                let response = router.clone().oneshot(request).await?;
                let (head, body) = response.into_parts();
                let body = to_bytes(body, usize::MAX).await?;
                (head.status, head.headers, String::from_utf8(body.into())?)
            }
            Server::RemoteSource(client, url) => {
                let request = client.post(url.clone()).headers(headers).body(body);
                let response = request.send().await?;
                let (status, headers) = (response.status(), response.headers().clone());
                (status, headers, response.text().await?)
            }
        };
        let header = headers.get(POSITION);
        let header = header.map(|value| value.to_str().context("it is no text"));
        let position = header
            .transpose()?
            .map(str::parse::<Position>)
            .transpose()?;
        let position = position.map(|position| position.seq);
        ensure!(status == StatusCode::OK, "{query}: {status} {text}");
        Ok(Answer { text, position })
    }
}

const POSITION: &str = "khabar-position";

/// Generates the queries: the fixed ones in [`fresh::ASKED`], then random ones that cover each kind
/// of list and object, with pages of all sizes.
///
/// `writers` is the number of writers that have an edition of their own. `cursors` are cursors from
/// the article list of the shared edition.
pub(super) fn queries(random: &mut Random, writers: usize, cursors: &[Value]) -> Vec<Query> {
    let whole = |document: &&str| Query {
        document: (*document).to_owned(),
        variables: Value::Null,
    };
    let mut asked: Vec<_> = fresh::ASKED.iter().map(whole).collect();
    for _ in 0..MORE {
        let (few, some) = (1 + random.below(5), 1 + random.below(40));
        let own = random.below(writers);
        let document = match random.below(11) {
            0 => {
                format!("{{ articles(first: {some}) {{ totalCount nodes {{ headline slug }} }} }}")
            }
            1 => format!(
                "{{ articles(last: {some}) {{ pageInfo {{ hasPreviousPage }} nodes {{ headline }} }} }}"
            ),
            2 => format!(
                "{{ home {{ latest(first: {some}) {{ nodes {{ headline section {{ name }} authors {{ name }} }} }} }} }}"
            ),
            3 => format!(
                "{{ stories(first: {some}) {{ nodes {{ title articles(first: {few}) {{ totalCount nodes {{ headline }} }} }} }} }}"
            ),
            4 => format!(
                "{{ sections {{ name articles(first: {few}, orderBy: OLDEST) {{ nodes {{ headline }} }} }} }}"
            ),
            5 => format!(
                "{{ home(edition: \"own-{own}\") {{ edition {{ name articleCount }} leadArticles {{ headline }} latest(first: {some}) {{ totalCount nodes {{ headline slug }} }} }} }}"
            ),
            6 => format!(
                "{{ articles(edition: \"own-{own}\", first: {some}) {{ nodes {{ headline related(first: {few}) {{ nodes {{ headline }} }} stories {{ title }} }} }} }}"
            ),
            8 | 9 => {
                let slug = format!("slug: \"slug-{own}-{}\"", random.below(8));
                let edition = if few > 2 {
                    "ar".to_owned()
                } else {
                    format!("own-{own}")
                };
                let kinds = [
                    ("article", "headline"),
                    ("story", "title"),
                    ("section", "name"),
                    ("topic", "name"),
                    ("person", "name"),
                    ("source", "name"),
                ];
                let found = kinds.map(|(kind, field)| {
                    format!("{kind}({slug}, edition: \"{edition}\") {{ slug {field} formerSlugs }}")
                });
                format!("{{ {} }}", found.join(" "))
            }
            7 => format!(
                "{{ stories(edition: \"own-{own}\", first: {some}) {{ totalCount nodes {{ title pinnedPosition lastArticleAt }} }} }}"
            ),
            _ => format!(
                "{{ topics: articles(first: {some}) {{ nodes {{ topics {{ name articles(first: {few}) {{ nodes {{ headline }} }} }} }} }} }}"
            ),
        };
        asked.push(Query {
            document,
            variables: Value::Null,
        });
        asked.push(by_variables(random, cursors, own, some));
    }
    asked
}

/// Generates a query for a page of articles that is chosen by variables: the edition, a filter, the
/// order and the cursor to start from.
fn by_variables(random: &mut Random, cursors: &[Value], own: usize, some: usize) -> Query {
    const DOCUMENT: &str =
        "query Page($edition: Slug, $filter: ArticleFilter, $order: ArticleOrder,
        $first: Int, $last: Int, $after: String, $before: String) {
        articles(edition: $edition, filter: $filter, orderBy: $order, first: $first, last: $last,
            after: $after, before: $before) {
            totalCount pageInfo { hasNextPage hasPreviousPage }
            nodes { headline lead kind updatedAt hero { caption url } section { name } } } }";
    let mut filter = json!({});
    let wanted = [
        ("hasPhotos", json!(random.once_in(2))),
        ("kinds", json!(["NEWS", "ANALYSIS"])),
        (
            "sectionSlug",
            json!(format!("slug-{own}-{}", random.below(8))),
        ),
        ("language", json!("ar")),
        ("publishedBefore", json!(newsroom::now().to_rfc3339())),
    ];
    for (name, value) in wanted {
        if random.once_in(3) {
            filter[name] = value;
        }
    }
    let edition = random.once_in(3).then(|| format!("own-{own}"));
    let mut variables = json!({"edition": edition, "filter": filter});
    let cursor = random.pick(cursors).filter(|_| random.once_in(2));
    // The cursors come from a list in this order.
    let order = match cursor {
        None => random.pick(&["NEWEST", "OLDEST", "MOST_COMMENTED"]),
        Some(_) => Some("NEWEST"),
    };
    variables["order"] = json!(order);
    let (size, side) = if random.once_in(3) {
        ("last", "before")
    } else {
        ("first", "after")
    };
    variables[size] = json!(some);
    variables[side] = json!(cursor);
    Query {
        document: DOCUMENT.to_owned(),
        variables,
    }
}
