//! Tests of archives: a newsroom is identical after being moved to another database, and an archive
//! with any error stores nothing.

use anyhow::{Context as _, bail, ensure};
use chrono::Duration;
use khabar_domain::editorial::Withdrawal;
use khabar_domain::workflow::Transition;
use khabar_domain::{EditorialState, Role, Slug};
use khabar_persistence::archive::{self, Counts, Error};
use khabar_persistence::change::{EntityKind, Operation};
use khabar_persistence::trusted_document::{self, TrustedDocument};
use khabar_persistence::{Author, Db, article, correction, editorial, revision, slug, story};
use khabar_tests::harness::{MAX_WAIT, Newsroom, TestApp, TestDb, builders, newsroom};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::soak::all;
use crate::{newsroom_check, open, write};

/// Creates a newsroom with rows in every table of the archive.
async fn full(db: TestDb) -> anyhow::Result<TestApp> {
    let small = Newsroom::small()?;
    small.save(db.db()).await?;
    Newsroom::of_editions(2)?.save(db.db()).await?;
    let app = TestApp::new(db)?;
    let editor = app.who("ليلى", Role::Editor).await?;
    let mut writer = app.db().db().writer(newsroom::now()).await?;
    for manuscript in &small.manuscripts {
        let mut manuscript = manuscript.clone();
        let id = manuscript.article.id;
        revision::add(
            &writer,
            &manuscript,
            Transition::Save,
            Some("كما وردت".to_owned()),
        )
        .await?;
        let former = manuscript.article.slug.clone();
        manuscript.article.version += 1;
        manuscript.article.slug = Slug::parse(&format!("{}-جديد", former.as_str()))?;
        article::save(&mut writer, &manuscript).await?;
        let edition = manuscript.article.edition;
        let now = &manuscript.article.slug;
        slug::record_change(
            &writer,
            edition,
            EntityKind::Article,
            Some(&former),
            now,
            id.uuid(),
        )
        .await?;
        revision::add(&writer, &manuscript, Transition::Correct, None).await?;
        correction::add(&writer, id, manuscript.article.version, "صُحّح الرابط").await?;
        let state = EditorialState {
            created_by: editor.viewer.account,
            scheduled_for: Some(newsroom::now() + Duration::microseconds(1_234_567)),
            embargo_until: None,
            withdrawal: Some(Withdrawal {
                at: newsroom::now(),
                reason: "سطر\nوسطر \"بين\" علامتين".to_owned(),
            }),
        };
        editorial::save(&writer, id, &state).await?;
    }
    let (goes_on, _) = small.stories.first().context("no story")?;
    let edition = small.editions.iter().find(|one| one.id == goes_on.edition);
    let merged = builders::story(edition.context("no edition")?, "قصة تمضي في أخرى")?;
    story::save(&mut writer, &merged).await?;
    story::merge(&mut writer, &merged, goes_on).await?;
    let document = TrustedDocument::new("a1", "query A {\n  editions { slug }\n}")?;
    trusted_document::register(&mut writer, &[document]).await?;
    writer.commit().await?;
    let now = newsroom::now();
    let reads = "{ comments(status: APPROVED, first: 1) { nodes { id } } }";
    let read = app
        .ask_as(&editor, now, reads, &Value::Null)
        .await?
        .value()?;
    let comment = &read["data"]["comments"]["nodes"][0]["id"];
    let writes = format!(
        "mutation {{ reportComment(input: {{id: {comment}, reason: \"إعلان\"}}) {{ userErrors {{ code }} }} \
         setEditionCommenting(input: {{closesAfterDays: 30}}) {{ userErrors {{ code }} }} }}"
    );
    let written = app
        .ask_as(&editor, now, &writes, &Value::Null)
        .await?
        .value()?;
    ensure!(
        written["errors"].is_null() && !written.to_string().contains("code"),
        "{written}"
    );
    Ok(app)
}

async fn exported(db: &Db) -> anyhow::Result<String> {
    let mut text = Vec::new();
    archive::export(db, &mut text).await?;
    Ok(String::from_utf8(text)?)
}

async fn restore(db: &Db, text: &str) -> Result<Counts, Error> {
    let writer = db.writer(newsroom::now()).await?;
    archive::restore(writer.signed(Author::command("restore")), text.as_bytes()).await
}

const HOME: &str = "{ editions { slug articleCount } sections { name } home { leadArticles { slug } \
    latest(first: 20) { totalCount nodes { headline commentCount authors { name } \
    related(first: 5) { edges { node { slug } score } } comments(first: 5) { nodes { text } } } } } }";

#[tokio::test]
async fn an_archive_is_equal_on_both_databases() -> anyhow::Result<()> {
    let origin = full(TestDb::sqlite().await?).await?;
    let text = exported(origin.db().db()).await?;
    let head = text.lines().next().context("an empty archive")?;
    ensure!(!head.contains(":0"), "a table is not tried: {head}");
    let response = origin.ask(HOME).await?.json;
    ensure!(!response.contains("errors"), "{response}");

    // From SQLite to PostgreSQL and back to SQLite.
    let stations = [TestDb::postgres().await?, Some(TestDb::sqlite().await?)];
    let mut carried = text.clone();
    for station in stations.into_iter().flatten() {
        let counts = restore(station.db(), &carried).await?;
        ensure!(counts.values().all(|count| *count > 0), "{counts:?}");
        carried = exported(station.db()).await?;
        ensure!(carried == text, "on {} it is another", station.name());
        newsroom_check::check(station.db()).await?;
        // The feed reports every object as added.
        let changes: Vec<_> = all(station.db()).await?;
        let operations = changes.iter().map(|change| Some(change.write()?.operation));
        ensure!(
            operations
                .into_iter()
                .all(|one| one == Some(Operation::Added))
        );
        let app = TestApp::new(station)?;
        assert_eq!(app.ask(HOME).await?.json, response);
        // The restored newsroom accepts new writes.
        write(app.db().db(), newsroom::now(), "agency").await?;
    }
    Ok(())
}

#[tokio::test]
async fn restore_requires_an_empty_database() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        open(test.db()).await?;
        let text = exported(test.db()).await?;
        let refused = restore(test.db(), &text).await;
        ensure!(
            matches!(refused, Err(Error::NotEmpty { table: "edition" })),
            "{refused:?}"
        );
        assert_eq!(exported(test.db()).await?, text);
    }
    Ok(())
}

fn joined(lines: &[String]) -> String {
    let whole = |text: String, line: &String| text + line + "\n";
    lines.iter().fold(String::new(), whole)
}

/// Builds an archive from these lines with a recomputed checksum.
fn with_checksum(lines: &[String]) -> anyhow::Result<String> {
    let (end, rest) = lines.split_last().context("no lines")?;
    let rest = joined(rest);
    let digest = Sha256::digest(&rest);
    let digest = digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let (before, _) = end.split_once("\"sha256\":\"").context("no seal")?;
    Ok(format!("{rest}{before}\"sha256\":\"{digest}\"}}}}\n"))
}

/// Version 1 used other names for a table and some columns.
#[tokio::test]
async fn an_archive_of_version_1_is_restored() -> anyhow::Result<()> {
    let origin = full(TestDb::sqlite().await?).await?;
    let text = exported(origin.db().db()).await?;
    let former = text
        .replacen("\"version\":2", "\"version\":1", 1)
        .replace("\"article_editorial\":", "\"article_desk\":")
        .replace("\"direct\":", "\"own\":")
        .replace("\"guest_comments_allowed\":", "\"names_allowed\":")
        .replace("\"entity\":", "\"noun\":");
    let former: Vec<_> = former.lines().map(str::to_owned).collect();
    for test in TestDb::each().await? {
        restore(test.db(), &with_checksum(&former)?).await?;
        assert_eq!(exported(test.db()).await?, text);
    }
    Ok(())
}

#[tokio::test]
async fn a_truncated_archive_is_rejected() -> anyhow::Result<()> {
    let origin = TestDb::sqlite().await?;
    open(origin.db()).await?;
    let text = exported(origin.db()).await?;
    for test in TestDb::each().await? {
        let nothing = exported(test.db()).await?;
        let ends = text.match_indices('\n').flat_map(|(at, _)| [at, at + 1]);
        for end in [0, 1]
            .into_iter()
            .chain(ends)
            .filter(|end| *end < text.len())
        {
            let refused = restore(test.db(), &text[..end]).await;
            ensure!(
                matches!(refused, Err(Error::Cut { .. })),
                "at {end}: {refused:?}"
            );
        }
        assert_eq!(exported(test.db()).await?, nothing);
        restore(test.db(), &text).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_error_names_its_line() -> anyhow::Result<()> {
    let origin = TestDb::sqlite().await?;
    open(origin.db()).await?;
    write(origin.db(), newsroom::now(), "agency").await?;
    let text = exported(origin.db()).await?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The header, an edition, a source, and the end line.
    ensure!(lines.len() == 4, "{text}");
    assert_eq!(with_checksum(&lines)?, text);
    let id = "\"slug\":\"agency\"";
    for (line, from, to, problem) in [
        (1, "\"version\":2", "\"version\":3", "has the version 3"),
        (1, "khabar", "other", "is not the first of an archive"),
        (
            1,
            "\"account\":0,",
            "",
            "does not count the kind \"account\"",
        ),
        (
            1,
            "\"account\":0",
            "\"account\":0,\"poem\":1",
            "counts a kind that is not known: \"poem\"",
        ),
        (1, "\"source\":1", "\"source\":2", "the first line counts 2"),
        (
            2,
            "{\"edition\"",
            "{\"poem\"",
            "has a kind that is not known: \"poem\"",
        ),
        (2, "{\"edition\"", "[\"edition\"", "is not a JSON object"),
        (
            2,
            "{\"edition\"",
            "{\"a\":1,\"edition\"",
            "does not have one kind",
        ),
        (
            2,
            "\"article_count\":0",
            "\"article_count\":\"0\"",
            "a whole number of 64 bits in the field \"article_count\"",
        ),
        (
            3,
            id,
            "\"slug\":\"agency\",\"colour\":\"red\"",
            "a field that source does not have: \"colour\"",
        ),
        (
            3,
            "\"slug\":\"agency\",",
            "",
            "lacks the field \"slug\" of source",
        ),
        (3, id, "\"slug\":null", "lacks the field \"slug\" of source"),
        (
            3,
            "{\"source\"",
            "{\"account\"",
            "has a kind out of order: account after edition",
        ),
        (3, "\"id\":\"", "\"id\":\"x", "should have an id"),
        (4, "\"source\":1", "\"source\":3", "the last line counts 3"),
        (
            4,
            "{\"end\":{",
            "{\"end\":{\"more\":1,",
            "cannot be understood",
        ),
    ] {
        let mut changed = lines.clone();
        let there = &mut changed[line - 1];
        ensure!(there.contains(from), "{there} lacks {from}");
        *there = there.replacen(from, to, 1);
        refused(&with_checksum(&changed)?, problem, line).await?;
    }
    let mut altered = lines.clone();
    altered[2] = altered[2].replacen("agency", "agencY", 1);
    let altered = joined(&altered);
    refused(&altered, "seals other lines than these", 4).await?;
    refused(&format!("{text}\n"), "stands after the end", 5).await
}

async fn refused(text: &str, problem: &str, line: usize) -> anyhow::Result<()> {
    let test = TestDb::sqlite().await?;
    let nothing = exported(test.db()).await?;
    let said = match restore(test.db(), text).await {
        Ok(_) => bail!("it was restored in spite of {problem:?}"),
        Err(error) => error.to_string(),
    };
    // If counts disagree, the error may name the last line instead.
    let lines = [line, 4].map(|line| format!("line {line} of the archive "));
    ensure!(lines.iter().any(|line| said.starts_with(line)), "{said}");
    ensure!(said.contains(problem), "{said} instead of {problem}");
    ensure!(
        exported(test.db()).await? == nothing,
        "{problem}: something is stored"
    );
    Ok(())
}

#[tokio::test]
async fn constraint_violations_name_their_lines() -> anyhow::Result<()> {
    let origin = TestDb::sqlite().await?;
    open(origin.db()).await?;
    let text = exported(origin.db()).await?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut sideways = lines.clone();
    sideways[1] = sideways[1].replacen("\"rtl\"", "\"up\"", 1);
    for test in TestDb::each().await? {
        let refused = restore(test.db(), &with_checksum(&sideways)?).await;
        let named = matches!(
            refused,
            Err(Error::Lines {
                first: 2,
                last: 2,
                ..
            })
        );
        ensure!(named, "{refused:?}");
    }
    Ok(())
}

/// Returns the rows of this kind, each with the index of its line.
fn rows(lines: &[String], kind: &str) -> anyhow::Result<Vec<(usize, Value)>> {
    let mut rows = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let mut line: Value = serde_json::from_str(line)?;
        let row = line[kind].take();
        if row["id"].is_string() {
            rows.push((place, row));
        }
    }
    Ok(rows)
}

/// Returns a root row and one of its children.
fn pair(rows: &[(usize, Value)]) -> anyhow::Result<[(usize, Value); 2]> {
    let below = |above: &Value| rows.iter().find(|(_, row)| row["parent_id"] == above["id"]);
    let mut pairs = rows.iter().filter(|(_, row)| row["parent_id"].is_null());
    let pair = pairs.find_map(|above| Some([above.clone(), below(&above.1)?.clone()]));
    pair.context("nothing has a parent")
}

/// Rows that must form a tree but do not are refused by id, and nothing is stored.
#[tokio::test]
async fn cyclic_comments_and_sections_are_rejected() -> anyhow::Result<()> {
    let origin = TestDb::sqlite().await?;
    Newsroom::small()?.save(origin.db()).await?;
    let text = exported(origin.db()).await?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let comments = rows(&lines, "comment")?;
    let [question, response] = pair(&comments)?;
    let [above, below] = pair(&rows(&lines, "section")?)?;
    let elsewhere = comments
        .iter()
        .find(|(_, row)| row["article_id"] != response.1["article_id"]);
    let elsewhere = &elsewhere.context("one article has all comments")?.1;
    let other_edition = rows(&lines, "edition")?
        .into_iter()
        .find(|(_, row)| row["id"] != above.1["edition_id"]);
    let other_edition = &other_edition.context("one edition")?.1;

    let responses = &response.1["id"];
    let circle = "answers go in a circle";
    let at_top = "lies in no section at the top";
    for (kind, row, changes, problem) in [
        // A cycle is found whatever depth the rows state.
        (
            "comment",
            &question,
            json!({"parent_id": responses}),
            circle,
        ),
        (
            "comment",
            &question,
            json!({"parent_id": responses, "depth": 1}),
            circle,
        ),
        (
            "comment",
            &question,
            json!({"parent_id": responses, "depth": 2}),
            circle,
        ),
        ("comment", &response, json!({"depth": 7}), "depth is wrong"),
        (
            "comment",
            &response,
            json!({"article_id": elsewhere["article_id"]}),
            "answers one that stands under another article",
        ),
        (
            "section",
            &above,
            json!({"parent_id": below.1["id"]}),
            at_top,
        ),
        (
            "section",
            &below,
            json!({"edition_id": other_edition["id"]}),
            "of another edition",
        ),
    ] {
        let (place, mut changed) = row.clone();
        for (field, value) in changes.as_object().into_iter().flatten() {
            changed[field] = value.clone();
        }
        let mut lines = lines.clone();
        lines[place] = json!({ kind: changed }).to_string();
        let text = with_checksum(&lines)?;
        for test in TestDb::each().await? {
            let nothing = exported(test.db()).await?;
            let Err(error) = restore(test.db(), &text).await else {
                bail!("{changes} is restored");
            };
            let Error::Row { table, id, .. } = error else {
                bail!("{changes}: {error}");
            };
            let said = error.to_string();
            ensure!(table == kind && said.contains(problem), "{changes}: {said}");
            // In a cycle, the error may name either row.
            let two = [&question, &response, &above, &below];
            let named = two.iter().any(|(_, row)| row["id"] == id.to_string());
            ensure!(named && said.contains(&id.to_string()), "{said}");
            ensure!(exported(test.db()).await? == nothing, "something is stored");
        }
    }
    Ok(())
}

/// An archive is a snapshot of a single moment, even during concurrent writes.
#[tokio::test]
async fn an_archive_is_a_consistent_snapshot() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let small = Newsroom::small()?;
        small.save(test.db()).await?;
        let db = test.db().clone();
        let writing = tokio::spawn(async move {
            for turn in 0_usize.. {
                let mut manuscript = small.manuscripts[turn % small.manuscripts.len()].clone();
                manuscript.article.slug = Slug::parse(&format!("turn-{turn}"))?;
                manuscript.article.status = if turn % 3 == 0 {
                    khabar_domain::article::Status::Withdrawn
                } else {
                    khabar_domain::article::Status::Published
                };
                let mut writer = db.writer(newsroom::now()).await?;
                article::save(&mut writer, &manuscript).await?;
                writer.commit().await?;
            }
            anyhow::Ok(())
        });
        for _ in 0..5 {
            // Wait until something is written between one archive and the next.
            let head = test.db().feed().bounds().await?.head;
            let mut feed = test.db().feed();
            tokio::time::timeout(MAX_WAIT, feed.next(head, 1)).await??;
            let text = exported(test.db()).await?;
            let copy = TestDb::sqlite().await?;
            restore(copy.db(), &text).await?;
            newsroom_check::check(copy.db()).await?;
        }
        writing.abort();
    }
    Ok(())
}
