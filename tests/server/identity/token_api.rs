//! Creating, listing and revoking API tokens through the API.

use anyhow::Context as _;
use chrono::TimeDelta;
use khabar_domain::{Right, Rights, Role};
use khabar_server::config::Settings;
use khabar_service::auth::Issued;
use serde_json::{Value, json};

use super::{VIEWER, bearer};
use crate::{HttpResponse, Server, global};

const GIVE: &str = "mutation ($input: CreateTokenInput!) { createToken(input: $input) {
    token { id name accountId role rights createdAt expiresAt lastUsedAt revokedAt } secret
    userErrors { field code message } idempotencyKey } }";
const REVOKE: &str = "mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) {
    token { id revokedAt } userErrors { field code } } }";
const TOKENS: &str = "query ($first: Int, $after: String) { tokens(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id name role rights revokedAt } } }";

impl Server {
    /// Runs a mutation with a single field, and returns the payload of that field.
    async fn write(&self, by: &Issued, query: &str, input: Value) -> anyhow::Result<Value> {
        let seen = self.ask_by(by, query, json!({ "input": input })).await?;
        let fields = seen.data()?.as_object();
        let payload = fields.and_then(|fields| fields.values().next());
        payload
            .cloned()
            .ok_or_else(|| anyhow::anyhow!("no payload"))
    }

    /// Queries the viewer with this token secret.
    async fn who(&self, secret: &str) -> anyhow::Result<HttpResponse> {
        self.ask(&[bearer(secret)], VIEWER, Value::Null).await
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_revoked_at_once() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let admin = server.issue("ندى", Role::Admin, None).await?;
        let input = json!({"name": "نور", "role": "EDITOR", "rights": ["WRITE", "COMMENT"],
            "expiresAt": "2024-10-12T00:00:00Z", "idempotencyKey": "one"});
        let given = server.write(&admin, GIVE, input.clone()).await?;
        assert_eq!(given["userErrors"], json!([]));
        let token = &given["token"];
        let account = khabar_persistence::account::of_name(&khabar_domain::Name::parse("نور")?);
        assert_eq!(
            *token,
            json!({"id": token["id"], "name": "نور", "accountId": account.uuid().to_string(),
                "role": "EDITOR", "rights": ["COMMENT", "WRITE"],
                "createdAt": "2024-10-11T00:00:00Z", "expiresAt": "2024-10-12T00:00:00Z",
                "lastUsedAt": null, "revokedAt": null})
        );
        let secret = given["secret"].as_str().unwrap_or_default().to_owned();
        let viewer = json!({"name": "نور", "role": "EDITOR", "rights": ["COMMENT", "WRITE"]});
        assert_eq!(server.who(&secret).await?.data()?["viewer"], viewer);

        // A retry returns the original token, but not its secret.
        let again = server.write(&admin, GIVE, input).await?;
        assert_eq!(again["token"]["id"], token["id"]);
        assert_eq!(
            (&again["secret"], &again["userErrors"]),
            (&Value::Null, &json!([]))
        );

        // Once the revocation is answered, the token is invalid, although it was used just before.
        let input = json!({"id": token["id"], "idempotencyKey": "two"});
        let revoked = server.write(&admin, REVOKE, input.clone()).await?;
        let expected = json!({"token": {"id": token["id"], "revokedAt": "2024-10-11T00:00:00Z"},
            "userErrors": []});
        assert_eq!(revoked, expected);
        assert!(server.who(&secret).await?.is_refused());
        assert_eq!(server.write(&admin, REVOKE, input).await?, expected);

        // The log has both actions, with name and address, but no secret.
        let log = "{ audit(first: 3) { nodes { action name entityType entityId address
            node { ... on Token { name } } } } }";
        let seen = server.ask_by(&admin, log, Value::Null).await?;
        let entry = |action: &str| {
            json!({"action": action, "name": "ندى", "entityType": "token", "entityId": token["id"],
                "address": "127.0.0.1", "node": {"name": "نور"}})
        };
        let nodes = &seen.data()?["audit"]["nodes"];
        assert_eq!(nodes[0], entry("revokeToken"));
        assert_eq!(nodes[1], entry("createToken"));
        assert_eq!(nodes[2]["entityType"], "account");
    }
    Ok(())
}

#[tokio::test]
async fn invalid_token_requests_are_rejected() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let admin = server.issue("ندى", Role::Admin, None).await?;
        for (input, expected, field) in [
            (json!({"name": ""}), "INVALID", json!(["name"])),
            (json!({"name": "a\u{202e}b"}), "INVALID", json!(["name"])),
            (json!({"rights": ["AUDIT"]}), "INVALID", json!(["rights"])),
            (
                json!({"expiresAt": "2024-10-11T00:00:59Z"}),
                "INVALID",
                json!(["expiresAt"]),
            ),
            (
                json!({"expiresAt": "2044-10-11T00:00:00Z"}),
                "INVALID",
                json!(["expiresAt"]),
            ),
        ] {
            let mut whole = json!({"name": "نور", "role": "EDITOR"});
            for (name, value) in input.as_object().into_iter().flatten() {
                whole[name] = value.clone();
            }
            let payload = server.write(&admin, GIVE, whole).await?;
            let error = &payload["userErrors"][0];
            assert_eq!(
                (&error["code"], &error["field"]),
                (&json!(expected), &field)
            );
            assert_eq!(
                (&payload["token"], &payload["secret"]),
                (&Value::Null, &Value::Null)
            );
        }
        let id = global(12, admin.token.id.uuid());
        let unknown = global(12, uuid::Uuid::nil());
        let article = global(1, uuid::Uuid::nil());
        for (id, expected) in [(&unknown, "NOT_FOUND"), (&article, "INVALID")] {
            let payload = server.write(&admin, REVOKE, json!({ "id": id })).await?;
            let error = json!([{"field": ["id"], "code": expected}]);
            assert_eq!(payload["userErrors"], error);
        }
        // Revoking a token twice is an error. A person can revoke a token of their own only once, too.
        let other = server.issue("ليلى", Role::Admin, None).await?;
        let payload = server.write(&other, REVOKE, json!({ "id": id })).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let payload = server.write(&other, REVOKE, json!({ "id": id })).await?;
        assert_eq!(payload["userErrors"][0]["code"], "WRONG_STATUS");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_grants_more_rights_than_they_have() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let rights = Rights::of(&[Right::Grant, Right::Write, Right::Comment]);
        let narrow = server.issue("ندى", Role::Admin, Some(rights)).await?;
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        for (input, expected) in [
            (json!({"role": "ADMIN"}), "NOT_ALLOWED"),
            (json!({"role": "EDITOR"}), "NOT_ALLOWED"),
            (json!({"role": "ADMIN", "rights": ["AUDIT"]}), "NOT_ALLOWED"),
            // A token in an editor's name would open their drafts to somebody who may not publish.
            (json!({"role": "READER", "name": "ليلى"}), "NOT_ALLOWED"),
            (json!({"role": "CONTRIBUTOR"}), ""),
            (json!({"role": "EDITOR", "rights": ["WRITE"]}), ""),
            (json!({"role": "ADMIN", "rights": ["GRANT"]}), ""),
            (json!({"role": "READER", "name": "ندى"}), ""),
        ] {
            let mut whole = json!({"name": "نور"});
            for (name, value) in input.as_object().into_iter().flatten() {
                whole[name] = value.clone();
            }
            // A new name each time, because a name identifies an account.
            if whole["name"] == "نور" {
                whole["name"] = json!(format!("نور {input}").replace(['{', '}', '"'], ""));
            }
            let payload = server.write(&narrow, GIVE, whole).await?;
            let code = payload["userErrors"][0]["code"].as_str().unwrap_or("");
            assert_eq!(code, expected, "{input}: {payload}");
            assert_eq!(
                payload["secret"].is_string(),
                expected.is_empty(),
                "{input}"
            );
        }
        // Viewers who may not create tokens cannot find out which tokens exist.
        let id = global(12, narrow.token.id.uuid());
        let node = "query ($id: ID!) { node(id: $id) { __typename } }";
        let seen = server.ask_by(&editor, node, json!({ "id": id })).await?;
        assert_eq!(seen.data()?["node"], Value::Null);
        let seen = server.ask_by(&narrow, node, json!({ "id": id })).await?;
        assert_eq!(seen.data()?["node"]["__typename"], "Token");
        let give = json!({"input": {"name": "نور", "role": "READER"}});
        let revoke = json!({"input": {"id": id}});
        for (query, variables) in [(TOKENS, Value::Null), (GIVE, give), (REVOKE, revoke)] {
            let seen = server.ask_by(&editor, query, variables.clone()).await?;
            assert_eq!(seen.code(), "FORBIDDEN");
            let data = seen.json["data"].as_object().context("no data")?;
            assert!(
                data.len() == 1 && data.values().all(Value::is_null),
                "{data:?}"
            );
            let seen = server.ask(&[], query, variables).await?;
            assert_eq!(seen.code(), "UNAUTHENTICATED");
        }
        assert!(
            server
                .ask_by(&narrow, VIEWER, Value::Null)
                .await?
                .data()
                .is_ok()
        );
    }
    Ok(())
}

#[tokio::test]
async fn tokens_are_listed_newest_first() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let admin = server.issue("ندى", Role::Admin, None).await?;
        for (minute, name) in [(1, "نور"), (2, "هدى"), (3, "ريم")] {
            server.set(TimeDelta::minutes(minute));
            let input = json!({"name": name, "role": "READER"});
            let payload = server.write(&admin, GIVE, input).await?;
            if name == "هدى" {
                let input = json!({"id": payload["token"]["id"]});
                server.write(&admin, REVOKE, input).await?;
            }
        }
        let mut names = Vec::new();
        let mut after = Value::Null;
        loop {
            let variables = json!({"first": 3, "after": after});
            let seen = server.ask_by(&admin, TOKENS, variables).await?;
            let page = &seen.data()?["tokens"];
            assert_eq!(page["totalCount"], 4);
            for node in page["nodes"].as_array().into_iter().flatten() {
                assert_eq!(node["revokedAt"].is_string(), node["name"] == "هدى");
                names.push(node["name"].clone());
            }
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(json!(names), json!(["ريم", "هدى", "نور", "ندى"]));
    }
    Ok(())
}
