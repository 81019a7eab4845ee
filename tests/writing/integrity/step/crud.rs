//! Creating and updating every kind of object except articles, and the steps for editions.

use anyhow::bail;
use serde_json::{Value, json};

use crate::integrity::model::{FieldValues, Id, ModelObject, Order};
use crate::integrity::noun::{
    EDITION, FOLLOW, LIVE, MEDIA, Noun, SECTION, TOPIC, ValueKind, point,
};
use crate::integrity::writer::{Writer, id_in};

impl Writer<'_> {
    pub(in crate::integrity) async fn create(
        &mut self,
        name: &'static str,
        noun: &'static Noun,
    ) -> anyhow::Result<()> {
        let edition = if noun.name == MEDIA.name {
            String::new()
        } else {
            self.edition()
        };
        let mut said = FieldValues::new();
        let called = if noun.name == MEDIA.name {
            format!("/media/{}.webp", self.name().replace(' ', "-"))
        } else {
            self.name()
        };
        said.insert(noun.called.to_owned(), json!(called));
        for part in noun.parts {
            if (part.field == "platform" || self.random.once_in(2))
                && let Some(value) = self.value(&part.kind_of_value, &edition)
            {
                said.insert(part.field.to_owned(), value);
            }
        }
        let parents = self.referred(&SECTION, &edition);
        if noun.name == SECTION.name
            && self.random.once_in(2)
            && let Some(parent) = self.random.pick(&parents)
        {
            said.insert("parent".to_owned(), json!(parent));
        }
        let asked = (noun.addressed && self.random.once_in(2)).then(|| self.slug());
        let mut input = said.clone();
        if !edition.is_empty() {
            input.insert("edition".to_owned(), json!(edition));
        }
        let at = self.position();
        if [SECTION.name, LIVE.name, FOLLOW.name].contains(&noun.name) {
            input.insert("position".to_owned(), json!(at));
        }
        let mut refused = None;
        if let Some(slug) = &asked {
            input.insert("slug".to_owned(), json!(slug));
            let address = (noun.name, edition.clone(), slug.clone());
            refused = self
                .written
                .model
                .is_taken(&address, None)
                .then_some("TAKEN");
        }
        let read = if noun.addressed { "id slug" } else { "id" };
        let payload = format!("{} {{ {read} }}", noun.name);
        let Some(payload) = self
            .send(name, &payload, &Value::Object(input), refused)
            .await?
        else {
            return Ok(());
        };
        let id = id_in(&payload, noun.name)?;
        let mut values = noun.blank();
        values.extend(said);
        if noun.addressed {
            let slug = payload[noun.name]["slug"].clone();
            self.address(noun.name, &edition, &slug, (&id, None), asked.is_some())?;
            values.insert("slug".to_owned(), slug);
        }
        if edition == self.written.own {
            match noun.name {
                "section" => {
                    let parent = values["parent"].as_str().map(str::to_owned);
                    self.written.model.place(Order::Sections(parent), &id, at);
                }
                "liveChannel" | "followChannel" => {
                    self.written
                        .model
                        .place(Order::Channels(noun.name), &id, at);
                }
                _ => (),
            }
        } else if noun.name == "story" {
            self.shared.share_story(self.number, &id);
        }
        let object = ModelObject {
            noun,
            edition,
            values,
        };
        self.written.model.objects.insert(id, object);
        Ok(())
    }

    pub(in crate::integrity) async fn update(
        &mut self,
        name: &'static str,
        noun: &'static Noun,
    ) -> anyhow::Result<()> {
        let Some((id, edition)) = self.mine(noun) else {
            return Ok(());
        };
        let mut said = FieldValues::new();
        if noun.name != MEDIA.name && self.random.once_in(3) {
            said.insert(noun.called.to_owned(), json!(self.name()));
        }
        for part in noun.parts {
            if !self.random.once_in(3) {
                continue;
            }
            if part.clears && self.random.once_in(3) {
                said.insert(part.field.to_owned(), Value::Null);
            } else if let Some(value) = self.value(&part.kind_of_value, &edition) {
                said.insert(part.field.to_owned(), value);
            }
        }
        let mut refused = None;
        if noun.addressed && self.random.once_in(2) {
            let slug = self.slug();
            let address = (noun.name, edition.clone(), slug.clone());
            refused = self
                .written
                .model
                .is_taken(&address, Some(&id))
                .then_some("TAKEN");
            said.insert("slug".to_owned(), json!(slug));
        }
        let mut input = said.clone();
        input.insert("id".to_owned(), json!(id));
        let payload = format!("{} {{ id }}", noun.name);
        let input = Value::Object(input);
        if self.send(name, &payload, &input, refused).await?.is_none() {
            return Ok(());
        }
        if let Some(slug) = said.get("slug") {
            let was = self
                .written
                .model
                .values(&id)
                .map(|values| values["slug"].clone());
            let former = was.as_ref().and_then(Value::as_str);
            self.address(noun.name, &edition, slug, (&id, former), true)?;
        }
        let blank = noun.blank();
        if let Some(object) = self.written.model.objects.get_mut(&id) {
            for (field, value) in said {
                // A cleared field returns to its default.
                let value = match blank.get(&field) {
                    Some(blank) if value.is_null() => blank.clone(),
                    _ => value,
                };
                object.values.insert(field, value);
            }
        }
        Ok(())
    }

    /// Records a slug for an object, and its former slug as a redirect. Fails if the slug was generated
    /// (`asked` is false) but already redirects to something: generated slugs must be unused.
    pub(in crate::integrity) fn address(
        &mut self,
        noun: &'static str,
        edition: &str,
        slug: &Value,
        (id, former): (&Id, Option<&str>),
        asked: bool,
    ) -> anyhow::Result<()> {
        let slug = slug.as_str().unwrap_or_default().to_owned();
        let address = (noun, edition.to_owned(), slug);
        let model = &mut self.written.model;
        if !asked && let Some(redirected) = model.redirects.get(&address) {
            bail!("{address:?} was made for {id}, and leads to {redirected}");
        }
        model.moved(id, &address, former);
        Ok(())
    }

    fn value(&mut self, kind_of_value: &ValueKind, edition: &str) -> Option<Value> {
        Some(match kind_of_value {
            ValueKind::Text => json!(format!("قول {}", self.random.below(1000))),
            ValueKind::Flag => json!(self.random.once_in(2)),
            ValueKind::OneOf(tokens) => json!(self.random.pick(tokens)?),
            ValueKind::Address => json!(format!(
                "https://khabar.example/{}",
                self.random.below(1000)
            )),
            ValueKind::Picture => json!(self.picture()?),
            ValueKind::Topics => {
                let topics = self.referred(&TOPIC, edition);
                json!(self.random.some(&topics, 3))
            }
            ValueKind::Point => point(self.random.below(2)),
        })
    }

    /// Creates an edition with this slug, which must be free.
    pub(in crate::integrity) async fn add_edition(&mut self, slug: &str) -> anyhow::Result<()> {
        let name = self.name();
        let input = json!({"slug": slug, "name": name, "language": "ar"});
        let made = self
            .send("createEdition", "edition { id }", &input, None)
            .await?;
        let id = id_in(&made.unwrap_or_default(), "edition")?;
        let mut values = EDITION.blank();
        values.insert("slug".to_owned(), json!(slug));
        values.insert("name".to_owned(), json!(name));
        let object = ModelObject {
            noun: &EDITION,
            edition: String::new(),
            values,
        };
        self.written.model.objects.insert(id, object);
        Ok(())
    }

    pub(in crate::integrity) async fn create_edition(&mut self) -> anyhow::Result<()> {
        if self.random.once_in(4) {
            let input = json!({"slug": self.written.own, "name": "طبعة", "language": "ar"});
            let sent = self.send("createEdition", "edition { id }", &input, Some("TAKEN"));
            return sent.await.map(drop);
        }
        let slug = format!("own-{}-{}", self.number, self.editions().len());
        self.add_edition(&slug).await
    }

    pub(in crate::integrity) async fn update_edition(&mut self) -> anyhow::Result<()> {
        let editions = self.editions();
        let Some(id) = self.random.pick(&editions) else {
            return Ok(());
        };
        let name = self.name();
        let mut labels = FieldValues::new();
        for field in ["live", "follow", "sections", "stories", "comments"] {
            match self.random.below(3) {
                0 => labels.insert(field.to_owned(), json!(self.name())),
                1 => labels.insert(field.to_owned(), Value::Null),
                _ => None,
            };
        }
        let input = json!({"id": id, "name": name, "labels": labels});
        self.send("updateEdition", "edition { id }", &input, None)
            .await?;
        if let Some(object) = self.written.model.objects.get_mut(&id) {
            object.values.insert("name".to_owned(), json!(name));
            if let Some(old) = object.values["labels"].as_object_mut() {
                old.extend(labels);
            }
        }
        Ok(())
    }
}
