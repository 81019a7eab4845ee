//! API tokens.

use std::time::Duration;

use chrono::TimeDelta;
use khabar_domain::{Credential, Right, Rights, Role, Scope};
use khabar_persistence::token;
use khabar_tests::harness::newsroom;
use serde_json::{Value, json};

use crate::{Server, VIEWER, bearer};

#[tokio::test]
async fn a_token_says_who_asks_and_its_answers_are_theirs_alone() -> anyhow::Result<()> {
    for server in Server::each().await? {
        let seen = server.ask(&[], VIEWER, Value::Null).await?;
        let nobody = json!({"name": null, "role": "READER", "rights": []});
        assert_eq!(seen.data()?["viewer"], nobody);
        assert_eq!(seen.header("cache-control"), "");
        for header in ["accept", "authorization", "khabar-preview"] {
            assert!(seen.header("vary").contains(header));
        }

        let editor = server.issue("ليلى", Role::Editor, None).await?;
        let seen = server.ask_by(&editor, VIEWER, Value::Null).await?;
        let rights = json!(["COMMENT", "WRITE", "PUBLISH", "ARRANGE", "MODERATE"]);
        let viewer = json!({"name": "ليلى", "role": "EDITOR", "rights": rights});
        assert_eq!(seen.data()?["viewer"], viewer);
        assert_eq!(seen.header("cache-control"), "private, no-store");

        // Narrowed, it allows what both its role and its rights do.
        let rights = Rights::of(&[Right::Arrange, Right::Audit]);
        let narrow = server.issue("نور", Role::Editor, Some(rights)).await?;
        let seen = server.ask_by(&narrow, VIEWER, Value::Null).await?;
        assert_eq!(seen.data()?["viewer"]["rights"], json!(["ARRANGE"]));
    }
    Ok(())
}

#[tokio::test]
async fn what_does_not_count_is_refused_and_never_nobodys() -> anyhow::Result<()> {
    for server in Server::each().await? {
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
            // Whatever is asked: the document is not even looked at.
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
        // It ends at its hour.
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
async fn a_revoked_token_counts_for_seconds_at_most() -> anyhow::Result<()> {
    for server in Server::each().await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        assert!(
            server
                .ask_by(&editor, VIEWER, Value::Null)
                .await?
                .data()
                .is_ok()
        );
        // Another process revokes it.
        let writer = server.db.db().writer(newsroom::now()).await?;
        assert!(token::revoke(&writer, editor.token.id).await?);
        assert!(!token::revoke(&writer, editor.token.id).await?);
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
async fn its_last_use_is_noted_once_a_minute() -> anyhow::Result<()> {
    for server in Server::each().await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        // Had the second use been noted, the third would have come within its minute.
        for (at, noted) in [(0, true), (59, false), (60, true)] {
            server.set(TimeDelta::seconds(at));
            server.ask_by(&editor, VIEWER, Value::Null).await?.data()?;
            if noted {
                let expected = newsroom::now() + TimeDelta::seconds(at);
                let mut last = None;
                for _ in 0..500 {
                    let reader = server.db.db().reader(Scope::reader(newsroom::now()));
                    last = token::every(&reader).await?[0].token.last_used_at;
                    if last == Some(expected) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                assert_eq!(last, Some(expected), "after {at} s");
            }
        }
    }
    Ok(())
}
