//! Invalid input of article mutations: each error names its field.

use serde_json::json;

use super::{mutate, mutation, refused, shelf};
use crate::Fixture;

#[expect(clippy::too_many_lines, reason = "a list of cases, one after another")]
#[tokio::test]
async fn invalid_input_names_its_field() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let shelf = shelf(&fixture).await?;
        let (picture, film) = (&shelf["boats"]["hero"]["id"], &shelf["race"]["hero"]["id"]);
        let author = &shelf["boats"]["authors"][0]["id"];
        let taken = json!({"headline": "خبر", "canonicalUrl": "https://khabar.example/taken"});
        mutate(&fixture, &fixture.editor, "createArticle", taken).await?;
        let unknown = "BwAAAAAAAAAAAAAAAAAAAAc";
        let cases = [
            (json!({"headline": " "}), "headline", "INVALID"),
            (json!({"headline": "خ".repeat(301)}), "headline", "INVALID"),
            (json!({"headline": "a\u{202e}b"}), "headline", "INVALID"),
            (json!({"headline": "a\u{7}b"}), "headline", "INVALID"),
            (json!({"headline": "؟!"}), "slug", "INVALID"),
            (json!({"lead": "خ".repeat(4_001)}), "lead", "INVALID"),
            (json!({"lead": "a\u{2066}b"}), "lead", "INVALID"),
            (json!({"edition": "xx"}), "edition", "NOT_FOUND"),
            (
                json!({"canonicalUrl": "https://khabar.example/taken"}),
                "canonicalUrl",
                "TAKEN",
            ),
            (
                json!({"slug": "سباق-القوارب-يجمع-ثلاث-قرى"}),
                "slug",
                "TAKEN",
            ),
            (json!({"hero": author}), "hero", "INVALID"),
            (json!({"hero": "nonsense"}), "hero", "INVALID"),
            (
                json!({"hero": "BgAAAAAAAAAAAAAAAAAAAAc"}),
                "hero",
                "NOT_FOUND",
            ),
            (
                json!({"authors": [author, unknown]}),
                "authors.1",
                "NOT_FOUND",
            ),
            (json!({"authors": [author, author]}), "authors.1", "INVALID"),
            (json!({"authors": vec![author; 101]}), "authors", "INVALID"),
            (json!({"topics": [author]}), "topics.0", "INVALID"),
            (
                json!({"section": shelf["fish"]["source"]["id"]}),
                "section",
                "INVALID",
            ),
            // Objects of another edition are not found.
            (
                json!({"edition": "en", "section": shelf["fish"]["section"]["id"]}),
                "section",
                "NOT_FOUND",
            ),
            (
                json!({"body": [{"paragraph": {"text": " "}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"paragraph": {"text": "خ".repeat(20_001)}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"paragraph": {"runs": []}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"heading": {"text": "خ", "level": 1}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"heading": {"text": "خ", "level": -1}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"embed": {"provider": "موقع", "url": "/e", "title": "a\u{202e}b"}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"table": {"rows": [["a"], []]}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"paragraph": {"text": "خ"}}, {"image": {"image": film}}]}),
                "body.1",
                "NOT_FOUND",
            ),
            (
                json!({"body": [{"video": {"video": picture}}]}),
                "body.0",
                "NOT_FOUND",
            ),
            (
                json!({"body": [{"image": {"image": author}}]}),
                "body.0",
                "INVALID",
            ),
        ];
        for (part, field, code) in cases {
            let mut input = json!({"headline": "خبر"});
            for (name, value) in part.as_object().into_iter().flatten() {
                input[name] = value.clone();
            }
            let found = refused(&fixture, &fixture.editor, "createArticle", input).await?;
            assert_eq!(found, (field.to_owned(), code.to_owned()), "{part}");
        }
        // Input that does not match its type is rejected before the mutation runs.
        for part in [
            json!({"canonicalUrl": "javascript:alert(1)"}),
            json!({"slug": "a b"}),
            json!({"body": [{"paragraph": {"text": "a"}, "image": {"image": picture}}]}),
        ] {
            let mut input = json!({"headline": "خبر"});
            for (name, value) in part.as_object().into_iter().flatten() {
                input[name] = value.clone();
            }
            let code = fixture
                .refused(&fixture.editor, &mutation("createArticle"), input)
                .await?;
            assert!(
                ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code.as_str()),
                "{part}: {code}"
            );
        }
        // Refused input leaves nothing behind.
        let read = "{ unpublishedArticles { totalCount nodes { headline } } }";
        let found = fixture.ask(&fixture.editor, read, json!({})).await?;
        let drafts = found["unpublishedArticles"]["nodes"]
            .as_array()
            .into_iter()
            .flatten();
        assert_eq!(drafts.filter(|draft| draft["headline"] == "خبر").count(), 1);
    }
    Ok(())
}
