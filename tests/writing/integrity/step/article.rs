//! Article steps: content, workflow, revisions, related articles and previews.

mod transition;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::integrity::model::{Article, FieldValues, Id, Saved, leads};
use crate::integrity::noun::{PERSON, SECTION, SOURCE, STORY, TOPIC};
use crate::integrity::writer::{COMMON, Writer, id_in};

/// Returns the fields of a new article with default values.
pub(in crate::integrity) fn blank() -> FieldValues {
    let blank = json!({"kind": "NEWS", "canonicalUrl": null, "lead": null, "hero": null,
        "source": null, "section": null, "hasPhotos": false, "hasVideo": false, "hasAudio": false,
        "authors": [], "topics": [], "stories": [], "bodyText": "", "status": "DRAFT", "version": 1});
    blank.as_object().cloned().unwrap_or_default()
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Applies an input to the fields as the API returns them. A null resets a field to its default.
fn put(values: &mut FieldValues, said: &FieldValues) {
    let blank = blank();
    for (field, value) in said {
        let (field, value) = match field.as_str() {
            "body" => {
                let text = value[0]["paragraph"]["text"].as_str();
                ("bodyText", json!(text.unwrap_or_default()))
            }
            field if value.is_null() => (field, blank.get(field).cloned().unwrap_or_default()),
            field => (field, value.clone()),
        };
        values.insert(field.to_owned(), value);
    }
}

impl Writer<'_> {
    /// Returns random input fields of an article. Each is included one time in `times`.
    fn parts(&mut self, edition: &str, times: usize) -> FieldValues {
        let mut said = FieldValues::new();
        for field in [
            "kind",
            "canonicalUrl",
            "lead",
            "hero",
            "source",
            "section",
            "hasPhotos",
            "hasVideo",
            "hasAudio",
            "authors",
            "topics",
            "stories",
            "body",
        ] {
            if !self.random.once_in(times) {
                continue;
            }
            let value = match field {
                "kind" => json!(self.random.pick(&["NEWS", "OPINION", "ANALYSIS"])),
                "hasPhotos" | "hasVideo" | "hasAudio" => json!(self.random.once_in(2)),
                _ if self.random.once_in(4) => Value::Null,
                "canonicalUrl" => {
                    let page = self.random.below(8);
                    json!(format!("https://khabar.example/{}/{page}", self.number))
                }
                "lead" => json!(format!("ملخص {}", self.random.below(1000))),
                "body" => {
                    json!([{"paragraph": {"text": format!("نص {}", self.random.below(1000))}}])
                }
                "hero" => json!(self.picture()),
                "source" => {
                    let sources = self.referred(&SOURCE, edition);
                    json!(self.random.pick(&sources))
                }
                "section" => {
                    let sections = self.referred(&SECTION, edition);
                    json!(self.random.pick(&sections))
                }
                "authors" => {
                    let people = self.referred(&PERSON, edition);
                    json!(self.random.some(&people, 3))
                }
                "topics" => {
                    let topics = self.referred(&TOPIC, edition);
                    json!(self.random.some(&topics, 3))
                }
                _ => {
                    let stories = self.referred(&STORY, edition);
                    json!(self.random.some(&stories, 3))
                }
            };
            said.insert(field.to_owned(), value);
        }
        said
    }

    /// Whether another of the writer's own articles has this canonical URL.
    fn url_is_taken(&self, url: &Value, except: Option<&Id>) -> bool {
        let mut articles = self.written.model.articles.iter();
        !url.is_null()
            && articles
                .any(|(id, article)| Some(id) != except && article.values["canonicalUrl"] == *url)
    }

    /// Whether the slug or canonical URL in the input is taken by another article.
    fn is_taken(&self, edition: &str, said: &FieldValues, except: Option<&Id>) -> bool {
        let slug = said.get("slug").and_then(Value::as_str);
        let slug = slug.map(|slug| ("article", edition.to_owned(), slug.to_owned()));
        slug.is_some_and(|address| self.written.model.is_taken(&address, except))
            || said
                .get("canonicalUrl")
                .is_some_and(|url| self.url_is_taken(url, except))
    }

    async fn add_article(
        &mut self,
        edition: &str,
        said: FieldValues,
        refused: Option<&str>,
    ) -> anyhow::Result<Option<Id>> {
        let mut input = said.clone();
        input.insert("edition".to_owned(), json!(edition));
        let input = Value::Object(input);
        let sent = self.send("createArticle", "article { id slug }", &input, refused);
        let Some(payload) = sent.await? else {
            return Ok(None);
        };
        let id = id_in(&payload, "article")?;
        let slug = payload["article"]["slug"].clone();
        let mut values = blank();
        put(&mut values, &said);
        values.insert("slug".to_owned(), slug.clone());
        let mut article = Article {
            edition: edition.to_owned(),
            values,
            listed: self.hour(),
            scheduled: None,
            embargo: None,
            reason: None,
            history: Vec::new(),
            corrections: Vec::new(),
            related: Vec::new(),
            loose: false,
            withdrawn_as: None,
        };
        let content = article.content();
        article.history.push(Saved {
            version: 1,
            step: "SAVE",
            note: None,
            content,
        });
        self.written.model.articles.insert(id.clone(), article);
        self.address(
            "article",
            edition,
            &slug,
            (&id, None),
            said.contains_key("slug"),
        )?;
        Ok(Some(id))
    }

    /// Creates and publishes the guest article, which is added to the stories of other writers.
    pub(in crate::integrity) async fn add_guest(&mut self) -> anyhow::Result<()> {
        let mut said = FieldValues::new();
        said.insert("headline".to_owned(), json!(self.name()));
        let id = self.add_article(COMMON, said, None).await?;
        let id = id.context("no guest")?;
        let input = json!({"id": id});
        self.send("publishArticle", "article { id }", &input, None)
            .await?;
        let at = self.hour();
        if let Some(article) = self.written.model.articles.get_mut(&id) {
            article.take("PUBLISH", "PUBLISHED", at, None);
            article.loose = true;
        }
        self.written.model.went_out(&id);
        self.written.guest = id;
        Ok(())
    }

    pub(in crate::integrity) async fn create_article(&mut self) -> anyhow::Result<()> {
        let edition = self.edition();
        let mut said = self.parts(&edition, 2);
        said.insert("headline".to_owned(), json!(self.name()));
        if self.random.once_in(3) {
            said.insert("slug".to_owned(), json!(self.slug()));
        }
        let refused = self.is_taken(&edition, &said, None).then_some("TAKEN");
        self.add_article(&edition, said, refused).await.map(drop)
    }

    /// Returns the version number to send, and whether it is older than the current one.
    fn version(&mut self, current: i64) -> (i64, bool) {
        if current > 1 && self.random.once_in(6) {
            let older = self.random.below(usize::try_from(current - 1).unwrap_or(1));
            return (i64::try_from(older).unwrap_or_default() + 1, true);
        }
        (current, false)
    }

    /// Saves new content for an unpublished article, or corrects a published one.
    pub(in crate::integrity) async fn change_article(
        &mut self,
        name: &'static str,
        step: &'static str,
    ) -> anyhow::Result<()> {
        let statuses: &[&str] = match step {
            "CORRECT" => &["PUBLISHED"],
            _ => &["DRAFT", "REVIEW", "SCHEDULED"],
        };
        let Some(id) = self.article(statuses) else {
            return Ok(());
        };
        let article = &self.written.model.articles[&id];
        let (edition, was, status) = (
            article.edition.clone(),
            article.content(),
            article.status().to_owned(),
        );
        let current = article.version();
        let (version, stale) = self.version(current);
        let mut said = if stale {
            // The other fields do not matter, because a stale version is always rejected.
            FieldValues::new()
        } else {
            self.parts(&edition, 4)
        };
        if self.random.once_in(3) {
            said.insert("headline".to_owned(), json!(self.name()));
        }
        if !stale && self.random.once_in(3) {
            said.insert("slug".to_owned(), json!(self.slug()));
        }
        let note = format!("ملاحظة {}", self.random.below(1000));
        let silent = step == "CORRECT" && self.random.once_in(2);
        let mut input = said.clone();
        input.insert("id".to_owned(), json!(id));
        input.insert("version".to_owned(), json!(version));
        input.insert("note".to_owned(), json!(note));
        if silent {
            input.insert("silent".to_owned(), json!(true));
        }
        let mut values = was.clone();
        put(&mut values, &said);
        let to = leads(step, &status);
        let refused = if to.is_none() {
            Some("WRONG_STATUS")
        } else if stale {
            Some("STALE")
        } else if self.is_taken(&edition, &said, Some(&id)) {
            Some("TAKEN")
        } else {
            // A correction that changes nothing is rejected.
            (step == "CORRECT" && values == was).then_some("INVALID")
        };
        let input = Value::Object(input);
        let sent = self.send(name, "article { id }", &input, refused).await?;
        // Saving unchanged content creates no version.
        let (Some(_), Some(to)) = (sent.filter(|_| values != was), to) else {
            return Ok(());
        };
        self.apply(&id, values, (step, to), note, silent);
        if let Some(slug) = said.get("slug") {
            let former = was["slug"].as_str();
            self.address("article", &edition, slug, (&id, former), true)?;
        }
        Ok(())
    }

    /// Records new content in the model as another version.
    fn apply(
        &mut self,
        id: &Id,
        content: FieldValues,
        (step, to): (&'static str, &'static str),
        note: String,
        silent: bool,
    ) {
        let at = self.hour();
        if let Some(article) = self.written.model.articles.get_mut(id) {
            article.values.extend(content);
            article.take(step, to, at, Some(note.clone()));
            if step == "CORRECT" && !silent {
                article.corrections.push((article.version(), note));
            }
        }
    }

    pub(in crate::integrity) async fn restore_revision(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.article(&["DRAFT", "REVIEW", "SCHEDULED", "PUBLISHED"]) else {
            return Ok(());
        };
        let article = &self.written.model.articles[&id];
        let step = match article.status() {
            "PUBLISHED" => "CORRECT",
            _ => "SAVE",
        };
        let (was, to) = (article.content(), leads(step, article.status()));
        let (current, last) = (article.version(), article.history.len());
        let (version, stale) = self.version(current);
        let earlier = self.random.below(last);
        let old = &self.written.model.articles[&id].history[earlier];
        let restore = old.version;
        let mut values = old.content.clone();
        // Restoring a revision does not change the slug, by which readers know the article.
        values.insert("slug".to_owned(), was["slug"].clone());
        self.bring_up_to_date(&mut values, &was);
        let refused = if to.is_none() {
            Some("WRONG_STATUS")
        } else if stale {
            Some("STALE")
        } else if self.url_is_taken(&values["canonicalUrl"], Some(&id)) {
            Some("TAKEN")
        } else {
            (step == "CORRECT" && values == was).then_some("INVALID")
        };
        let note = format!("كان أفضل {}", self.random.below(1000));
        let input = json!({"id": id, "version": version, "restore": restore, "note": note});
        let sent = self.send("restoreRevision", "article { id }", &input, refused);
        if let (Some(_), Some(to)) = (sent.await?, to) {
            self.apply(&id, values, (step, to), note, false);
        }
        Ok(())
    }

    /// Updates the content of an old revision for the present. Merged stories are replaced by the stories
    /// they were merged into. A deleted section is replaced by the article's current one.
    fn bring_up_to_date(&self, values: &mut FieldValues, was: &FieldValues) {
        let model = &self.written.model;
        let there = |id: &str| model.objects.contains_key(id) || self.shared.seed_data.contains(id);
        if values["section"].as_str().is_some_and(|id| !there(id)) {
            values.insert("section".to_owned(), was["section"].clone());
        }
        let mut stories: Vec<&str> = Vec::new();
        for story in values["stories"].as_array().into_iter().flatten() {
            let mut story = story.as_str().unwrap_or_default();
            while let Some(into) = model.merged.get(story) {
                story = into;
            }
            if !stories.contains(&story) {
                stories.push(story);
            }
        }
        let stories = json!(stories);
        values.insert("stories".to_owned(), stories);
    }

    pub(in crate::integrity) async fn set_related(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.article(&[]) else {
            return Ok(());
        };
        let edition = self.written.model.articles[&id].edition.clone();
        let mut others = self.written.model.articles_of(&edition, &[]);
        others.retain(|other| *other != id);
        if edition == COMMON {
            others.extend(self.shared.seed_data.articles.keys().cloned());
        }
        let mut chosen = self.random.some(&others, 4);
        let itself = self.random.once_in(6);
        if itself {
            chosen.push(id.clone());
        }
        let input = json!({"id": id, "articles": chosen});
        let refused = itself.then_some("INVALID");
        let sent = self.send("setRelated", "article { id }", &input, refused);
        if sent.await?.is_some()
            && let Some(article) = self.written.model.articles.get_mut(&id)
        {
            article.related = chosen;
        }
        Ok(())
    }

    pub(in crate::integrity) async fn create_preview(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.article(&["DRAFT"]) else {
            return Ok(());
        };
        let withdrawn = self.written.model.articles[&id].status() == "WITHDRAWN";
        let input = json!({"article": id});
        let refused = withdrawn.then_some("WRONG_STATUS");
        self.send("createPreview", "idempotencyKey", &input, refused)
            .await
            .map(drop)
    }

    /// Updates the contested article, which all writers change. Only a writer who has read the latest
    /// version succeeds. The others get `STALE`.
    pub(in crate::integrity) async fn contest(&mut self) -> anyhow::Result<()> {
        const READ: &str = "query ($id: ID!) { article(id: $id) { version } }";
        let id = &self.shared.contended;
        let found = self.fixture.ask(&self.who, READ, json!({"id": id})).await?;
        let version = found["article"]["version"].as_i64().context("no version")?;
        let headline = self.name();
        let input = json!({"id": id, "version": version, "headline": headline});
        let won = self.send_among_others("updateArticle", &input, &["STALE"]);
        if won.await? {
            self.written.claims.push((version + 1, headline));
        }
        Ok(())
    }
}
