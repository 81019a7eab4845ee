//! Endpoint page steps: lead articles, and the deletion and order of channels.

use khabar_tests::harness::Who;
use serde_json::json;

use crate::integrity::model::Order;
use crate::integrity::noun::{Noun, flat};
use crate::integrity::writer::{COMMON, Writer};

impl Writer<'_> {
    pub(in crate::integrity) async fn set_lead_articles(&mut self) -> anyhow::Result<()> {
        let edition = self.edition();
        let statuses: &[&str] = if self.random.once_in(5) {
            &[]
        } else {
            &["PUBLISHED"]
        };
        let articles = self.written.model.articles_of(&edition, statuses);
        let leads = self.random.some(&articles, 5);
        let published = leads
            .iter()
            .all(|id| self.written.model.articles[id].published());
        let input = json!({"edition": edition, "articles": leads});
        let refused = (!published).then_some("WRONG_STATUS");
        let sent = self.send(
            "setLeadArticles",
            "home { edition { id } }",
            &input,
            refused,
        );
        if sent.await?.is_some() && edition == self.written.own {
            self.written.model.orders.insert(Order::Leads, leads);
        }
        Ok(())
    }

    pub(in crate::integrity) async fn delete_channel(
        &mut self,
        name: &'static str,
        noun: &'static Noun,
    ) -> anyhow::Result<()> {
        let Some((id, edition)) = self.mine(noun) else {
            return Ok(());
        };
        let input = json!({"id": id});
        self.send(name, "deletedId", &input, None).await?;
        self.written.model.objects.remove(&id);
        if edition == self.written.own {
            self.written.model.leave(Order::Channels(noun.name), &id);
        }
        // Deleting a channel again is rejected.
        self.send(name, "deletedId", &input, Some("NOT_FOUND"))
            .await
            .map(drop)
    }

    pub(in crate::integrity) async fn arrange_channels(
        &mut self,
        name: &'static str,
        noun: &'static Noun,
    ) -> anyhow::Result<()> {
        if self.random.once_in(2) {
            let document = format!("{{ {}s {{ id }} }}", noun.name);
            let mut found = self
                .fixture
                .ask(&Who::anonymous(), &document, json!({}))
                .await?;
            let there = flat(found[format!("{}s", noun.name)].take());
            let there = there.as_array().cloned().unwrap_or_default();
            let input = json!({"edition": COMMON, "channels": self.random.shuffled(&there)});
            // Another writer may have added or deleted a channel in the meantime.
            return self
                .send_among_others(name, &input, &["INVALID", "NOT_FOUND"])
                .await
                .map(drop);
        }
        let order = Order::Channels(noun.name);
        let ids = self
            .written
            .model
            .orders
            .entry(order.clone())
            .or_default()
            .clone();
        let ids = self.random.shuffled(&ids);
        let input = json!({"edition": self.written.own, "channels": ids});
        self.send(name, "idempotencyKey", &input, None).await?;
        self.written.model.orders.insert(order, ids);
        Ok(())
    }
}
