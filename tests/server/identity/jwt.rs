//! Viewers with a JWT from a trusted issuer. The validation of the JWTs themselves is tested beside
//! the code that parses them.

use jsonwebtoken::{EncodingKey, Header};
use khabar_domain::Role;
use khabar_persistence::account::{self, Subject};
use khabar_server::config::Settings;
use khabar_tests::harness::newsroom;
use serde_json::{Value, json};

use super::{CREATE, VIEWER, bearer};
use crate::Server;

const SECRET: &str = "an issuer's secret of 32 bytes and more";

fn signed(sub: &str, role: &str, scope: &str) -> anyhow::Result<String> {
    let claims = json!({
        "iss": "https://issuer.example", "aud": "khabar", "sub": sub, "name": "ليلى",
        "exp": newsroom::now().timestamp() + 60, "role": role, "scope": scope,
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key)?;
    Ok(bearer(&token))
}

async fn servers() -> anyhow::Result<Vec<Server>> {
    let mut settings = Settings::default();
    "https://issuer.example".clone_into(&mut settings.auth.issuer);
    "khabar".clone_into(&mut settings.auth.audience);
    SECRET.clone_into(&mut settings.auth.key);
    Server::each(&settings).await
}

#[tokio::test]
async fn jwts_are_accepted_besides_api_tokens() -> anyhow::Result<()> {
    for server in Box::pin(servers()).await? {
        let token = signed("7", "editor", "openid khabar:arrange")?;
        let seen = server.ask(&[token], VIEWER, Value::Null).await?;
        let viewer = json!({"name": "ليلى", "role": "EDITOR", "rights": ["ARRANGE"]});
        assert_eq!(seen.data()?["viewer"], viewer);
        assert_eq!(seen.header("cache-control"), "private, no-store");
        let ours = server.issue("نور", Role::Contributor, None).await?;
        let seen = server.ask_by(&ours, VIEWER, Value::Null).await?;
        assert_eq!(seen.data()?["viewer"]["role"], "CONTRIBUTOR");
        let seen = server
            .ask(&[signed("", "editor", "")?], VIEWER, Value::Null)
            .await?;
        assert!(seen.is_refused());
    }
    Ok(())
}

#[tokio::test]
async fn a_jwt_account_is_added_at_its_first_write() -> anyhow::Result<()> {
    for server in Box::pin(servers()).await? {
        let subject = Subject {
            issuer: "https://issuer.example".to_owned(),
            subject: "7".to_owned(),
        };
        let known = async || {
            let writer = server.db.db().writer(newsroom::now()).await?;
            account::of_subject(&writer, &subject).await
        };
        let headers = [signed("7", "editor", "")?];
        server.ask(&headers, VIEWER, Value::Null).await?.data()?;
        assert_eq!(known().await?, None);
        // Two concurrent writes may each try to create the account.
        let (one, other) = tokio::join!(
            server.ask(&headers, CREATE, json!({"name": "صحة"})),
            server.ask(&headers, CREATE, json!({"name": "تعليم"})),
        );
        for seen in [one?, other?] {
            let payload = &seen.data()?["createSection"];
            assert_eq!(payload["userErrors"], json!([]));
        }
        let account = known()
            .await?
            .map(|account| (account.id, account.name.as_str().to_owned()));
        assert_eq!(account, Some((subject.account(), "ليلى".to_owned())));
        // The log has the account once, and both writes under the sections that they created.
        let admin = server.issue("ندى", Role::Admin, None).await?;
        let log = "{ audit(first: 5) { nodes { action entityType entityId accountId } } }";
        let seen = server.ask_by(&admin, log, Value::Null).await?;
        let nodes = seen.data()?["audit"]["nodes"].as_array().cloned();
        let theirs = nodes.unwrap_or_default().into_iter();
        let theirs = theirs.filter(|node| node["action"] == "createSection");
        let id = json!(subject.account().uuid().to_string());
        let mut nouns: Vec<_> = theirs
            .inspect(|node| assert_eq!(node["accountId"], id))
            .map(|node| (node["entityType"].clone(), node["entityId"] == id))
            .collect();
        nouns.sort_by_key(|(noun, _)| noun.to_string());
        assert_eq!(
            nouns,
            [
                (json!("account"), true),
                (json!("section"), false),
                (json!("section"), false)
            ]
        );
    }
    Ok(())
}
