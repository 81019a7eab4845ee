//! Mutations that make every field change: an article that shows objects of every kind, then an
//! update of everything that can be updated in each, and comments from readers.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Fields, SLUG};
use crate::Fixture;
use crate::comment::{EDIT, MODERATE, POST, SET_ARTICLE, SET_EDITION};
use crate::invariants::mutation;

/// Sends a mutation that must succeed, and checks every field. Returns the object in its payload.
async fn send(
    fixture: &Fixture,
    fields: &mut Fields<'_>,
    name: &str,
    input: Value,
) -> anyhow::Result<Value> {
    let what = match name {
        _ if name.ends_with("Article") => "article { id version }",
        "setRelated" => "article { id version }",
        _ if name.ends_with("Media") => "media { id }",
        _ if name.ends_with("Story") => "story { id }",
        _ if name.ends_with("Section") => "section { id }",
        _ if name.ends_with("Topic") => "topic { id }",
        _ if name.ends_with("Person") => "person { id }",
        _ if name.ends_with("Source") => "source { id }",
        _ => "idempotencyKey",
    };
    let document = mutation(name, what);
    let done = fixture.write(&fixture.editor, &document, input).await?;
    ensure!(done["userErrors"] == json!([]), "{name}: {done}");
    fields.look(name).await?;
    let mut members = done.as_object().into_iter().flatten();
    let object = members.find(|(_, value)| value.is_object());
    Ok(object.map(|(_, value)| value.clone()).unwrap_or_default())
}

/// Two objects of each kind, by the mutation that created them.
struct TestObjects(BTreeMap<(&'static str, usize), Value>);

impl TestObjects {
    async fn make(fixture: &Fixture, fields: &mut Fields<'_>) -> anyhow::Result<Self> {
        let mut made = BTreeMap::new();
        for (turn, letter) in ["أ", "ب"].into_iter().enumerate() {
            let url = format!("https://sindyan.example/{turn}.jpg");
            for (kind, input) in [
                (
                    "addMedia",
                    json!({"url": url, "kind": "IMAGE", "alt": letter}),
                ),
                ("createPerson", json!({"name": format!("كاتبة {letter}")})),
                ("createTopic", json!({"name": format!("موضوع {letter}")})),
                ("createSource", json!({"name": format!("وكالة {letter}")})),
                ("createSection", json!({"name": format!("باب {letter}")})),
                ("createStory", json!({"title": format!("ملف {letter}")})),
            ] {
                let object = send(fixture, fields, kind, input).await?;
                made.insert((kind, turn), object["id"].clone());
            }
        }
        Ok(Self(made))
    }

    fn of(&self, kind: &'static str, turn: usize) -> &Value {
        &self.0[&(kind, turn)]
    }

    /// Returns the input for an article that shows one object of each kind.
    fn article(&self, turn: usize, word: &str) -> Value {
        json!({
            "headline": format!("خبر {word}"), "lead": format!("مقدمة {word}"),
            "authors": [self.of("createPerson", turn)], "topics": [self.of("createTopic", turn)],
            "source": self.of("createSource", turn), "section": self.of("createSection", turn),
            "hero": self.of("addMedia", turn), "stories": [self.of("createStory", turn)],
            "canonicalUrl": format!("https://sindyan.example/{turn}/{}", word.len()),
            "body": body(word, turn == 0, 2),
        })
    }

    /// Returns mutations that change everything that can be changed in the first object of each
    /// kind.
    fn changes(&self) -> Vec<(&'static str, Value)> {
        let (picture, topic) = (self.of("addMedia", 1), self.of("createTopic", 1));
        let renditions = |name: &str, kind: &str, width: i32| {
            let url = format!("https://sindyan.example/{name}");
            json!([{"url": url, "mimeType": kind, "width": width, "height": width / 2}])
        };
        let mut changes = vec![
            (
                "updatePerson",
                json!({"id": self.of("createPerson", 0), "name": "كاتبة أخرى",
                "slug": "كاتبة-أخرى", "role": "مراسلة", "biography": "من المدينة.", "portrait": picture}),
            ),
            (
                "updateTopic",
                json!({"id": self.of("createTopic", 0), "name": "موضوع آخر",
                "slug": "موضوع-آخر", "summary": "ملخص.", "kind": "PLACE", "mediaTopic": "11000000"}),
            ),
            (
                "updateSource",
                json!({"id": self.of("createSource", 0), "name": "وكالة أخرى",
                "slug": "وكالة-أخرى", "url": "https://agency.example/", "kind": "AGENCY"}),
            ),
            (
                "updateStory",
                json!({"id": self.of("createStory", 0), "title": "ملف آخر", "slug": "ملف-آخر",
                "summary": "ملخص.", "kind": "SHOW", "image": picture, "topics": [topic]}),
            ),
            ("pinStory", json!({"id": self.of("createStory", 0)})),
            (
                "updateSection",
                json!({"id": self.of("createSection", 0), "name": "باب آخر",
                "slug": "باب-آخر", "summary": "ملخص.", "featured": true}),
            ),
            (
                "moveSection",
                json!({"id": self.of("createSection", 0), "parent": self.of("createSection", 1)}),
            ),
        ];
        let media = self.of("addMedia", 0);
        changes.extend([
            ("updateMedia", json!({"id": media, "url": "https://sindyan.example/other.jpg", "alt": "آخر",
                "caption": "تعليق", "credit": "مصور", "width": 800, "height": 600, "durationSeconds": 7,
                "placeholder": "L5H2EC=PM+yV0g-mq.wG9c010J}I", "focalPoint": {"x": 0.25, "y": 0.75},
                "renditions": renditions("s.jpg", "image/jpeg", 400)})),
            ("updateMedia", json!({"id": media, "focalPoint": {"x": 0.5, "y": 0.5},
                "renditions": renditions("t.webp", "image/webp", 200)})),
        ]);
        changes
    }
}

/// Returns a body with a heading, a paragraph, a list and a quotation.
fn body(word: &str, ordered: bool, level: i32) -> Value {
    json!([
        {"heading": {"text": format!("عنوان {word}"), "level": level}},
        {"paragraph": {"text": format!("فقرة {word}")}},
        {"list": {"ordered": ordered, "items": [{"text": format!("بند {word}")}]}},
        {"quotation": {"quote": {"text": format!("قول {word}")}, "attribution": format!("قائل {word}")}},
    ])
}

/// Creates articles that show objects of every kind, and changes all of these objects.
pub(super) async fn write(fixture: &Fixture, fields: &mut Fields<'_>) -> anyhow::Result<()> {
    let objects = TestObjects::make(fixture, fields).await?;
    let mut articles = Vec::new();
    for (turn, word) in [(0, "أول"), (1, "ثانٍ آخر"), (0, "ثالث من الأخبار")]
    {
        let draft = send(
            fixture,
            fields,
            "createArticle",
            objects.article(turn, word),
        )
        .await?;
        let input = json!({"id": draft["id"]});
        articles.push(send(fixture, fields, "publishArticle", input).await?);
    }
    for (name, input) in objects.changes() {
        send(fixture, fields, name, input).await?;
    }
    for (name, input) in front_page(fixture, &objects, &articles).await? {
        send(fixture, fields, name, input).await?;
    }
    by_slug(fixture, fields, &objects).await?;
    let mut correction = objects.article(1, "مصحّح تصحيحاً طويلاً");
    for (name, value) in [
        ("id", articles[0]["id"].clone()),
        ("version", articles[0]["version"].clone()),
        ("slug", json!("خبر-مصحح")),
        ("kind", json!("ANALYSIS")),
        ("language", json!("fr")),
        ("hasPhotos", json!(true)),
        ("hasVideo", json!(true)),
        ("hasAudio", json!(true)),
        ("body", body(&"كلمة ".repeat(400), false, 3)),
        ("note", json!("صُحّح كله.")),
    ] {
        correction[name] = value;
    }
    send(fixture, fields, "correctArticle", correction).await?;
    Ok(())
}

/// Takes the article that is queried by slug from creation to withdrawal.
async fn by_slug(
    fixture: &Fixture,
    fields: &mut Fields<'_>,
    objects: &TestObjects,
) -> anyhow::Result<()> {
    let picture = objects.of("addMedia", 0);
    let mut input = objects.article(0, "عنوانه يسأل عنه");
    input["slug"] = json!(SLUG);
    input["canonicalUrl"] = Value::Null;
    input["body"] = json!([{"image": {"image": picture}}, {"paragraph": {"text": "متن أول."}}]);
    let draft = send(fixture, fields, "createArticle", input).await?;
    let input = json!({"id": draft["id"]});
    let published = send(fixture, fields, "publishArticle", input).await?;
    let input = json!({"id": picture, "caption": "تعليق آخر", "alt": "بديل", "credit": "غيره",
        "url": "https://sindyan.example/third.jpg"});
    send(fixture, fields, "updateMedia", input).await?;
    let input = json!({"id": published["id"], "version": published["version"], "headline": "عنوان ثان",
        "lead": "مقدمة ثانية", "section": objects.of("createSection", 1),
        "body": [{"image": {"image": objects.of("addMedia", 1)}}, {"paragraph": {"text": "متن ثان."}}],
        "note": "صُحّح."});
    let corrected = send(fixture, fields, "correctArticle", input).await?;
    // No other article takes the former slug, so it still resolves to this article.
    let input = json!({"id": corrected["id"], "version": corrected["version"], "slug": "كل-حقل-آخر",
        "silent": true});
    let moved = send(fixture, fields, "correctArticle", input).await?;
    let input = json!({"id": moved["id"], "version": moved["version"], "reason": "سُحب."});
    send(fixture, fields, "withdrawArticle", input).await?;
    Ok(())
}

/// Returns changes to the front page, to related articles and to articles that existed before.
async fn front_page(
    fixture: &Fixture,
    objects: &TestObjects,
    articles: &[Value],
) -> anyhow::Result<Vec<(&'static str, Value)>> {
    const THERE: &str = "{ liveChannels { id onAir } followChannels { id } edition(slug: \"ar\") { id }
        articles(first: 30) { nodes { id version isStub related(first: 3) { edges { reason } } } } }";
    let there = fixture.ask(&fixture.editor, THERE, json!({})).await?;
    let reversed = |list: &Value| -> Vec<Value> {
        let list = list.as_array().into_iter().flatten();
        list.rev().map(|item| item["id"].clone()).collect()
    };
    let listed = there["articles"]["nodes"].as_array();
    let listed = listed.context("there are no articles")?;
    let stub = listed.iter().find(|article| article["isStub"] == true);
    let stub = stub.context("there is no stub")?;
    let computed = listed.iter().find(|article| {
        let edges = article["related"]["edges"].as_array();
        let mut edges = edges.into_iter().flatten();
        edges.any(|edge| edge["reason"] != "CHOSEN")
    });
    let computed = computed.context("no article has computed links")?;
    let [first, second, third] = [0, 1, 2].map(|number| &articles[number]["id"]);
    let (live, follow) = (&there["liveChannels"], &there["followChannels"]);
    let labels = json!({"live": "بث", "follow": "تابع", "sections": "أبواب", "stories": "ملفات أخرى",
        "comments": "آراء"});
    Ok(vec![
        (
            "updateEdition",
            json!({"id": there["edition"]["id"], "name": "طبعة أخرى", "labels": labels}),
        ),
        (
            "updateLiveChannel",
            json!({"id": live[0]["id"], "name": "قناة أخرى",
            "onAir": live[0]["onAir"] != true, "streamUrl": "https://live.example/other.m3u8",
            "poster": objects.of("addMedia", 1)}),
        ),
        (
            "updateFollowChannel",
            json!({"id": follow[0]["id"], "name": "حساب آخر", "handle": "@other",
            "platform": "OTHER", "url": "https://follow.example/other"}),
        ),
        ("reorderLiveChannels", json!({"channels": reversed(live)})),
        (
            "reorderFollowChannels",
            json!({"channels": reversed(follow)}),
        ),
        ("setRelated", json!({"id": first, "articles": [second]})),
        (
            "setRelated",
            json!({"id": first, "articles": [third, second]}),
        ),
        (
            "setRelated",
            json!({"id": computed["id"], "articles": [first, second, third]}),
        ),
        ("setLeadArticles", json!({"articles": [first]})),
        (
            "correctArticle",
            json!({"id": stub["id"], "version": stub["version"],
            "body": body("مكتوب", true, 2), "note": "كُتب المتن."}),
        ),
    ])
}

/// Sends the mutations that are not in the deck: comments and commenting settings.
pub(super) async fn comment(fixture: &Fixture, fields: &mut Fields<'_>) -> anyhow::Result<()> {
    const NEWEST: &str = "{ articles(first: 1) { nodes { id } } }";
    const SAID: &str = "{ articles(first: 1) { nodes { comments(first: 1) { nodes { id } } } } }";
    let newest = fixture.ask(&fixture.editor, NEWEST, json!({})).await?;
    let article = &newest["articles"]["nodes"][0]["id"];
    let closed = json!({"id": article, "mode": "CLOSED"});
    fixture.write(&fixture.editor, SET_ARTICLE, closed).await?;
    fields.look("setArticleCommenting, closed").await?;
    for (name, document, input) in [
        (
            "setEditionCommenting",
            SET_EDITION,
            json!({"edition": "ar", "mode": "POST_MODERATED", "closesAfterDays": 3000, "depth": 5, "guestCommentsAllowed": true}),
        ),
        (
            "setArticleCommenting",
            SET_ARTICLE,
            json!({"id": article, "mode": "POST_MODERATED", "closesAfterDays": 2000, "depth": 4, "guestCommentsAllowed": true}),
        ),
        (
            "postComment",
            POST,
            json!({"article": article, "text": "قول أول."}),
        ),
        (
            "postComment",
            POST,
            json!({"article": article, "text": "قول ثان."}),
        ),
    ] {
        let done = fixture.write(&fixture.editor, document, input).await?;
        ensure!(done["userErrors"] == json!([]), "{name}: {done}");
        fields.look(name).await?;
        if name == "postComment" {
            let parent = &done["comment"]["id"];
            let input = json!({"article": article, "text": format!("جواب {}", fields.checked), "parent": parent});
            fixture.write(&fixture.editor, POST, input).await?;
            fields.look("postComment, an answer").await?;
        }
    }
    let said = fixture.ask(&fixture.editor, SAID, json!({})).await?;
    let said = &said["articles"]["nodes"][0]["comments"]["nodes"][0]["id"];
    let input = json!({"id": said, "text": "قول ثان آخر."});
    let edited = fixture.write(&fixture.editor, EDIT, input).await?;
    ensure!(edited["userErrors"] == json!([]), "editComment: {edited}");
    fields.look("editComment").await?;
    let input = json!({"ids": [said], "decision": "REJECT", "reason": "لا يليق."});
    fixture.write(&fixture.editor, MODERATE, input).await?;
    fields.look("moderateComments").await
}
