//! Moderation of comments: the queue, and the visible comments and counts after a decision.

mod compare;
mod model;
mod talk;

use khabar_domain::editorial::Withdrawal;
use khabar_domain::{EditorialState as Below, Role, derived};
use khabar_persistence::{editorial, migration};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;
use crate::comment::{MODERATE, POST, code};

const BRIDGE: &str = "{ article(slug: \"افتتاح-الجسر-الجديد-فوق-نهر-السنديان\") {
    commentCount comments(orderBy: OLDEST) { totalCount nodes { id replyCount
        replies { totalCount nodes { id replyCount replies { totalCount nodes { id } } } } } } } }";

#[tokio::test]
async fn replies_to_a_hidden_comment_are_hidden() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let anonymous = Who::anonymous();
        let before = fixture.ask(&anonymous, BRIDGE, json!({})).await?;
        assert_eq!(before["article"]["commentCount"], 6);
        let question = &before["article"]["comments"]["nodes"][0];
        assert_eq!(question["replyCount"], 2);
        let (id, answer) = (&question["id"], &question["replies"]["nodes"][0]["id"]);
        let decide = |ids: Value, decision: &str| {
            let input = json!({"ids": ids, "decision": decision});
            fixture.write(&fixture.editor, MODERATE, input)
        };
        decide(json!([id]), "HIDE").await?;
        let hidden = fixture.ask(&anonymous, BRIDGE, json!({})).await?;
        assert_eq!(hidden["article"]["commentCount"], 2);
        assert_eq!(hidden["article"]["comments"]["totalCount"], 2);
        // The reply is approved, but readers cannot find it, not even by its ID.
        let node = format!("{{ node(id: {answer}) {{ id }} }}");
        assert_eq!(
            fixture.ask(&anonymous, &node, json!({})).await?["node"],
            Value::Null
        );
        let reader = fixture.app.who("سامر", Role::Reader).await?;
        let article = fixture
            .ask(&anonymous, &BRIDGE.replace("commentCount", "id"), json!({}))
            .await?;
        let input = json!({"article": article["article"]["id"], "parent": answer, "text": "نعم"});
        let payload = fixture.write(&reader, POST, input).await?;
        assert_eq!(code(&payload), (&json!("NOT_FOUND"), &json!(["parent"])));

        // The migration derives the same result from the stored decisions.
        let steps = migration::status(fixture.app.db().db()).await?;
        let place = steps
            .iter()
            .position(|step| step.name == "m0005_commenting");
        let back = u32::try_from(steps.len() - place.unwrap())?;
        if fixture.app.db().name() == "SQLite" {
            migration::down(fixture.app.db().db(), back).await?;
            migration::up(fixture.app.db().db()).await?;
            assert_eq!(fixture.ask(&anonymous, BRIDGE, json!({})).await?, hidden);
        }

        // A reply that was hidden in the meantime stays hidden when its parent is approved again.
        decide(json!([answer]), "HIDE").await?;
        decide(json!([id]), "APPROVE").await?;
        let back = fixture.ask(&anonymous, BRIDGE, json!({})).await?;
        assert_eq!(back["article"]["commentCount"], 4);
        decide(json!([answer, id]), "APPROVE").await?;
        assert_eq!(fixture.ask(&anonymous, BRIDGE, json!({})).await?, before);
    }
    Ok(())
}

#[tokio::test]
async fn the_tombstone_of_an_article_hides_its_comments() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let read = "{ article(slug: \"خبر-سحبته-الأسرة\") { id commentCount
            comments { totalCount nodes { id } } } }";
        let found = fixture.ask(&fixture.editor, read, json!({})).await?;
        let article = &found["article"];
        assert_eq!(article["commentCount"], 1);
        assert_eq!(article["comments"]["totalCount"], 1);

        let id = derived("article", &["ar", "خبر-سحبته-الأسرة"]).into();
        let stone = Withdrawal {
            at: newsroom::now(),
            reason: "لم يصح".to_owned(),
        };
        let below = Below {
            withdrawal: Some(stone),
            ..Below::default()
        };
        let writer = fixture.app.db().db().writer(newsroom::now()).await?;
        editorial::save(&writer, id, &below).await?;
        writer.commit().await?;
        let anonymous = Who::anonymous();
        let stone = fixture.ask(&anonymous, read, json!({})).await?;
        assert_eq!(stone["article"]["id"], article["id"]);
        assert_eq!(stone["article"]["commentCount"], 0);
        let none = json!({"totalCount": 0, "nodes": []});
        assert_eq!(stone["article"]["comments"], none);
        let node = format!(
            "{{ node(id: {}) {{ id }} }}",
            article["comments"]["nodes"][0]["id"]
        );
        let node = fixture.ask(&anonymous, &node, json!({})).await?;
        assert_eq!(node["node"], Value::Null);
    }
    Ok(())
}

#[tokio::test]
async fn bulk_moderation_reports_each_comment() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let moderator = fixture.app.who("نور", Role::Moderator).await?;
        let queue = "{ comments { nodes { id status } } }";
        let found = fixture.ask(&moderator, queue, json!({})).await?;
        let nodes = found["comments"]["nodes"].as_array().unwrap();
        let of = |status: &str| {
            let found = nodes.iter().find(|node| node["status"] == status);
            found.map(|node| node["id"].clone()).unwrap()
        };
        let (approved, pending, hidden) = (of("APPROVED"), of("PENDING"), of("HIDDEN"));
        let ids = json!([
            approved,
            pending,
            "nonsense",
            "AQAAAAAAAAAAAAAAAAAAAAc",
            "AgAAAAAAAAAAAAAAAAAAAAc",
            hidden,
            pending
        ]);
        let input = json!({"ids": ids, "decision": "REJECT", "reason": "إعلان",
            "idempotencyKey": "one"});
        let payload = fixture.write(&moderator, MODERATE, input.clone()).await?;
        // A retry with the same idempotency key returns the same payload, including its errors.
        assert_eq!(fixture.write(&moderator, MODERATE, input).await?, payload);
        assert_eq!(
            payload["comments"],
            json!([{"id": pending, "status": "REJECTED"}])
        );
        let errors: Vec<_> = payload["userErrors"].as_array().unwrap().iter().collect();
        let found: Vec<_> = errors
            .iter()
            .map(|it| (&it["field"][1], &it["code"]))
            .collect();
        let wrong_status = json!("WRONG_STATUS");
        assert_eq!(
            found,
            [
                (&json!("0"), &wrong_status),
                (&json!("2"), &json!("INVALID")),
                (&json!("3"), &json!("INVALID")),
                (&json!("4"), &json!("NOT_FOUND")),
                (&json!("5"), &wrong_status),
            ]
        );
        for (input, field) in [
            (json!({"ids": [], "decision": "APPROVE"}), "ids"),
            (
                json!({"ids": vec![pending.clone(); 101], "decision": "APPROVE"}),
                "ids",
            ),
            (json!({"ids": [pending], "decision": "REJECT"}), "reason"),
            (
                json!({"ids": [pending], "decision": "REJECT", "reason": "\u{202e}"}),
                "reason",
            ),
        ] {
            let payload = fixture.write(&moderator, MODERATE, input).await?;
            assert_eq!(code(&payload), (&json!("INVALID"), &json!([field])));
            assert_eq!(payload["comments"], json!([]));
        }
        // If the decision applies to none of the comments, nothing changes.
        let input = json!({"ids": [pending], "decision": "HIDE"});
        let payload = fixture.write(&moderator, MODERATE, input).await?;
        assert_eq!(code(&payload), (&wrong_status, &json!(["ids", "0"])));
    }
    Ok(())
}

#[tokio::test]
async fn the_moderation_queue_requires_the_moderate_right() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let moderator = fixture.app.who("نور", Role::Moderator).await?;
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let queue =
            "{ comments(status: PENDING) { totalCount nodes { status text postedAt reportCount
            reason reportReasons article { slug } } } }";
        let found = fixture.ask(&moderator, queue, json!({})).await?;
        assert_eq!(found["comments"]["totalCount"], 1);
        let node = &found["comments"]["nodes"][0];
        assert_eq!(node["text"], "ينتظر من يراجعه");
        assert_eq!(
            (&node["reportCount"], &node["reportReasons"]),
            (&json!(0), &json!([]))
        );
        // Oldest first, page by page.
        let all = "{ comments { totalCount nodes { id postedAt } } }";
        let all = fixture.ask(&moderator, all, json!({})).await?;
        let nodes = all["comments"]["nodes"].as_array().unwrap();
        assert_eq!(all["comments"]["totalCount"], nodes.len());
        assert!(nodes.is_sorted_by_key(|node| node["postedAt"].as_str()));
        let mut paged = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = "query ($after: String) { comments(first: 3, after: $after) {
                nodes { id postedAt } pageInfo { hasNextPage endCursor } } }";
            let page = fixture
                .ask(&moderator, page, json!({ "after": after }))
                .await?;
            paged.extend(page["comments"]["nodes"].as_array().unwrap().clone());
            after = page["comments"]["pageInfo"]["endCursor"].clone();
            if page["comments"]["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(&paged, nodes);
        let nowhere = "{ comments(edition: \"nowhere\") { totalCount nodes { id } } }";
        let nowhere = fixture.ask(&moderator, nowhere, json!({})).await?;
        assert_eq!(nowhere["comments"], json!({"totalCount": 0, "nodes": []}));

        let id = nodes[0]["id"].as_str().unwrap();
        let fields = ["reportCount", "reportReasons", "reason"]
            .map(|field| format!("{{ node(id: {id:?}) {{ ... on Comment {{ {field} }} }} }}"));
        let narrowed = moderator.clone().only(&[khabar_domain::Right::Comment]);
        for (who, expected) in [
            (&Who::anonymous(), "UNAUTHENTICATED"),
            (&reader, "FORBIDDEN"),
            (&narrowed, "FORBIDDEN"),
        ] {
            for document in fields.iter().map(String::as_str).chain([queue]) {
                let answered = fixture
                    .app
                    .ask_as(who, newsroom::now(), document, &Value::Null)
                    .await?;
                let error = answered.value()?["errors"][0]["extensions"]["code"].take();
                assert_eq!(error, expected, "{document}");
            }
            let input = json!({"ids": [id], "decision": "HIDE"});
            assert_eq!(fixture.refused(who, MODERATE, input).await?, expected);
        }
    }
    Ok(())
}
