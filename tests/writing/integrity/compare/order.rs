//! Comparison of the lists that editors arrange. In a writer's own edition the order must match the
//! model. In the shared edition the model knows the content of a list, but not its order.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::MergedModel;
use crate::Fixture;
use crate::integrity::list::List;
use crate::integrity::model::{Article, Id, Order};
use crate::integrity::noun::{FOLLOW, LIVE, SECTION, STORY, flat};
use crate::integrity::writer::COMMON;

/// Returns the IDs in a list that has no pages.
fn ids(list: &Value) -> Vec<Id> {
    let list = flat(list.clone());
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

impl MergedModel {
    pub(super) async fn orders_hold(&self, fixture: &Fixture) -> anyhow::Result<()> {
        for (edition, orders) in &self.own {
            self.own_holds(fixture, edition, orders).await?;
        }
        self.common_holds(fixture).await?;
        for edition in self.own.keys().map(String::as_str).chain([COMMON]) {
            let mut stories = self.model.of(&STORY, edition);
            let mut arguments = format!("edition: {edition:?}");
            if edition == COMMON {
                stories.retain(|id| self.model.status(id) == "ACTIVE");
                stories.extend(self.seed_data.of(&STORY));
                arguments.push_str(", status: ACTIVE");
            }
            let list = List {
                within: String::new(),
                field: "stories",
                arguments,
            };
            list.holds_all(fixture, &Who::anonymous(), stories).await?;
        }
        Ok(())
    }

    async fn own_holds(
        &self,
        fixture: &Fixture,
        edition: &str,
        orders: &BTreeMap<Order, Vec<Id>>,
    ) -> anyhow::Result<()> {
        let document = format!(
            "{{ home(edition: {edition:?}) {{ leadArticles {{ id }} liveChannels {{ id position }}
                followChannels {{ id position }} featuredSections {{ id }}
                pinnedStories(first: 100) {{ nodes {{ id pinnedPosition }} }} }}
              sections(edition: {edition:?}) {{ id children {{ id position }} }}
              roots: sections(edition: {edition:?}, roots: true) {{ id position }} }}"
        );
        let found = fixture.ask(&Who::anonymous(), &document, json!({})).await?;
        let home = &found["home"];
        let order = |order: &Order| orders.get(order).cloned().unwrap_or_default();
        let leads: Vec<_> = order(&Order::Leads)
            .into_iter()
            .filter(|id| self.model.articles.get(id).is_some_and(Article::published))
            .collect();
        ensure!(
            ids(&home["leadArticles"]) == leads,
            "{edition} is redirected by {} instead of {leads:?}",
            home["leadArticles"]
        );
        for (list, place, order) in [
            (
                &home["liveChannels"],
                "position",
                order(&Order::Channels(LIVE.name)),
            ),
            (
                &home["followChannels"],
                "position",
                order(&Order::Channels(FOLLOW.name)),
            ),
            (
                &home["pinnedStories"]["nodes"],
                "pinnedPosition",
                order(&Order::Rail),
            ),
            (&found["roots"], "position", order(&Order::Sections(None))),
        ] {
            in_order(list, place, &order).with_context(|| format!("in {edition}"))?;
        }
        let mut featured = BTreeSet::new();
        for section in found["sections"].as_array().context("no sections")? {
            let id = section["id"].as_str().context("no id")?.to_owned();
            let children = order(&Order::Sections(Some(id.clone())));
            in_order(&section["children"], "position", &children)
                .with_context(|| format!("in the section {id} of {edition}"))?;
            let values = self
                .model
                .values(&id)
                .context("a section that nobody made")?;
            if values["featured"] == true {
                featured.insert(id);
            }
        }
        let shown = BTreeSet::from_iter(ids(&home["featuredSections"]));
        ensure!(
            shown == featured,
            "{edition} features {shown:?} instead of {featured:?}"
        );
        Ok(())
    }

    async fn common_holds(&self, fixture: &Fixture) -> anyhow::Result<()> {
        const READ: &str =
            "{ home { leadArticles { id } pinnedStories(first: 100) { nodes { id status } }
            liveChannels { id } followChannels { id } } sections { id } }";
        let found = fixture.ask(&Who::anonymous(), READ, json!({})).await?;
        for (noun, list) in [
            (&LIVE, &found["home"]["liveChannels"]),
            (&FOLLOW, &found["home"]["followChannels"]),
            (&SECTION, &found["sections"]),
        ] {
            let there = BTreeSet::from_iter(ids(list));
            let mut expected = BTreeSet::from_iter(self.model.of(noun, COMMON));
            expected.extend(self.seed_data.of(noun));
            ensure!(
                there == expected,
                "each {}: {there:?} instead of {expected:?}",
                noun.name
            );
        }
        let leads = ids(&found["home"]["leadArticles"]);
        let unseen = leads
            .iter()
            .find(|id| !self.model.articles.get(*id).is_some_and(Article::published));
        ensure!(unseen.is_none(), "what nobody sees leads: {unseen:?}");
        let rail = found["home"]["pinnedStories"]["nodes"].as_array();
        let ended = rail
            .context("no rail")?
            .iter()
            .find(|story| story["status"] != "ACTIVE");
        ensure!(ended.is_none(), "what has ended is on the rail: {ended:?}");
        Ok(())
    }
}

/// Checks that a list has this order, and that each item reports its position.
fn in_order(list: &Value, place: &str, expected: &[Id]) -> anyhow::Result<()> {
    let there = list.as_array().context("no list")?.iter();
    let there: Vec<_> = there.map(|it| json!([it["id"], it[place]])).collect();
    let expected = expected.iter().enumerate();
    let expected: Vec<_> = expected.map(|(at, id)| json!([id, at])).collect();
    ensure!(there == expected, "{there:?} instead of {expected:?}");
    Ok(())
}
