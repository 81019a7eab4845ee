//! Comparison of each article: its content, its revisions and its related articles.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::MergedModel;
use crate::Fixture;
use crate::integrity::list::List;
use crate::integrity::model::{Article, FieldValues, Id};
use crate::integrity::noun::flat;
use crate::integrity::seed_data::READ;

impl MergedModel {
    pub(super) async fn articles_hold(&self, fixture: &Fixture) -> anyhow::Result<()> {
        for (id, article) in &self.model.articles {
            self.article_holds(fixture, id, article)
                .await
                .with_context(|| format!("the article {id}"))?;
        }
        Ok(())
    }

    async fn article_holds(
        &self,
        fixture: &Fixture,
        id: &Id,
        article: &Article,
    ) -> anyhow::Result<()> {
        let document = format!(
            "query ($id: ID!) {{ article(id: $id) {{ {READ} status version scheduledFor embargoUntil
                withdrawal {{ reason }} corrections {{ version note }} }} }}"
        );
        let found = fixture
            .ask(&fixture.editor, &document, json!({"id": id}))
            .await?;
        let mut found = flat(found["article"].clone());
        let mut take = |field: &str| found[field].take();
        let hour = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let (scheduled, embargo) = (take("scheduledFor"), take("embargoUntil"));
        ensure!(
            hour(&scheduled) == article.scheduled && hour(&embargo) == article.embargo,
            "is scheduled for {scheduled}, embargoed until {embargo}, instead of {:?}, {:?}",
            article.scheduled,
            article.embargo
        );
        let reason = take("withdrawal")["reason"].take();
        ensure!(
            reason == json!(article.reason),
            "was withdrawn because of {reason} instead of {:?}",
            article.reason
        );
        let corrections = take("corrections");
        let corrections: BTreeSet<_> = corrections
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| {
                (
                    it["version"].as_i64().unwrap_or_default(),
                    it["note"].as_str(),
                )
            })
            .collect();
        let recorded = article.corrections.iter();
        let expected: BTreeSet<_> = recorded
            .map(|(version, note)| (*version, Some(note.as_str())))
            .collect();
        ensure!(
            article.history.is_empty() || corrections == expected,
            "tells the corrections {corrections:?} instead of {expected:?}"
        );
        let mut expected = article.values.clone();
        if article.loose {
            for values in [found.as_object_mut(), Some(&mut expected)] {
                let stories = values.and_then(|values| values["stories"].as_array_mut());
                stories.context("no stories")?.sort_by_key(Value::to_string);
            }
        }
        let differs = expected
            .iter()
            .find(|(field, value)| found[field.as_str()] != **value);
        ensure!(differs.is_none(), "it is {found} instead of {differs:?}");
        if article.history.is_empty() {
            return Ok(());
        }
        self.history_holds(fixture, id, article).await?;
        let related: Vec<_> = article
            .related
            .iter()
            .filter(|id| self.model.articles.get(*id).is_some_and(Article::published))
            .cloned()
            .collect();
        let list = List {
            within: format!("article(id: {id:?})"),
            field: "related",
            arguments: String::new(),
        };
        list.compare(fixture, &fixture.editor, &related).await
    }

    /// Checks that each version is stored exactly once, with its content unchanged.
    async fn history_holds(
        &self,
        fixture: &Fixture,
        id: &Id,
        article: &Article,
    ) -> anyhow::Result<()> {
        for saved in article.history.chunks(20) {
            let versions = saved.iter().map(|saved| {
                let version = saved.version;
                format!("v{version}: revision(version: {version}) {{ ...R }}")
            });
            let document = format!(
                "query ($id: ID!) {{ article(id: $id) {{ revisions(first: 1) {{ totalCount }} {} }} }}
                 fragment R on Revision {{ version step note {READ} }}",
                versions.collect::<Vec<_>>().join("\n")
            );
            let found = fixture
                .ask(&fixture.editor, &document, json!({"id": id}))
                .await?;
            let count = &found["article"]["revisions"]["totalCount"];
            ensure!(
                *count == json!(article.history.len()),
                "it has {count} revisions instead of {}",
                article.history.len()
            );
            for saved in saved {
                let found = flat(found["article"][format!("v{}", saved.version)].clone());
                let mut expected = self.as_read_today(&saved.content);
                expected.insert("version".to_owned(), json!(saved.version));
                expected.insert("step".to_owned(), json!(saved.step));
                expected.insert("note".to_owned(), json!(saved.note));
                let expected = Value::Object(expected);
                ensure!(
                    found == expected,
                    "version {} is {found} instead of {expected}",
                    saved.version
                );
            }
        }
        Ok(())
    }

    /// Returns the content of an old version without the stories and the section that no longer
    /// exist.
    fn as_read_today(&self, content: &FieldValues) -> FieldValues {
        let mut content = content.clone();
        let there = |id: &Value| {
            let id = id.as_str().unwrap_or_default();
            self.model.objects.contains_key(id) || self.seed_data.contains(id)
        };
        if let Some(stories) = content["stories"].as_array_mut() {
            stories.retain(there);
        }
        if !there(&content["section"]) {
            content.insert("section".to_owned(), Value::Null);
        }
        content
    }
}
