//! The response cache: which viewers share a cached response, and what invalidates it.

use chrono::TimeDelta;
use futures::future::try_join_all;
use khabar_domain::Role;
use khabar_domain::article::Status;
use khabar_persistence::cache::Stats;
use khabar_server::config::Settings;
use serde_json::{Value, json};

use crate::Server;

const HOME: &str = "query Home($first: Int = 5) { home { edition { name }
    latest(first: $first) { nodes { id version headline section { name } } } } }";
const CORRECT: &str = "mutation ($input: CorrectArticleInput!) {
    correctArticle(input: $input) { article { id } userErrors { message } } }";

impl Server {
    fn stats(&self) -> Stats {
        let cache = self.db.db().cache();
        cache
            .map(khabar_persistence::Cache::stats)
            .unwrap_or_default()
    }

    /// Sends an anonymous request. Returns the data, and whether the whole response came from the cache.
    async fn ask_with_hit(&self, query: &str, variables: Value) -> anyhow::Result<(Value, bool)> {
        let before = self.stats();
        let seen = self.ask(&[], query, variables).await?;
        let after = self.stats();
        let hits = after.responses.hits - before.responses.hits;
        if hits == 1 {
            assert_eq!(after.entities, before.entities, "nothing is loaded for it");
        }
        Ok((seen.data()?.clone(), hits == 1))
    }

    /// Sends a query twice, and asserts that the second response comes from the cache.
    async fn warm(&self, query: &str) -> anyhow::Result<()> {
        self.ask_with_hit(query, Value::Null).await?;
        assert!(
            self.ask_with_hit(query, Value::Null).await?.1,
            "not cached: {query}"
        );
        Ok(())
    }
}

#[tokio::test]
async fn a_cached_response_is_served_until_it_is_invalidated() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        let (first, is_hit) = server.ask_with_hit(HOME, Value::Null).await?;
        assert!(!is_hit);
        // The cache treats equivalent variables alike: defaults and unknown variables do not matter.
        for variables in [
            Value::Null,
            json!({}),
            json!({"first": 5}),
            json!({"first": 5, "x": 1}),
        ] {
            let (again, _) = server.ask_with_hit(HOME, variables.clone()).await?;
            assert_eq!(again, first);
            let (again, is_hit) = server.ask_with_hit(HOME, variables).await?;
            assert!(is_hit && again == first);
        }
        let (more, is_hit) = server.ask_with_hit(HOME, json!({"first": 6})).await?;
        assert!(!is_hit && more != first);

        let newest = &first["home"]["latest"]["nodes"][0];
        let others = "{ sections { name } stories(first: 3) { nodes { title } } }";
        let english = r#"{ home(edition: "en") { latest(first: 2) { nodes { headline } } } }"#;
        server.warm(others).await?;
        server.warm(english).await?;
        let input = json!({"input": {
            "id": newest["id"], "version": newest["version"], "headline": "عنوان جديد", "note": "كان العنوان خطأ."
        }});
        let written = server.ask_by(&editor, CORRECT, input).await?;
        assert_eq!(written.data()?["correctArticle"]["userErrors"], json!([]));
        let (after, is_hit) = server.ask_with_hit(HOME, Value::Null).await?;
        assert!(!is_hit, "{}", server.db.name());
        assert_eq!(
            after["home"]["latest"]["nodes"][0]["headline"],
            "عنوان جديد"
        );
        assert!(server.ask_with_hit(others, Value::Null).await?.1);
        assert!(server.ask_with_hit(english, Value::Null).await?.1);
    }
    Ok(())
}

#[tokio::test]
async fn a_count_invalidates_only_responses_that_show_it() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let reader = server.issue("سامر", Role::Reader, None).await?;
        let cards = "{ articles(first: 30) { nodes { id headline } } }";
        let counted = "{ articles(first: 30) { nodes { headline commentCount } } }";
        let commented = "{ articles(first: 30) { nodes { comments(first: 1) { totalCount } } } }";
        for query in [cards, counted, commented] {
            server.warm(query).await?;
        }
        let (articles, _) = server.ask_with_hit(cards, Value::Null).await?;
        let post = "mutation ($input: PostCommentInput!) {
            postComment(input: $input) { comment { id } userErrors { message } } }";
        let mut posted = false;
        for article in articles["articles"]["nodes"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let input = json!({"input": {"article": article["id"], "text": "قرأت الخبر."}});
            let said = server.ask_by(&reader, post, input).await?;
            posted |= said.json["data"]["postComment"]["comment"]["id"].is_string();
            if posted {
                break;
            }
        }
        assert!(posted);
        assert!(server.ask_with_hit(cards, Value::Null).await?.1);
        assert!(!server.ask_with_hit(commented, Value::Null).await?.1);
        assert!(!server.ask_with_hit(counted, Value::Null).await?.1);
    }
    Ok(())
}

#[tokio::test]
async fn responses_are_not_shared_between_viewers() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        let draft = server
            .hidden("مسودة لا يراها القراء", Status::Draft, None)
            .await?;
        let article = "query ($slug: Slug!) { article(slug: $slug) { headline bodyText } }";
        let named = json!({"slug": draft.slug});
        for _ in 0..2 {
            let (seen, _) = server.ask_with_hit(article, named.clone()).await?;
            assert_eq!(seen["article"], Value::Null);
            let seen = server.ask_by(&editor, article, named.clone()).await?;
            assert_eq!(seen.data()?["article"]["headline"], "مسودة لا يراها القراء");
        }
        assert!(server.ask_with_hit(article, named).await?.1);
        let me = "{ viewer { name } }";
        server.warm(me).await?;
        assert_eq!(
            server.ask_by(&editor, me, Value::Null).await?.data()?["viewer"]["name"],
            "ليلى"
        );

        // A response that does not depend on the viewer is cached for everyone, whoever asked first.
        let sections = "{ sections { name articleCount } }";
        let first = server.ask_by(&editor, sections, Value::Null).await?;
        let (seen, is_hit) = server.ask_with_hit(sections, Value::Null).await?;
        assert!(is_hit && &seen == first.data()?);
        let hits = server.stats().responses.hits;
        server.ask_by(&editor, sections, Value::Null).await?;
        assert_eq!(server.stats().responses.hits, hits + 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_response_expires_when_its_content_changes_by_time() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let open = "{ articles(first: 50) { nodes { id commenting { open closesAt } } } }";
        let limit = "mutation { setEditionCommenting(input: {closesAfterDays: 30}) {
            userErrors { message } } }";
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        server.ask_by(&editor, limit, Value::Null).await?.data()?;
        server.warm(open).await?;
        let (before, _) = server.ask_with_hit(open, Value::Null).await?;
        server.set(TimeDelta::days(365));
        let (after, is_hit) = server.ask_with_hit(open, Value::Null).await?;
        assert!(!is_hit);
        let is_open = |answer: &Value| answer.to_string().contains("\"open\":true");
        assert!(is_open(&before) && !is_open(&after));

        server.set(TimeDelta::zero());
        let read = "{ home { mostRead(first: 3) { nodes { headline } } } }";
        server.warm(read).await?;
        server.set(TimeDelta::seconds(59));
        assert!(server.ask_with_hit(read, Value::Null).await?.1);
        server.set(TimeDelta::seconds(60));
        assert!(!server.ask_with_hit(read, Value::Null).await?.1);
    }
    Ok(())
}

#[tokio::test]
async fn errors_are_not_cached() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let invalid = "{ sections { name } node(id: \"?\") { id } }";
        for _ in 0..2 {
            let seen = server.ask(&[], invalid, Value::Null).await?;
            assert_eq!(seen.code(), "BAD_USER_INPUT");
        }
        let stats = server.stats();
        assert_eq!(stats.responses.hits, 0, "{stats:?}");
    }
    Ok(())
}

#[tokio::test]
async fn identical_concurrent_requests_are_executed_once() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let query =
            |number: usize| format!("{{ articles(first: {number}) {{ nodes {{ headline }} }} }}");
        // The cost of a single request.
        let before = server.stats();
        server.ask(&[], &query(7), Value::Null).await?;
        let one = server.stats().entities.misses - before.entities.misses;
        assert!(one > 0);
        let same = query(8);
        let before = server.stats();
        let all = try_join_all((0..64).map(|_| server.ask(&[], &same, Value::Null))).await?;
        for seen in &all {
            assert_eq!(seen.data()?, all[0].data()?);
        }
        let misses = server.stats().entities.misses - before.entities.misses;
        assert!(misses <= one, "{misses} for 64, {one} for one");
    }
    Ok(())
}

#[tokio::test]
async fn the_response_cache_can_be_disabled() -> anyhow::Result<()> {
    let mut settings = Settings::default();
    settings.cache.responses = false;
    for server in Server::each(&settings).await? {
        let (first, _) = server.ask_with_hit(HOME, Value::Null).await?;
        assert_eq!(
            server.ask_with_hit(HOME, Value::Null).await?,
            (first, false)
        );
    }
    Ok(())
}

#[tokio::test]
async fn server_timing_is_shown_to_writers() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let contributor = server.issue("ليلى", Role::Contributor, None).await?;
        let reader = server.issue("سامر", Role::Reader, None).await?;
        let drafts = "{ articles(first: 3) { nodes { headline bodyText } } }";
        let response = server.ask_by(&contributor, drafts, Value::Null).await?;
        let timing = response.header("server-timing");
        for part in ["admit;dur=", "run;dur=", " statements\"", "total;dur="] {
            assert!(timing.contains(part), "{timing}");
        }
        assert!(!timing.contains("\"0 statements\""), "{timing}");
        let sections = "{ sections { name } }";
        server.warm(sections).await?;
        let response = server.ask_by(&contributor, sections, Value::Null).await?;
        let timing = response.header("server-timing");
        assert!(timing.contains("desc=\"response\""), "{timing}");
        assert!(timing.contains("\"0 statements\""), "{timing}");
        let response = server.ask_by(&reader, drafts, Value::Null).await?;
        assert_eq!(response.header("server-timing"), "");
    }
    Ok(())
}

#[tokio::test]
async fn metrics_count_requests_and_cache_results() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        server.warm("query Sections { sections { name } }").await?;
        server
            .ask(&[], "query Wrong { node(id: \"?\") { id } }", Value::Null)
            .await?;
        for number in 0..300 {
            let query = format!("query Made{number} {{ sections {{ slug }} }}");
            server.ask(&[], &query, Value::Null).await?;
        }
        let url = format!("http://{}/metrics", server.address);
        let seen = server.client.get(url).send().await?;
        let media = seen.headers()["content-type"].to_str()?.to_owned();
        assert!(media.starts_with("application/openmetrics-text"), "{media}");
        let text = seen.text().await?;
        for line in [
            "khabar_request_duration_seconds_count{kind=\"query\",operation=\"(unregistered)\",cache=\"miss\"} 302",
            "khabar_request_duration_seconds_count{kind=\"query\",operation=\"(unregistered)\",cache=\"hit\"} 1",
            "khabar_errors_total{code=\"BAD_USER_INPUT\"} 1",
            "khabar_cache_hits_total{kind=\"responses\"} 1",
            "khabar_feed_lag_changes 0",
            "khabar_cache_flushed_total 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
    let settings = Settings {
        metrics: false,
        ..Settings::default()
    };
    for server in Server::each(&settings).await? {
        let url = format!("http://{}/metrics", server.address);
        assert_eq!(server.client.get(url).send().await?.status(), 404);
    }
    Ok(())
}
