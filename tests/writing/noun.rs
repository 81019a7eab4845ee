//! Mutations of topics, people and sources: the behaviour they share and the fields specific to
//! each.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use crate::Fixture;
use crate::invariants::{key, mutation};

/// One of the three kinds: its name, the fields to read, an input that sets its fields, and an
/// input that clears the optional ones.
struct Case {
    noun: &'static str,
    read: &'static str,
    whole: Value,
    cleared: Value,
    /// The slug of another object of the kind.
    taken: &'static str,
    unknown: &'static str,
}

fn cases() -> [Case; 3] {
    [
        Case {
            noun: "topic",
            read: "id slug name formerSlugs kind summary mediaTopic articleCount",
            whole: json!({"name": "ري الحقول", "kind": "PLACE", "summary": "ماء وقنوات",
                "mediaTopic": "04000000"}),
            cleared: json!({"summary": null, "mediaTopic": null}),
            taken: "اقتصاد",
            unknown: "CwAAAAAAAAAAAAAAAAAAAAc",
        },
        Case {
            noun: "person",
            read: "id slug name formerSlugs role biography portrait { alt } articleCount",
            whole: json!({"name": "هالة السعدي", "role": "مراسلة", "biography": "تكتب عن المرافئ."}),
            cleared: json!({"role": null, "biography": null, "portrait": null}),
            taken: "كريم-الشامي",
            unknown: "BwAAAAAAAAAAAAAAAAAAAAc",
        },
        Case {
            noun: "source",
            read: "id slug name formerSlugs kind url articleCount",
            whole: json!({"name": "وكالة الساحل", "kind": "AGENCY", "url": "https://coast.example/"}),
            cleared: json!({"kind": null, "url": null}),
            taken: "إذاعة-النهر",
            unknown: "CQAAAAAAAAAAAAAAAAAAAAc",
        },
    ]
}

fn capital(noun: &str) -> String {
    format!("{}{}", noun[..1].to_uppercase(), &noun[1..])
}

#[tokio::test]
async fn each_noun_is_created_updated_and_read_back() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        for case in cases() {
            let noun = case.noun;
            let payload = format!("{noun} {{ {} }}", case.read);
            let create = mutation(&format!("create{}", capital(noun)), &payload);
            let update = mutation(&format!("update{}", capital(noun)), &payload);
            let made = fixture.mutate(&create, case.whole.clone()).await?[noun].take();
            for (field, value) in case.whole.as_object().into_iter().flatten() {
                let value = if field == "mediaTopic" {
                    json!("medtop:04000000")
                } else {
                    value.clone()
                };
                assert_eq!(made[field], value, "{made}");
            }
            let id = made["id"].clone();
            let slug = made["slug"].as_str().unwrap_or_default().to_owned();
            assert_eq!(fixture.id(noun, &slug).await?, id);
            // An identical input creates another object, with a numbered slug.
            let again = fixture.mutate(&create, case.whole.clone()).await?;
            assert_eq!(again[noun]["slug"], format!("{slug}-2"));
            // Omitted fields are unchanged.
            let seq = fixture.seq().await?;
            let patched = fixture
                .mutate(&update, json!({"id": id, "name": "اسم جديد"}))
                .await?;
            let mut expected = made.clone();
            expected["name"] = json!("اسم جديد");
            assert_eq!(patched[noun], expected);
            let (acts, keys) = fixture.changes(seq).await?;
            assert_eq!(acts, [format!("{noun} changed")]);
            assert!(keys.contains(&key(noun, &id)?), "{keys:?}");
            // Null clears a field.
            let mut input = case.cleared.clone();
            input["id"] = id.clone();
            let cleared = fixture.mutate(&update, input).await?[noun].take();
            for (field, _) in case.cleared.as_object().into_iter().flatten() {
                assert_eq!(cleared[field], json!(null), "{cleared}");
            }
            // A chain of former slugs, all of which resolve to this object.
            for slug in ["اسم-ثان", "اسم-ثالث"] {
                fixture
                    .mutate(&update, json!({"id": id, "slug": slug}))
                    .await?;
            }
            let redirected = json!({"slug": "اسم-ثالث", "formerSlugs": ["اسم-ثان", slug]});
            for asked in [&slug, "اسم-ثان", "اسم-ثالث"] {
                let mut found = fixture.find_slugs(noun, asked).await?;
                if let Some(former) = found["formerSlugs"].as_array_mut() {
                    former.sort_by_key(|slug| slug.as_str().map(|slug| !slug.starts_with("اسم")));
                }
                assert_eq!(found, redirected, "{asked}");
            }
            // Another object takes one of the former slugs.
            let mut other = case.whole.clone();
            other["slug"] = json!("اسم-ثان");
            fixture.mutate(&create, other).await?;
            assert_eq!(
                fixture.find_slugs(noun, "اسم-ثان").await?["formerSlugs"],
                json!([])
            );
            assert_eq!(fixture.find_slugs(noun, &slug).await?["slug"], "اسم-ثالث");
        }
    }
    Ok(())
}

#[tokio::test]
async fn errors_name_their_fields() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let writer = fixture.app.who("نور", Role::Contributor).await?;
        for case in cases() {
            let noun = case.noun;
            let payload = format!("{noun} {{ id }}");
            let create = mutation(&format!("create{}", capital(noun)), &payload);
            let update = mutation(&format!("update{}", capital(noun)), &payload);
            let id = fixture.id(noun, case.taken).await?;
            for (input, user_error_of) in [
                (json!({"name": " "}), "INVALID name"),
                (json!({"name": "…"}), "INVALID slug"),
                (json!({"name": "أ".repeat(201)}), "INVALID name"),
                (json!({"name": "اسم\u{202e}مقلوب"}), "INVALID name"),
                (json!({"name": "اسم\u{7}"}), "INVALID name"),
                (json!({"name": "اسم", "slug": case.taken}), "TAKEN slug"),
                (json!({"name": "اسم", "edition": "xx"}), "NOT_FOUND edition"),
            ] {
                assert_eq!(
                    fixture.user_error_of(&create, input.clone()).await?,
                    user_error_of,
                    "{noun} {input}"
                );
            }
            for (invalid_id, user_error_of) in [
                (case.unknown, "NOT_FOUND id"),
                ("AQAAAAAAAAAAAAAAAAAAAAc", "INVALID id"),
                ("nonsense", "INVALID id"),
            ] {
                let found = fixture
                    .user_error_of(&update, json!({"id": invalid_id, "name": "اسم"}))
                    .await?;
                assert_eq!(found, user_error_of, "{noun}");
            }
            let special = match noun {
                "topic" => vec![
                    (json!({"mediaTopic": "4"}), "INVALID mediaTopic"),
                    (json!({"summary": "أ\u{0}"}), "INVALID summary"),
                ],
                "person" => vec![
                    (
                        json!({"portrait": "BgAAAAAAAAAAAAAAAAAAAAc"}),
                        "NOT_FOUND portrait",
                    ),
                    (json!({"portrait": id}), "INVALID portrait"),
                    (json!({"biography": "أ".repeat(4_001)}), "INVALID biography"),
                ],
                _ => vec![
                    (json!({"url": "javascript:alert(1)"}), "INVALID url"),
                    (json!({"url": "//evil.example"}), "INVALID url"),
                    (json!({"url": "coast.example"}), "INVALID url"),
                    (
                        json!({"url": format!("https://coast.example/{}", "x".repeat(2_000))}),
                        "INVALID url",
                    ),
                ],
            };
            for (mut input, user_error_of) in special {
                input["name"] = json!("اسم");
                assert_eq!(
                    fixture.user_error_of(&create, input.clone()).await?,
                    user_error_of,
                    "{noun} {input}"
                );
                input["id"] = id.clone();
                assert_eq!(
                    fixture.user_error_of(&update, input.clone()).await?,
                    user_error_of,
                    "{noun} {input}"
                );
            }
            let input = json!({"name": "اسم"});
            assert_eq!(
                fixture.refused(&writer, &create, input.clone()).await?,
                "FORBIDDEN"
            );
            let input_of = json!({"id": id});
            assert_eq!(
                fixture.refused(&writer, &update, input_of).await?,
                "FORBIDDEN"
            );
            assert_eq!(
                fixture.refused(&Who::anonymous(), &create, input).await?,
                "UNAUTHENTICATED"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_patches_of_different_fields_are_both_applied() -> anyhow::Result<()> {
    let update = mutation("updateTopic", "topic { id }");
    for fixture in Fixture::each().await? {
        let id = fixture.id("topic", "اقتصاد").await?;
        for round in 0..4 {
            let (name, summary) = (format!("اقتصاد {round}"), format!("عن المال {round}"));
            let patches = [
                json!({"id": id, "name": name}),
                json!({"id": id, "summary": summary}),
            ];
            let writes = patches.map(|input| fixture.mutate(&update, input));
            futures::future::try_join_all(writes).await?;
            let read = "{ topic(slug: \"اقتصاد\") { name summary } }";
            let found = fixture.ask(&Who::anonymous(), read, json!({})).await?;
            assert_eq!(found["topic"], json!({"name": name, "summary": summary}));
        }
    }
    Ok(())
}
