//! Unreadable rows: no write creates one, lists leave them out, and commands report them and refuse to
//! restore them.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::TestDb;
use serde_json::{Value, json};

use crate::newsroom;
use crate::server::{Launch, Server};

/// Returns a URL above the length limit once normalised: each letter takes six bytes when percent-encoded.
fn too_long() -> String {
    format!("https://akhbar.example/?q={}", "م".repeat(700))
}

const WRITES: [(&str, &str); 8] = [
    (
        "createArticle",
        r#"mutation($url: Url!) { w: createArticle(input: {headline: "جسر", canonicalUrl: $url}) { userErrors { message } } }"#,
    ),
    (
        "createArticle",
        r#"mutation($url: Url!) { w: createArticle(input: {headline: "جسر", body: [{paragraph: {runs: [{text: "هنا", link: $url}]}}]}) { userErrors { message } } }"#,
    ),
    (
        "createArticle",
        r#"mutation($url: Url!) { w: createArticle(input: {headline: "جسر", body: [{embed: {provider: "YouTube", url: $url}}]}) { userErrors { message } } }"#,
    ),
    (
        "addMedia",
        "mutation($url: String!) { w: addMedia(input: {url: $url}) { userErrors { message } } }",
    ),
    (
        "addMedia",
        r#"mutation($url: String!) { w: addMedia(input: {url: "https://a.example/", renditions: [{url: $url, width: 1, height: 1, mimeType: "image/webp"}]}) { userErrors { message } } }"#,
    ),
    (
        "createSource",
        r#"mutation($url: String!) { w: createSource(input: {name: "وكالة", url: $url}) { userErrors { message } } }"#,
    ),
    (
        "createLiveChannel",
        r#"mutation($url: String!) { w: createLiveChannel(input: {name: "بث", streamUrl: $url}) { userErrors { message } } }"#,
    ),
    (
        "createFollowChannel",
        r#"mutation($url: String!) { w: createFollowChannel(input: {platform: YOUTUBE, name: "قناة", url: $url}) { userErrors { message } } }"#,
    ),
];

#[tokio::test]
async fn url_length_is_measured_in_its_stored_form() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let editor = server.client.with_token(&token);
        for (name, mutation) in WRITES {
            // Sent as a variable and as a literal.
            let literal = mutation
                .replace("($url: Url!)", "")
                .replace("($url: String!)", "")
                .replace("$url", &format!("{:?}", too_long()));
            for (text, variables) in [
                (mutation.to_owned(), json!({ "url": too_long() })),
                (literal, Value::Null),
            ] {
                let response = editor.post(&text, variables).await?;
                let body = &response.text;
                ensure!(
                    body.contains("longer than 2000 bytes") && response.code() != "INTERNAL",
                    "{}: {name}: {body}",
                    db.name()
                );
            }
            // A URL within the limit is stored and can be read again.
            let short = json!({ "url": "https://akhbar.example/?q=ميناء%d9%86" });
            let response = editor.post(mutation, short).await?;
            ensure!(
                response.data()?["w"]["userErrors"] == json!([]),
                "{name}: {response:?}"
            );
        }
        let (ok, out, _) = Launch::over(db.url()).run(&["check"]).await?;
        ensure!(ok && out.contains("rows can be read"), "{out}");
    }
    Ok(())
}

const CREATE: &str = r#"mutation($url: Url!) { createArticle(input: {headline: "جسر", canonicalUrl: $url}) { article { canonicalUrl } userErrors { code } } }"#;

#[tokio::test]
async fn percent_escapes_are_case_insensitive() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let editor = server.client.with_token(&token);
        let url = |url: &str| json!({ "url": url });
        let response = editor
            .post(CREATE, url("https://akhbar.example/%d9%86"))
            .await?;
        ensure!(
            response.data()?["createArticle"]["article"]["canonicalUrl"]
                == "https://akhbar.example/%D9%86",
            "{response:?}"
        );
        for same in ["%D9%86", "%d9%86", "ن"] {
            let same = format!("https://akhbar.example/{same}");
            let response = editor.post(CREATE, url(&same)).await?;
            ensure!(
                response.data()?["createArticle"]["userErrors"][0]["code"] == "TAKEN",
                "{response:?}"
            );
            let find = "query($url: Url!) { article(url: $url) { headline } }";
            let response = editor.post(find, url(&same)).await?;
            ensure!(
                response.data()?["article"]["headline"] == "جسر",
                "{response:?}"
            );
        }
    }
    Ok(())
}

/// A statement that breaks rows of one table, and a query for a list that contains such rows.
struct Case {
    table: &'static str,
    breaks: &'static str,
    list: &'static str,
    /// JSON pointer to the list in the response data.
    path: &'static str,
    /// Whether readable items remain in the list.
    others: bool,
}

const CASES: [Case; 13] = [
    Case {
        table: "article",
        breaks: "UPDATE article SET canonical_url = 'ftp://x' WHERE canonical_url = 'https://sindyan.example/bridge'",
        list: "{ articles { nodes { headline authors { name } hero { url } stories { title } topics { name } bodyText } totalCount } }",
        path: "/articles/nodes",
        others: true,
    },
    Case {
        table: "article",
        breaks: "SELECT 1",
        list: "{ home { leadArticles { headline } pinnedStories { nodes { title } } } }",
        path: "/home/leadArticles",
        others: true,
    },
    Case {
        table: "article_body",
        breaks: "UPDATE article_body SET blocks = '[{\"block\":\"heading\",\"level\":9,\"text\":\"x\"}]' WHERE article_id IN (SELECT id FROM article WHERE read_count = (SELECT max(read_count) FROM article WHERE read_count < 900))",
        list: "{ articles { nodes { headline bodyText bodyHtml body { __typename } } } }",
        path: "/articles/nodes",
        others: true,
    },
    Case {
        table: "person",
        breaks: "UPDATE person SET name = ' ' WHERE name = 'سلمى النجار'",
        list: "{ articles { nodes { authors { name } } } }",
        path: "/articles/nodes",
        others: true,
    },
    Case {
        table: "topic",
        breaks: "UPDATE topic SET media_topic = 'x' WHERE id = (SELECT topic_id FROM article_topic LIMIT 1)",
        list: "{ articles { nodes { topics { name } } } }",
        path: "/articles/nodes",
        others: true,
    },
    Case {
        table: "media",
        breaks: "UPDATE media SET renditions = '{}' WHERE id = (SELECT hero_id FROM article WHERE hero_id IS NOT NULL LIMIT 1)",
        list: "{ articles { nodes { headline hero { url } bodyHtml } } }",
        path: "/articles/nodes",
        others: true,
    },
    Case {
        table: "story",
        breaks: "UPDATE story SET title = '' WHERE title = 'الجسر الجديد'",
        list: "{ stories { nodes { title } pageInfo { hasNextPage endCursor } } }",
        path: "/stories/nodes",
        others: true,
    },
    Case {
        table: "section",
        breaks: "UPDATE section SET name = '' WHERE id = (SELECT section_id FROM article WHERE section_id IS NOT NULL LIMIT 1)",
        list: "{ sections { name } articles { nodes { headline section { name } } } }",
        path: "/sections",
        others: true,
    },
    Case {
        table: "source",
        breaks: "UPDATE source SET url = 'x' WHERE name = 'وكالة السنديان'",
        list: "{ articles { nodes { source { name } } } }",
        path: "/articles/nodes",
        others: true,
    },
    Case {
        table: "live_channel",
        breaks: "UPDATE live_channel SET stream_url = 'x'",
        list: "{ liveChannels { name } }",
        path: "/liveChannels",
        others: false,
    },
    Case {
        table: "follow_channel",
        breaks: "UPDATE follow_channel SET url = 'x'",
        list: "{ followChannels { name } }",
        path: "/followChannels",
        others: false,
    },
    Case {
        table: "comment",
        breaks: "UPDATE comment SET text = '' WHERE id = (SELECT id FROM comment WHERE shown AND parent_id IS NULL ORDER BY posted_at LIMIT 1)",
        list: "{ articles(first: 100) { nodes { comments { nodes { text } } } } }",
        path: "/articles/nodes",
        others: true,
    },
    Case {
        table: "redirect",
        breaks: "INSERT INTO redirect (edition_id, entity, slug, target_id, at) SELECT edition_id, 'article', 'A B', id, listed_at FROM article WHERE status = 'published' LIMIT 1",
        list: "{ articles { nodes { formerSlugs } } }",
        path: "/articles/nodes",
        others: true,
    },
];

/// Returns the response as JSON. Fails if any error has a code other than `BROKEN_ROW`.
fn check_codes(response: &crate::client::HttpResponse) -> anyhow::Result<Value> {
    let json = response.json()?;
    for error in json["errors"].as_array().into_iter().flatten() {
        ensure!(error["extensions"]["code"] == "BROKEN_ROW", "{response:?}");
    }
    Ok(json)
}

async fn lists_go_on(server: &Server) -> anyhow::Result<()> {
    for case in &CASES {
        // The second response may come from the cache.
        for _ in 0..2 {
            for response in [
                server.client.post(case.list, Value::Null).await?,
                server.client.get(case.list).await?,
            ] {
                let json = check_codes(&response)?;
                let list = json["data"].pointer(case.path).and_then(Value::as_array);
                let list = list.with_context(|| format!("{}: {response:?}", case.table))?;
                ensure!(
                    list.is_empty() != case.others,
                    "{}: {response:?}",
                    case.table
                );
                ensure!(!list.contains(&Value::Null), "{}: {response:?}", case.table);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_row_is_left_out_and_reported() -> anyhow::Result<()> {
    for (bytes, db) in with_and_without_a_cache().await? {
        // Broken before the server starts, because cached rows are only reloaded after a change in the feed.
        for case in &CASES {
            db.execute_sql(case.breaks).await?;
        }
        let server = Launch::over(db.url())
            .set("cache.max_bytes", bytes)
            .set("log.filter", "info")
            .start()
            .await?;
        lists_go_on(&server).await?;
        // Each row is logged once, however often it was read.
        let logged = |table: &str| {
            let lines = server.log.lines();
            let events = lines.iter().filter(|line| line.contains(" broken_row "));
            events
                .filter(|line| line.contains(&format!("table={table} ")))
                .count()
        };
        ensure!(logged("story") == 1, "{:?}", server.log.lines());
        ensure!(logged("section") == 1, "{:?}", server.log.lines());
        let metrics = server.client.path("/metrics").await?.text;
        ensure!(
            metrics.lines().any(
                |line| line.starts_with("khabar_broken_rows_left_out_total ")
                    && !line.ends_with(" 0")
            ),
            "{metrics}"
        );

        // A broken row requested on its own is null, with an error that explains why.
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let editor = server.client.with_token(&token);
        for one in [
            "{ one: article(slug: \"افتتاح-الجسر-الجديد-فوق-نهر-السنديان\") { headline } }",
            "{ one: story(slug: \"الجسر-الجديد\") { title } }",
            "{ one: person(slug: \"سلمى-النجار\") { name } }",
            "{ one: source(slug: \"وكالة-السنديان\") { name } }",
        ] {
            for client in [&server.client, &editor] {
                for _ in 0..2 {
                    let response = client.post(one, Value::Null).await?;
                    ensure!(
                        response.code() == "BROKEN_ROW"
                            && response.json()?["data"]["one"].is_null(),
                        "{one}: {response:?}"
                    );
                }
            }
        }
        // A row that does not exist is null without an error.
        let response = editor
            .post("{ story(slug: \"لا-شيء\") { title } }", Value::Null)
            .await?;
        ensure!(response.data()?["story"].is_null(), "{response:?}");

        let rows = editor
            .post("{ brokenRows { table column row problem } }", Value::Null)
            .await?
            .data()?;
        let rows = rows["brokenRows"].as_array().context("none")?.clone();
        for table in ["article", "article_body", "person", "story", "section"] {
            ensure!(
                rows.iter().any(|row| row["table"] == table),
                "{table}: {rows:?}"
            );
        }
        let response = server
            .client
            .post("{ brokenRows { table } }", Value::Null)
            .await?;
        ensure!(response.code() == "UNAUTHENTICATED", "{response:?}");

        let launch = Launch::over(db.url());
        let (ok, out, err) = launch.run(&["check"]).await?;
        ensure!(!ok && err.contains("rows are broken"), "{out} {err}");
        for case in &CASES {
            ensure!(
                out.contains(&format!("table {}, column ", case.table)),
                "{}: {out}",
                case.table
            );
        }
        restoring_refuses(&db).await?;
    }
    Ok(())
}

/// Returns newsrooms on each database, paired with a cache size in bytes: 64 MiB, and 0 for no cache.
async fn with_and_without_a_cache() -> anyhow::Result<Vec<(usize, TestDb)>> {
    let mut each = Vec::new();
    for bytes in [64 << 20, 0] {
        let newsrooms = newsroom::each().await?.into_iter();
        each.extend(newsrooms.map(|db| (bytes, db)));
    }
    Ok(each)
}

/// Checks that an export with broken rows is not restored, and that the error names one of them.
async fn restoring_refuses(db: &TestDb) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("newsroom.ndjson");
    let file = file.to_str().context("no UTF-8")?;
    let (ok, _, err) = Launch::over(db.url()).run(&["export", file]).await?;
    ensure!(ok, "{err}");
    for empty in TestDb::each().await? {
        let launch = Launch::over(empty.url());
        let (ok, _, err) = launch.run(&["restore", file]).await?;
        ensure!(
            !ok && err.contains("table media, column renditions, row ") && err.contains("the list"),
            "{err}"
        );
        let (ok, out, _) = launch.run(&["check"]).await?;
        ensure!(ok && out.contains("all 0 rows"), "{out}");
    }
    Ok(())
}

/// Broken rows in the feed, the logs and the tokens do not stop the server.
#[tokio::test]
async fn the_feed_and_the_audit_log_continue_past_broken_rows() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let token = newsroom::token(&db, "ليلى", Role::Admin).await?;
        newsroom::token(&db, "سالم", Role::Editor).await?;
        let admin = server.client.with_token(&token);
        let create = "mutation($name: String!) { createTopic(input: {kind: SUBJECT, name: $name}) { topic { id } userErrors { message } } }";
        let article =
            r#"mutation { createArticle(input: {headline: "مسودة"}) { article { id } } }"#;
        let id = admin.post(article, Value::Null).await?.data()?;
        let id = id["createArticle"]["article"]["id"].clone();
        db.execute_sql(
            "UPDATE change_head SET seq = seq + 1; \
             INSERT INTO change (seq, at, entity, entity_id, operation, keys) \
             SELECT h.seq, c.at, c.entity, c.entity_id, c.operation, 'nonsense' FROM change_head h, change c WHERE c.seq = 1; \
             UPDATE revision SET content = '{}'; \
             UPDATE token SET rights = 'x' WHERE account_id = (SELECT id FROM account WHERE name = 'سالم'); \
             UPDATE trusted_document SET text = ''",
        )
        .await?;
        for name in ["ماء", "هواء"] {
            let response = admin.post(create, json!({ "name": name })).await?;
            ensure!(response.data()?["createTopic"]["userErrors"] == json!([]));
            let topic = "query($slug: Slug!) { topic(slug: $slug) { name } }";
            let response = server.client.post(topic, json!({ "slug": name })).await?;
            ensure!(response.data()?["topic"]["name"] == name, "{response:?}");
        }
        let response = admin
            .post(
                "{ tokens { nodes { name } } audit { nodes { action } } }",
                Value::Null,
            )
            .await?;
        let data = response.data()?;
        let tokens = data["tokens"]["nodes"].as_array().context("none")?;
        ensure!(
            tokens.len() == 1 && tokens[0]["name"] == "ليلى",
            "{response:?}"
        );
        let revisions = "query($id: ID!) { article(id: $id) { revisions { nodes { version } } revision(version: 1) { version } } }";
        let response = admin.post(revisions, json!({ "id": id })).await?;
        let json = check_codes(&response)?;
        ensure!(
            json["data"]["article"]["revisions"]["nodes"] == json!([]),
            "{response:?}"
        );
        ensure!(json["data"]["article"]["revision"].is_null() && response.code() == "BROKEN_ROW");
        let (ok, out, _) = Launch::over(db.url()).run(&["check"]).await?;
        for row in [
            "table change, column keys, row ",
            "table revision, column content, row ",
            "table token, column rights, row ",
        ] {
            ensure!(!ok && out.contains(row), "{row}: {out}");
        }
    }
    Ok(())
}

/// A page whose rows are all left out still returns a cursor to continue from.
#[tokio::test]
async fn paging_continues_past_broken_rows() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let all = "{ articles(first: 100) { nodes { slug } } }";
        let all = server.client.post(all, Value::Null).await?.data()?;
        let slugs: Vec<_> = all["articles"]["nodes"]
            .as_array()
            .context("no list")?
            .iter()
            .filter_map(|node| node["slug"].as_str().map(str::to_owned))
            .collect();
        ensure!(slugs.len() > 4);
        for slug in [&slugs[0], &slugs[1], &slugs[3], &slugs[slugs.len() - 1]] {
            let text = format!("UPDATE article SET language = 'x' WHERE slug = '{slug}'");
            db.execute_sql(&text).await?;
        }
        let server = Launch::over(db.url()).start().await?;
        let mut found = Vec::new();
        let mut after = Value::Null;
        for step in 0.. {
            ensure!(step < slugs.len(), "it goes round");
            let query = "query($after: String) { articles(first: 1, after: $after) { nodes { slug } pageInfo { hasNextPage endCursor } } }";
            let response = server
                .client
                .post(query, json!({ "after": after }))
                .await?
                .data()?;
            let page = &response["articles"];
            found.extend(
                page["nodes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|node| node["slug"].as_str().map(str::to_owned)),
            );
            after = page["pageInfo"]["endCursor"].clone();
            ensure!(after.is_string(), "{page}");
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        let left: Vec<_> = [vec![slugs[2].clone()], slugs[4..slugs.len() - 1].to_vec()].concat();
        ensure!(found == left, "{found:?} {left:?}");
    }
    Ok(())
}
