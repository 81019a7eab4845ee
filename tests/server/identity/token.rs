//! API tokens: authentication, expiry, revocation and last use.

use chrono::TimeDelta;
use khabar_domain::{Credential, Right, Rights, Role, Scope, TokenId};
use khabar_persistence::token::{self, Revoked};
use khabar_server::config::Settings;
use khabar_tests::harness::{newsroom, until};
use serde_json::{Value, json};

use super::{VIEWER, bearer};
use crate::Server;

#[tokio::test]
async fn a_token_authenticates_and_makes_responses_private() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let seen = server.ask(&[], VIEWER, Value::Null).await?;
        let nobody = json!({"name": null, "role": "READER", "rights": []});
        assert_eq!(seen.data()?["viewer"], nobody);
        assert_eq!(seen.header("cache-control"), "no-store");
        for header in [
            "accept",
            "authorization",
            "khabar-position",
            "khabar-preview",
        ] {
            assert!(seen.header("vary").contains(header));
        }

        let editor = server.issue("ليلى", Role::Editor, None).await?;
        let seen = server.ask_by(&editor, VIEWER, Value::Null).await?;
        let rights = json!(["COMMENT", "WRITE", "PUBLISH", "ARRANGE", "MODERATE"]);
        let viewer = json!({"name": "ليلى", "role": "EDITOR", "rights": rights});
        assert_eq!(seen.data()?["viewer"], viewer);
        assert_eq!(seen.header("cache-control"), "private, no-store");

        // A token restricted to certain rights has only those. It cannot have a right that its role lacks.
        let rights = Rights::of(&[Right::Arrange]);
        let narrow = server.issue("نور", Role::Editor, Some(rights)).await?;
        let beyond = Rights::of(&[Right::Arrange, Right::Audit]);
        let refused = server.issue("نور", Role::Editor, Some(beyond)).await;
        let refused = refused.err().map(|error| error.to_string());
        let expected = "the role editor has no right to audit";
        assert_eq!(refused.as_deref(), Some(expected));
        let seen = server.ask_by(&narrow, VIEWER, Value::Null).await?;
        assert_eq!(seen.data()?["viewer"]["rights"], json!(["ARRANGE"]));
    }
    Ok(())
}

#[tokio::test]
async fn invalid_tokens_are_rejected_and_never_anonymous() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        let good = editor.credential.as_str().to_owned();
        for headers in [
            vec![bearer(Credential::of([7; 32]).as_str())],
            vec![bearer(&good[..good.len() - 1])],
            vec![bearer("khb_")],
            vec![bearer("x.y.z")],
            vec!["authorization: Basic eDp5".to_owned()],
            vec!["authorization: ".to_owned()],
            vec![bearer(&good), bearer(&good)],
            vec!["khabar-preview: khp_x".to_owned()],
            vec![bearer(&good), "khabar-preview: khp_x".to_owned()],
        ] {
            // The request is refused without looking at the document.
            for query in ["{ editions { slug } }", "{ nonsense", "mutation { no }"] {
                let seen = server.ask(&headers, query, Value::Null).await?;
                assert!(
                    seen.is_refused(),
                    "{headers:?} {} {}",
                    seen.status,
                    seen.json
                );
                assert!(!seen.json.to_string().contains(&good[4..]));
            }
        }
        // The token expires after an hour.
        server.set(TimeDelta::minutes(59));
        assert!(
            server
                .ask_by(&editor, VIEWER, Value::Null)
                .await?
                .data()
                .is_ok()
        );
        server.set(TimeDelta::minutes(60));
        assert!(
            server
                .ask_by(&editor, VIEWER, Value::Null)
                .await?
                .is_refused()
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_revoked_token_is_rejected_within_seconds() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        assert!(
            server
                .ask_by(&editor, VIEWER, Value::Null)
                .await?
                .data()
                .is_ok()
        );
        // Another process revokes the token.
        let mut writer = server.db.db().writer(newsroom::now()).await?;
        let id = editor.token.id;
        assert_eq!(token::revoke(&mut writer, id).await?, Revoked::Now);
        assert_eq!(token::revoke(&mut writer, id).await?, Revoked::Before);
        let nobodys = TokenId::new(uuid::Uuid::nil());
        assert_eq!(token::revoke(&mut writer, nobodys).await?, Revoked::Unknown);
        writer.commit().await?;
        server.set(TimeDelta::seconds(5));
        assert!(
            server
                .ask_by(&editor, VIEWER, Value::Null)
                .await?
                .is_refused()
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_last_use_of_a_token_is_recorded_once_a_minute() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        // If the second use had been recorded, the third would come within a minute of it and be skipped.
        for (at, noted) in [(0, true), (59, false), (60, true)] {
            server.set(TimeDelta::seconds(at));
            server.ask_by(&editor, VIEWER, Value::Null).await?.data()?;
            if noted {
                let expected = newsroom::now() + TimeDelta::seconds(at);
                // The use is recorded in the background, and the response does not wait for it.
                let reader = server.db.db().reader(Scope::reader(newsroom::now()));
                until(&format!("the use after {at} s is recorded"), || async {
                    let tokens = token::every(&reader).await?;
                    Ok(tokens[0].token.last_used_at == Some(expected))
                })
                .await?;
            }
        }
    }
    Ok(())
}
