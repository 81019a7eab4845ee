//! Comments being decided about: the queue, and what is shown and counted afterwards.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot go on has failed"
)]

use std::collections::BTreeSet;

use chrono::Duration;
use khabar_domain::desk::Withdrawal;
use khabar_domain::{Desk as Below, Role, derived};
use khabar_persistence::{desk, migration};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Desk;
use crate::comment::{MODERATE, POST, SET_ARTICLE, code};

const BRIDGE: &str = "{ article(slug: \"افتتاح-الجسر-الجديد-فوق-نهر-السنديان\") {
    commentCount comments(orderBy: OLDEST) { totalCount nodes { id replyCount
        replies { totalCount nodes { id replyCount replies { totalCount nodes { id } } } } } } } }";

#[tokio::test]
async fn what_answers_a_hidden_comment_is_gone_with_it() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let anonymous = Who::anonymous();
        let before = desk.ask(&anonymous, BRIDGE, json!({})).await?;
        assert_eq!(before["article"]["commentCount"], 6);
        let question = &before["article"]["comments"]["nodes"][0];
        assert_eq!(question["replyCount"], 2);
        let (id, answer) = (&question["id"], &question["replies"]["nodes"][0]["id"]);
        let decide = |ids: Value, decision: &str| {
            let input = json!({"ids": ids, "decision": decision});
            desk.write(&desk.editor, MODERATE, input)
        };
        decide(json!([id]), "HIDE").await?;
        let hidden = desk.ask(&anonymous, BRIDGE, json!({})).await?;
        assert_eq!(hidden["article"]["commentCount"], 2);
        assert_eq!(hidden["article"]["comments"]["totalCount"], 2);
        // Its answer is approved, and still nobody finds it: not even by its id.
        let node = format!("{{ node(id: {answer}) {{ id }} }}");
        assert_eq!(
            desk.ask(&anonymous, &node, json!({})).await?["node"],
            Value::Null
        );
        let reader = desk.app.who("سامر", Role::Reader).await?;
        let article = desk
            .ask(&anonymous, &BRIDGE.replace("commentCount", "id"), json!({}))
            .await?;
        let input = json!({"article": article["article"]["id"], "parent": answer, "text": "نعم"});
        let payload = desk.write(&reader, POST, input).await?;
        assert_eq!(code(&payload), (&json!("NOT_FOUND"), &json!(["parent"])));

        // A migration reads the same out of what was decided.
        let steps = migration::status(desk.app.db().db()).await?;
        let place = steps
            .iter()
            .position(|step| step.name == "m0005_commenting");
        let back = u32::try_from(steps.len() - place.unwrap())?;
        if desk.app.db().name() == "SQLite" {
            migration::down(desk.app.db().db(), back).await?;
            migration::up(desk.app.db().db()).await?;
            assert_eq!(desk.ask(&anonymous, BRIDGE, json!({})).await?, hidden);
        }

        // An answer that is hidden meanwhile stays so when its question comes back.
        decide(json!([answer]), "HIDE").await?;
        decide(json!([id]), "APPROVE").await?;
        let back = desk.ask(&anonymous, BRIDGE, json!({})).await?;
        assert_eq!(back["article"]["commentCount"], 4);
        decide(json!([answer, id]), "APPROVE").await?;
        assert_eq!(desk.ask(&anonymous, BRIDGE, json!({})).await?, before);
    }
    Ok(())
}

#[tokio::test]
async fn the_stone_over_an_article_covers_its_comments() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let read = "{ article(slug: \"خبر-سحبته-الأسرة\") { id commentCount
            comments { totalCount nodes { id } } } }";
        let found = desk.ask(&desk.editor, read, json!({})).await?;
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
        let writer = desk.app.db().db().writer(newsroom::now()).await?;
        desk::save(&writer, id, &below).await?;
        writer.commit().await?;
        let anonymous = Who::anonymous();
        let stone = desk.ask(&anonymous, read, json!({})).await?;
        assert_eq!(stone["article"]["id"], article["id"]);
        assert_eq!(stone["article"]["commentCount"], 0);
        let none = json!({"totalCount": 0, "nodes": []});
        assert_eq!(stone["article"]["comments"], none);
        let node = format!(
            "{{ node(id: {}) {{ id }} }}",
            article["comments"]["nodes"][0]["id"]
        );
        let node = desk.ask(&anonymous, &node, json!({})).await?;
        assert_eq!(node["node"], Value::Null);
    }
    Ok(())
}

#[tokio::test]
async fn each_of_many_is_told_what_came_of_it() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let moderator = desk.app.who("نور", Role::Moderator).await?;
        let queue = "{ comments { nodes { id status } } }";
        let found = desk.ask(&moderator, queue, json!({})).await?;
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
            "clientMutationId": "one"});
        let payload = desk.write(&moderator, MODERATE, input.clone()).await?;
        // Sent again it is answered the same, with what could not be done.
        assert_eq!(desk.write(&moderator, MODERATE, input).await?, payload);
        assert_eq!(
            payload["comments"],
            json!([{"id": pending, "status": "REJECTED"}])
        );
        let errors: Vec<_> = payload["userErrors"].as_array().unwrap().iter().collect();
        let told: Vec<_> = errors
            .iter()
            .map(|it| (&it["field"][1], &it["code"]))
            .collect();
        let wrong = json!("WRONG_STATUS");
        assert_eq!(
            told,
            [
                (&json!("0"), &wrong),
                (&json!("2"), &json!("INVALID")),
                (&json!("3"), &json!("INVALID")),
                (&json!("4"), &json!("NOT_FOUND")),
                (&json!("5"), &wrong),
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
            let payload = desk.write(&moderator, MODERATE, input).await?;
            assert_eq!(code(&payload), (&json!("INVALID"), &json!([field])));
            assert_eq!(payload["comments"], json!([]));
        }
        // None of them: nothing is done.
        let input = json!({"ids": [pending], "decision": "HIDE"});
        let payload = desk.write(&moderator, MODERATE, input).await?;
        assert_eq!(code(&payload), (&wrong, &json!(["ids", "0"])));
    }
    Ok(())
}

#[tokio::test]
async fn the_queue_is_for_moderators() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let moderator = desk.app.who("نور", Role::Moderator).await?;
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let queue =
            "{ comments(status: PENDING) { totalCount nodes { status text postedAt reportCount
            reason reportReasons article { slug } } } }";
        let found = desk.ask(&moderator, queue, json!({})).await?;
        assert_eq!(found["comments"]["totalCount"], 1);
        let node = &found["comments"]["nodes"][0];
        assert_eq!(node["text"], "ينتظر من يراجعه");
        assert_eq!(
            (&node["reportCount"], &node["reportReasons"]),
            (&json!(0), &json!([]))
        );
        // Oldest first, page by page.
        let all = "{ comments { totalCount nodes { id postedAt } } }";
        let all = desk.ask(&moderator, all, json!({})).await?;
        let nodes = all["comments"]["nodes"].as_array().unwrap();
        assert_eq!(all["comments"]["totalCount"], nodes.len());
        assert!(nodes.is_sorted_by_key(|node| node["postedAt"].as_str()));
        let mut paged = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = "query ($after: String) { comments(first: 3, after: $after) {
                nodes { id postedAt } pageInfo { hasNextPage endCursor } } }";
            let page = desk
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
        let nowhere = desk.ask(&moderator, nowhere, json!({})).await?;
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
                let answered = desk
                    .app
                    .ask_as(who, newsroom::now(), document, &Value::Null)
                    .await?;
                let error = answered.value()?["errors"][0]["extensions"]["code"].take();
                assert_eq!(error, expected, "{document}");
            }
            let input = json!({"ids": [id], "decision": "HIDE"});
            assert_eq!(desk.refused(who, MODERATE, input).await?, expected);
        }
    }
    Ok(())
}

/// A comment as the model keeps it.
struct Said {
    id: String,
    article: usize,
    parent: Option<usize>,
    depth: u8,
    status: &'static str,
}

/// What should be there: every comment, in the order in which they came.
#[derive(Default)]
struct Model(Vec<Said>);

impl Model {
    fn shown(&self, at: usize) -> bool {
        let said = &self.0[at];
        said.status == "APPROVED" && said.parent.is_none_or(|parent| self.shown(parent))
    }

    fn all_shown(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len()).filter(|at| self.shown(*at))
    }

    /// What a reader finds under an article: each comment and how many answer it.
    fn under(&self, article: usize) -> BTreeSet<(String, usize)> {
        let mine = self.all_shown().filter(|at| self.0[*at].article == article);
        mine.map(|at| {
            let answers = self.all_shown().filter(|it| self.0[*it].parent == Some(at));
            (self.0[at].id.clone(), answers.count())
        })
        .collect()
    }
}

/// Numbers that look random, the same in every run (Marsaglia, xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap_or(0)
    }
}

/// After any sequence of posts and decisions, what is counted is what can be paged through.
#[tokio::test]
async fn counts_agree_with_what_can_be_paged_through() -> anyhow::Result<()> {
    const STEPS: usize = 300;
    for desk in Desk::each().await? {
        let articles = desk.articles(2).await?;
        for (article, mode) in articles.iter().zip(["PRE_MODERATED", "POST_MODERATED"]) {
            let input = json!({"id": article, "mode": mode, "depth": 4});
            desk.write(&desk.editor, SET_ARTICLE, input).await?;
        }
        let reader = desk.app.who("هدى", Role::Reader).await?;
        let mut dice = Dice(0x6b68_6162_6172);
        let mut model = Model::default();
        for step in 0..STEPS {
            if dice.below(5) < 2 {
                post(&desk, &reader, &articles, &mut model, &mut dice, step).await?;
            } else {
                decide(&desk, &mut model, &mut dice).await?;
            }
            if step % 50 == 49 {
                compare(&desk, &reader, &articles, &model).await?;
            }
        }
        assert!(model.0.len() > 80 && model.all_shown().count() > 10);
    }
    Ok(())
}

async fn post(
    desk: &Desk,
    reader: &Who,
    articles: &[String],
    model: &mut Model,
    dice: &mut Dice,
    step: usize,
) -> anyhow::Result<()> {
    let article = dice.below(articles.len());
    let shown = model
        .all_shown()
        .filter(|at| model.0[*at].article == article);
    let shown: Vec<_> = shown.collect();
    let parent = match dice.below(4) {
        0 => None,
        _ if shown.is_empty() => None,
        _ => Some(shown[dice.below(shown.len())]),
    };
    let depth = parent.map_or(0, |parent| model.0[parent].depth + 1);
    let input = json!({"article": articles[article], "text": format!("رأي {step}"),
        "parent": parent.map(|parent| model.0[parent].id.clone())});
    // Slow enough for the pace.
    let hour = newsroom::now() + Duration::minutes(3 * i64::try_from(step)?);
    let payload = desk.write_at(reader, hour, POST, input).await?;
    if depth > 4 {
        assert_eq!(code(&payload).0, "INVALID");
        return Ok(());
    }
    assert_eq!(payload["userErrors"], json!([]), "step {step}");
    model.0.push(Said {
        id: payload["comment"]["id"].as_str().unwrap().to_owned(),
        article,
        parent,
        depth,
        status: ["PENDING", "APPROVED"][article],
    });
    Ok(())
}

async fn decide(desk: &Desk, model: &mut Model, dice: &mut Dice) -> anyhow::Result<()> {
    if model.0.is_empty() {
        return Ok(());
    }
    let many = 1 + dice.below(5);
    let chosen: Vec<_> = (0..many).map(|_| dice.below(model.0.len())).collect();
    let (decision, to, from): (_, _, &[&str]) = match dice.below(5) {
        0 => ("HIDE", "HIDDEN", &["APPROVED", "HIDDEN"]),
        1 => ("REJECT", "REJECTED", &["PENDING", "REJECTED"]),
        _ => (
            "APPROVE",
            "APPROVED",
            &["PENDING", "APPROVED", "REJECTED", "HIDDEN"],
        ),
    };
    let ids: Vec<_> = chosen.iter().map(|at| &model.0[*at].id).collect();
    let input = json!({"ids": ids, "decision": decision, "reason": "قرار"});
    let payload = desk.write(&desk.editor, MODERATE, input).await?;
    let refused: Vec<_> = (0..many)
        .filter(|place| !from.contains(&model.0[chosen[*place]].status))
        .map(|place| place.to_string())
        .collect();
    let told = payload["userErrors"].as_array().unwrap().iter();
    let told: Vec<_> = told
        .map(|error| error["field"][1].as_str().unwrap())
        .collect();
    assert_eq!(told, refused);
    for at in chosen {
        if from.contains(&model.0[at].status) {
            model.0[at].status = to;
        }
    }
    Ok(())
}

async fn compare(
    desk: &Desk,
    reader: &Who,
    articles: &[String],
    model: &Model,
) -> anyhow::Result<()> {
    let anonymous = Who::anonymous();
    for (place, article) in articles.iter().enumerate() {
        let (found, counted) = paged(desk, article).await?;
        assert_eq!(found, model.under(place));
        assert_eq!(counted, found.len());
    }
    // Lists are sorted by the same counts.
    let list = "{ articles(orderBy: MOST_COMMENTED) { nodes { commentCount } } }";
    let list = desk.ask(&anonymous, list, json!({})).await?;
    let counts = list["articles"]["nodes"].as_array().unwrap().iter();
    let counts: Vec<_> = counts.map(|node| node["commentCount"].as_i64()).collect();
    assert!(counts.is_sorted_by(|one, next| one >= next), "{counts:?}");
    // By its id a reader finds what is shown; its writer finds everything, as it stands.
    for ids in (0..model.0.len()).collect::<Vec<_>>().chunks(100) {
        let named: Vec<_> = ids.iter().map(|at| &model.0[*at].id).collect();
        let read = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Comment { status } } }";
        let open = desk.ask(&anonymous, read, json!({ "ids": named })).await?;
        let own = desk.ask(reader, read, json!({ "ids": named })).await?;
        for (at, (open, own)) in ids.iter().zip(
            open["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .zip(own["nodes"].as_array().unwrap()),
        ) {
            assert_eq!(open.is_object(), model.shown(*at));
            assert_eq!(own["status"], model.0[*at].status);
        }
    }
    let mine = desk
        .ask(reader, "{ myComments { totalCount } }", json!({}))
        .await?;
    assert_eq!(mine["myComments"]["totalCount"], model.0.len());
    for status in ["PENDING", "REJECTED"] {
        let queue = format!("{{ comments(status: {status}) {{ totalCount }} }}");
        let queue = desk.ask(&desk.editor, &queue, json!({})).await?;
        // One waits from the beginning.
        let others = usize::from(status == "PENDING");
        let wanted = model.0.iter().filter(|said| said.status == status).count() + others;
        assert_eq!(queue["comments"]["totalCount"], wanted, "{status}");
    }
    Ok(())
}

/// Every comment that a reader comes to under an article by paging, with its `replyCount`; and the
/// article's `commentCount`.
async fn paged(desk: &Desk, article: &str) -> anyhow::Result<(BTreeSet<(String, usize)>, usize)> {
    let anonymous = Who::anonymous();
    let (mut found, mut counted) = (BTreeSet::new(), 0);
    let mut open = vec![article.to_owned()];
    while let Some(id) = open.pop() {
        let mut after = Value::Null;
        let mut many = 0;
        loop {
            let page = "query ($id: ID!, $after: String) { node(id: $id) {
                ... on Article { commentCount list: comments(first: 3, after: $after) { ...Page } }
                ... on Comment { replyCount list: replies(first: 3, after: $after) { ...Page } } } }
                fragment Page on CommentConnection { totalCount nodes { id replyCount }
                    pageInfo { hasNextPage endCursor } }";
            let variables = json!({"id": id, "after": after});
            let data = desk.ask(&anonymous, page, variables).await?;
            let node = &data["node"];
            if let Some(count) = node["commentCount"].as_u64() {
                counted = usize::try_from(count)?;
            }
            for child in node["list"]["nodes"].as_array().unwrap() {
                let child_id = child["id"].as_str().unwrap().to_owned();
                let replies = usize::try_from(child["replyCount"].as_u64().unwrap())?;
                open.push(child_id.clone());
                assert!(found.insert((child_id, replies)), "it came twice");
                many += 1;
            }
            after = node["list"]["pageInfo"]["endCursor"].clone();
            if node["list"]["pageInfo"]["hasNextPage"] == false {
                assert_eq!(node["list"]["totalCount"], many);
                break;
            }
        }
    }
    Ok((found, counted))
}
