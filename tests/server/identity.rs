//! Identity of viewers over HTTP: tokens, JWTs, previews, the response cache and the audit log.

mod audit;
mod jwt;
mod position;
mod preview;
mod response_cache;
mod token;
mod token_api;

use chrono::TimeDelta;
use khabar_domain::article::Status;
use khabar_domain::{AccountId, Block, EditorialState, Name, Rights, Role, WebUrl};
use khabar_persistence::account::{self, Account};
use khabar_persistence::{article, editorial};
use khabar_service::auth::{Issue, Issued, issue};
use khabar_tests::harness::{builders, newsroom};
use serde_json::Value;

use crate::{HttpResponse, Server, global};

impl HttpResponse {
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

    /// Sends a request with a token.
    async fn ask_by(
        &self,
        issued: &Issued,
        query: &str,
        variables: Value,
    ) -> anyhow::Result<HttpResponse> {
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
        let state = EditorialState {
            created_by: by,
            ..EditorialState::default()
        };
        editorial::save(&writer, id, &state).await?;
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

const VIEWER: &str = "{ viewer { name role rights } }";
const CREATE: &str = "mutation ($name: String!) { createSection(input: {name: $name}) { section { id name } userErrors { message } } }";
