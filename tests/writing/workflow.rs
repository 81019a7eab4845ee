//! The editorial workflow of an article, step by step.

use chrono::{Duration, SecondsFormat};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;
use crate::article::{draft, mutate, refused, write_at};

fn stamp(minutes: i64) -> String {
    let at = newsroom::now() + Duration::minutes(minutes);
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[tokio::test]
async fn an_article_passes_through_the_workflow() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = &draft(&fixture).await?["id"];
        let plain = || json!({"id": id});
        let status = |article: &Value| article["status"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            status(&mutate(&fixture, &fixture.editor, "submitArticle", plain()).await?),
            "REVIEW"
        );
        assert_eq!(
            status(&mutate(&fixture, &fixture.editor, "returnArticle", plain()).await?),
            "DRAFT"
        );
        let scheduled = json!({"id": id, "at": stamp(10)});
        let scheduled = mutate(&fixture, &fixture.editor, "scheduleArticle", scheduled).await?;
        assert_eq!(status(&scheduled), "SCHEDULED");
        assert_eq!(scheduled["scheduledFor"], stamp(10));
        let back = mutate(&fixture, &fixture.editor, "returnArticle", plain()).await?;
        assert_eq!(
            (status(&back).as_str(), &back["scheduledFor"]),
            ("DRAFT", &json!(null))
        );
        assert_eq!(back["publishedAt"], json!(null));

        let out = mutate(&fixture, &fixture.editor, "publishArticle", plain()).await?;
        assert_eq!(status(&out), "PUBLISHED");
        for field in ["firstPublishedAt", "publishedAt", "listedAt"] {
            assert_eq!(out[field], stamp(0), "{field}");
        }
        assert_eq!(out["updatedAt"], json!(null));

        // A correction keeps the publication time and the position in lists, and sets `updatedAt`.
        let hour = newsroom::now() + Duration::minutes(30);
        let input = json!({"id": id, "version": out["version"], "headline": "افتتاح الميناء القديم",
            "note": "صُحح اسم الميناء"});
        let payload = write_at(&fixture, &fixture.editor, hour, "correctArticle", input).await?;
        let corrected = &payload["article"];
        for field in ["firstPublishedAt", "publishedAt", "listedAt"] {
            assert_eq!(corrected[field], stamp(0), "{field}");
        }
        assert_eq!(corrected["updatedAt"], stamp(30));
        let version = corrected["version"].as_i64().unwrap_or_default();
        assert_eq!(
            corrected["corrections"],
            json!([{"note": "صُحح اسم الميناء", "version": version, "at": stamp(30)}])
        );
        let read =
            "query ($id: ID!) { article(id: $id) { headline updatedAt corrections { note } } }";
        let read = fixture
            .ask(&Who::anonymous(), read, json!({"id": id}))
            .await?;
        assert_eq!(read["article"]["corrections"][0]["note"], "صُحح اسم الميناء");

        // A silent correction is not listed in `corrections`.
        let input = json!({"id": id, "version": version, "lead": "ملخص الخبر.", "silent": true});
        let silent = mutate(&fixture, &fixture.editor, "correctArticle", input).await?;
        assert_eq!(silent["corrections"].as_array().map(Vec::len), Some(1));

        // An article that is withdrawn, reopened and published again keeps its first publication
        // time.
        let input = json!({"id": id, "reason": "خطأ في المصدر"});
        assert_eq!(
            status(&mutate(&fixture, &fixture.editor, "withdrawArticle", input).await?),
            "WITHDRAWN"
        );
        assert_eq!(
            status(&mutate(&fixture, &fixture.editor, "reopenArticle", plain()).await?),
            "DRAFT"
        );
        let hour = newsroom::now() + Duration::minutes(60);
        let payload = write_at(&fixture, &fixture.editor, hour, "publishArticle", plain()).await?;
        assert_eq!(payload["article"]["firstPublishedAt"], stamp(0));
        assert_eq!(payload["article"]["publishedAt"], stamp(60));
    }
    Ok(())
}

#[tokio::test]
async fn transitions_require_their_status() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = &draft(&fixture).await?["id"];
        let input = |id: &Value, step: &str| {
            let mut input = json!({"id": id});
            match step {
                "withdrawArticle" => input["reason"] = json!("سبب"),
                "scheduleArticle" => input["at"] = json!(stamp(5)),
                "correctArticle" | "updateArticle" => {
                    input["version"] = json!(2);
                    input["lead"] = json!("سطر");
                }
                _ => {}
            }
            input
        };
        let refuse = async |steps: &[&str]| -> anyhow::Result<()> {
            for step in steps {
                let found = refused(&fixture, &fixture.editor, step, input(id, step)).await?;
                assert_eq!(found.1, "WRONG_STATUS", "{step}");
            }
            Ok(())
        };
        refuse(&[
            "returnArticle",
            "correctArticle",
            "withdrawArticle",
            "reopenArticle",
        ])
        .await?;
        let payload = write_at(
            &fixture,
            &fixture.editor,
            newsroom::now(),
            "reopenArticle",
            json!({"id": id}),
        )
        .await?;
        assert_eq!(
            payload["userErrors"][0]["message"],
            "The article has the status `draft`, which does not allow the step `reopen`."
        );
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": id}),
        )
        .await?;
        refuse(&[
            "submitArticle",
            "returnArticle",
            "scheduleArticle",
            "publishArticle",
            "updateArticle",
            "reopenArticle",
        ])
        .await?;
        mutate(
            &fixture,
            &fixture.editor,
            "withdrawArticle",
            json!({"id": id, "reason": "سبب"}),
        )
        .await?;
        refuse(&[
            "publishArticle",
            "correctArticle",
            "withdrawArticle",
            "updateArticle",
        ])
        .await?;
        let unknown = json!({"id": "AQAAAAAAAAAAAAAAAAAAAAc"});
        assert_eq!(
            refused(&fixture, &fixture.editor, "submitArticle", unknown)
                .await?
                .1,
            "NOT_FOUND"
        );
        let other = json!({"id": "BwAAAAAAAAAAAAAAAAAAAAc"});
        assert_eq!(
            refused(&fixture, &fixture.editor, "submitArticle", other)
                .await?
                .1,
            "INVALID"
        );
    }
    Ok(())
}

#[tokio::test]
async fn publication_times_must_be_in_the_near_future() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = &draft(&fixture).await?["id"];
        let (past, far) = (stamp(-1), stamp(60 * 24 * 366 * 11));
        for (step, input, field) in [
            ("scheduleArticle", json!({"at": past}), "at"),
            ("scheduleArticle", json!({"at": far}), "at"),
            ("publishArticle", json!({"at": past}), "at"),
            ("publishArticle", json!({"at": far}), "at"),
            ("publishArticle", json!({"embargo": past}), "embargo"),
            ("publishArticle", json!({"embargo": far}), "embargo"),
            (
                "publishArticle",
                json!({"embargo": stamp(20), "at": stamp(10)}),
                "at",
            ),
        ] {
            let mut input = input;
            input["id"] = id.clone();
            let found = refused(&fixture, &fixture.editor, step, input.clone()).await?;
            assert_eq!(
                found,
                (field.to_owned(), "INVALID".to_owned()),
                "{step} {input}"
            );
        }
        // Under an embargo a published article stays scheduled until the embargo ends or is lifted.
        let input = json!({"id": id, "embargo": stamp(20)});
        let waiting = mutate(&fixture, &fixture.editor, "publishArticle", input).await?;
        assert_eq!(waiting["status"], "SCHEDULED");
        assert_eq!(
            (&waiting["scheduledFor"], &waiting["embargoUntil"]),
            (&json!(stamp(20)), &json!(stamp(20)))
        );
        let early = json!({"id": id, "at": stamp(10)});
        assert_eq!(
            refused(&fixture, &fixture.editor, "scheduleArticle", early)
                .await?
                .0,
            "at"
        );
        let still = mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": id}),
        )
        .await?;
        assert_eq!(still["status"], "SCHEDULED");
        let input = json!({"id": id, "embargo": null});
        let out = mutate(&fixture, &fixture.editor, "publishArticle", input).await?;
        assert_eq!(out["status"], "PUBLISHED");
        assert_eq!(out["embargoUntil"], json!(null));
    }
    Ok(())
}

#[tokio::test]
async fn a_correction_has_a_note_and_a_diff() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = &draft(&fixture).await?["id"];
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": id}),
        )
        .await?;
        let cases = [
            (json!({"lead": "سطر"}), "note"),
            (json!({"lead": "سطر", "note": " "}), "note"),
            (json!({"lead": "سطر", "note": "a\u{202e}b"}), "note"),
            (json!({"lead": "سطر", "note": "ن".repeat(4_001)}), "note"),
            // A correction must change something.
            (json!({"note": "تصحيح"}), ""),
        ];
        for (mut input, field) in cases {
            input["id"] = id.clone();
            input["version"] = json!(2);
            let found = refused(&fixture, &fixture.editor, "correctArticle", input).await?;
            assert_eq!(found, (field.to_owned(), "INVALID".to_owned()));
        }
        for reason in [" ".to_owned(), "س".repeat(301), "a\u{202e}b".to_owned()] {
            let input = json!({"id": id, "reason": reason});
            let found = refused(&fixture, &fixture.editor, "withdrawArticle", input).await?;
            assert_eq!(found, ("reason".to_owned(), "INVALID".to_owned()));
        }
        // Only a media flag changes, not the text, so `updatedAt` is not set.
        let input = json!({"id": id, "version": 2, "hasPhotos": true, "silent": true});
        let out = mutate(&fixture, &fixture.editor, "correctArticle", input).await?;
        assert_eq!(
            (&out["version"], &out["updatedAt"]),
            (&json!(3), &json!(null))
        );
    }
    Ok(())
}
