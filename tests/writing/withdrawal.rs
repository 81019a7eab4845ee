//! Withdrawn articles: every lookup returns the tombstone and none of the article's text.

use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;
use crate::article::{mutate, shelf};

/// A word contained in every text of the article.
const MARK: &str = "زعفران";

const EVERYTHING: &str = "fragment A on Article { __typename id slug canonicalUrl kind status isStub headline lead
    excerpt hero { id } body { __typename } bodyHtml bodyText source { id } authors { id } section { id }
    topics { id } stories { id } related { totalCount nodes { id } } comments { totalCount nodes { id } }
    commentCount hasPhotos hasVideo hasAudio updatedAt readingMinutes corrections { note }
    withdrawal { at reason } }";

#[tokio::test]
async fn every_path_shows_the_tombstone() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let (editor, shelf) = (&fixture.editor, shelf(&fixture).await?);
        let contributor = fixture.app.who("نور", Role::Contributor).await?;
        let text = |more: &str| format!("{MARK} {more}");
        let input = json!({"headline": text("في الأسواق"), "slug": "أسواق", "lead": text("ملخص"),
            "canonicalUrl": "https://khabar.example/withdrawn", "hero": shelf["boats"]["hero"]["id"],
            "hasPhotos": true, "hasVideo": true, "hasAudio": true, "source": shelf["fish"]["source"]["id"],
            "section": shelf["fish"]["section"]["id"], "topics": [shelf["fish"]["topics"][0]["id"]],
            "authors": [shelf["boats"]["authors"][0]["id"]], "stories": [shelf["bridge"]["stories"][0]["id"]],
            "body": [{"paragraph": {"text": text("فقرة")}}]});
        let id = &mutate(&fixture, &contributor, "createArticle", input).await?["id"];
        mutate(&fixture, editor, "publishArticle", json!({"id": id})).await?;
        let input = json!({"id": id, "version": 2, "slug": "السوق", "note": text("صُحح")});
        mutate(&fixture, editor, "correctArticle", input).await?;
        let chosen = json!({"id": id, "articles": [shelf["fish"]["id"]]});
        mutate(&fixture, editor, "setRelated", chosen).await?;
        let links = json!({"id": shelf["fish"]["id"], "articles": [id]});
        mutate(&fixture, editor, "setRelated", links).await?;
        mutate(
            &fixture,
            editor,
            "withdrawArticle",
            json!({"id": id, "reason": "  خطأ في المصدر "}),
        )
        .await?;

        let document = format!(
            "query ($id: ID!) {{ id: article(id: $id) {{ ...A }} slug: article(slug: \"السوق\") {{ ...A }}
                former: article(slug: \"أسواق\") {{ ...A }}
                url: article(url: \"https://khabar.example/withdrawn\") {{ ...A }}
                node(id: $id) {{ ...A }} nodes(ids: [$id]) {{ ...A }} }} {EVERYTHING}"
        );
        let at = newsroom::now().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        // The slug does not reveal the subject of the article either.
        let named = "query ($id: ID!) { article(id: $id) { slug } }";
        let mut named = fixture
            .ask(&Who::anonymous(), named, json!({ "id": id }))
            .await?;
        let slug = named["article"]["slug"].take();
        assert!(slug.as_str().is_some_and(str::is_ascii), "{slug}");
        let stone = json!({"__typename": "Article", "id": id, "slug": slug, "canonicalUrl": null, "kind": "NEWS", "status": "WITHDRAWN",
            "isStub": false, "headline": "خطأ في المصدر", "lead": null, "excerpt": "", "hero": null,
            "body": [], "bodyHtml": "", "bodyText": "", "source": null, "authors": [], "section": null,
            "topics": [], "stories": [], "related": {"totalCount": 0, "nodes": []},
            "comments": {"totalCount": 0, "nodes": []}, "commentCount": 0, "hasPhotos": false,
            "hasVideo": false, "hasAudio": false, "updatedAt": at, "readingMinutes": 0, "corrections": [],
            "withdrawal": {"at": at, "reason": "خطأ في المصدر"}});
        let reader = fixture.app.who("قارئ", Role::Reader).await?;
        for who in [&Who::anonymous(), &reader, &contributor] {
            let found = fixture.ask(who, &document, json!({"id": id})).await?;
            for path in ["id", "slug", "former", "url", "node"] {
                assert_eq!(found[path], stone, "{path} as {}", who.name);
            }
            assert_eq!(found["nodes"], json!([stone]));
            assert!(!found.to_string().contains(MARK), "{}", who.name);
        }
        // Editors see the article behind the tombstone. Lists omit it for everybody.
        let found = fixture.ask(editor, &document, json!({"id": id})).await?;
        assert_eq!(found["id"]["headline"], text("في الأسواق"));
        assert_eq!(found["id"]["topics"].as_array().map(Vec::len), Some(1));
        assert_eq!(found["id"]["withdrawal"]["reason"], "خطأ في المصدر");
        let lists = "query ($fish: ID!) { articles(first: 100) { nodes { id } }
            home { latest(first: 100) { nodes { id } } mostRead(first: 100) { nodes { id } } }
            article(id: $fish) { related { nodes { id } } section { articles(first: 100) { nodes { id } } } } }";
        for who in [&Who::anonymous(), &contributor, editor] {
            let found = fixture
                .ask(who, lists, json!({"fish": shelf["fish"]["id"]}))
                .await?;
            let id = id.as_str().unwrap_or("none");
            assert!(!found.to_string().contains(id), "{}", who.name);
        }
        // The unpublished articles of the contributor include the tombstone, too.
        let mine = fixture
            .ask(
                &contributor,
                "{ unpublishedArticles { nodes { id headline } } }",
                json!({}),
            )
            .await?;
        assert_eq!(
            mine["unpublishedArticles"]["nodes"],
            json!([{"id": id, "headline": "خطأ في المصدر"}])
        );

        // Reopened, the article is a draft, which is invisible to anonymous readers.
        mutate(&fixture, editor, "reopenArticle", json!({"id": id})).await?;
        let found = fixture
            .ask(&Who::anonymous(), &document, json!({"id": id}))
            .await?;
        for path in ["id", "slug", "former", "url", "node"] {
            assert_eq!(found[path], Value::Null, "{path}");
        }
    }
    Ok(())
}
