//! Section steps. The model tracks the moves of a writer's own sections. The pre-existing sections are
//! moved by all writers, and only have to remain a tree.

use khabar_tests::harness::Who;
use serde_json::{Value, json};

use crate::integrity::model::{Id, Order};
use crate::integrity::noun::SECTION;
use crate::integrity::writer::{COMMON, Writer};

impl Writer<'_> {
    /// Whether `section`, one of the writer's own, is `other` or one of its descendants.
    fn lies_in(&self, section: &Id, other: &Id) -> bool {
        let mut at = Some(section.clone());
        while let Some(id) = at {
            if id == *other {
                return true;
            }
            let object = self.written.model.objects.get(&id);
            at = object.and_then(|object| object.values["parent"].as_str().map(str::to_owned));
        }
        false
    }

    pub(in crate::integrity) async fn move_section(&mut self) -> anyhow::Result<()> {
        if self.random.once_in(3) {
            let seed_data = self.shared.seed_data.of(&SECTION);
            let (id, parent) = (self.random.pick(&seed_data), self.random.pick(&seed_data));
            let parent = parent.filter(|_| !self.random.once_in(3));
            let input = json!({"id": id, "parent": parent, "position": self.position()});
            // A cycle is rejected. No other error is possible here.
            return self
                .send_among_others("moveSection", &input, &["INVALID"])
                .await
                .map(drop);
        }
        let Some((id, edition)) = self.mine(&SECTION) else {
            return Ok(());
        };
        let parents = self.referred(&SECTION, &edition);
        let parent = self.random.pick(&parents);
        let parent = parent.filter(|_| !self.random.once_in(3));
        let at = self.position();
        let circle = parent
            .as_ref()
            .is_some_and(|parent| self.lies_in(parent, &id));
        let input = json!({"id": id, "parent": parent, "position": at});
        let refused = circle.then_some("INVALID");
        let moved = self.send("moveSection", "section { id }", &input, refused);
        if moved.await?.is_none() {
            return Ok(());
        }
        if let Some(object) = self.written.model.objects.get_mut(&id) {
            let old = object.values.insert("parent".to_owned(), json!(parent));
            let old = old.as_ref().and_then(Value::as_str).map(str::to_owned);
            if edition == self.written.own {
                self.written.model.leave(Order::Sections(old), &id);
                self.written.model.place(Order::Sections(parent), &id, at);
            }
        }
        Ok(())
    }

    pub(in crate::integrity) async fn arrange_sections(&mut self) -> anyhow::Result<()> {
        const READ: &str = "{ sections(roots: true) { id } }";
        if self.random.once_in(3) {
            let mut found = self.fixture.ask(&Who::anonymous(), READ, json!({})).await?;
            let roots = crate::integrity::noun::flat(found["sections"].take());
            let roots = roots.as_array().cloned().unwrap_or_default();
            let input = json!({"edition": COMMON, "sections": self.random.shuffled(&roots)});
            // Other writers may have moved a section in the meantime.
            return self
                .send_among_others("reorderSections", &input, &["INVALID", "NOT_FOUND"])
                .await
                .map(drop);
        }
        let orders = self.written.model.orders.iter();
        let orders: Vec<_> = orders
            .filter_map(|(order, ids)| match order {
                Order::Sections(parent) => Some((parent.clone(), ids.clone())),
                _ => None,
            })
            .collect();
        let Some((parent, ids)) = self.random.pick(&orders) else {
            return Ok(());
        };
        let ids = self.random.shuffled(&ids);
        let input = json!({"edition": self.written.own, "parent": parent, "sections": ids});
        let refused = ids.is_empty().then_some("INVALID");
        let sent = self.send("reorderSections", "sections { id }", &input, refused);
        if sent.await?.is_some() {
            self.written
                .model
                .orders
                .insert(Order::Sections(parent), ids);
        }
        Ok(())
    }

    pub(in crate::integrity) async fn delete_section(&mut self) -> anyhow::Result<()> {
        let Some((id, edition)) = self.mine(&SECTION) else {
            return Ok(());
        };
        let filed = self.written.model.articles.values();
        let filed = filed
            .filter(|article| article.values["section"] == json!(id))
            .count();
        let objects = self.written.model.objects.values();
        let within = objects
            .filter(|object| {
                object.noun.name == SECTION.name && object.values["parent"] == json!(id)
            })
            .count();
        let refused = (filed + within > 0).then_some("WRONG_STATUS");
        let input = json!({"id": id});
        let gone = self.send("deleteSection", "deletedId", &input, refused);
        if gone.await?.is_none() {
            return Ok(());
        }
        let object = self.written.model.objects.remove(&id);
        self.written.model.turn(&id, None);
        if edition == self.written.own {
            let parent =
                object.and_then(|object| object.values["parent"].as_str().map(str::to_owned));
            self.written.model.leave(Order::Sections(parent), &id);
            self.written.model.orders.remove(&Order::Sections(Some(id)));
        }
        Ok(())
    }
}
