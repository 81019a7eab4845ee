//! A writer that takes random steps through the API, and updates a model of the expected state after
//! each.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Duration, Utc};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use super::model::{Id, Model};
use super::noun::{EDITION, FOLLOW, LIVE, MEDIA, Noun, PERSON, SECTION, SOURCE, STORY, TOPIC};
use super::seed_data::SeedData;
use crate::Fixture;
use crate::invariants::mutation;
use khabar_tests::harness::random::Random;

/// Every mutation that writers send, with its relative frequency.
pub(super) const DECK: [(&str, usize); 49] = [
    ("addMedia", 1),
    ("addToStory", 4),
    ("archiveStory", 1),
    ("reorderFollowChannels", 1),
    ("reorderLiveChannels", 1),
    ("reorderPinnedStories", 1),
    ("reorderSections", 1),
    ("correctArticle", 3),
    ("createArticle", 5),
    ("createEdition", 1),
    ("createFollowChannel", 1),
    ("createLiveChannel", 1),
    ("createPerson", 1),
    ("createPreview", 1),
    ("createSection", 2),
    ("createSource", 1),
    ("createStory", 2),
    ("createTopic", 1),
    ("deleteFollowChannel", 1),
    ("deleteLiveChannel", 1),
    ("deleteSection", 1),
    ("mergeStories", 1),
    ("moveSection", 2),
    ("pinStory", 2),
    ("publishArticle", 5),
    ("removeFromStory", 1),
    ("reopenArticle", 1),
    ("reopenStory", 1),
    ("restoreRevision", 2),
    ("returnArticle", 1),
    ("scheduleArticle", 2),
    ("setLeadArticles", 1),
    ("setRelated", 1),
    ("submitArticle", 1),
    ("unpinStory", 1),
    ("updateArticle", 4),
    ("updateEdition", 1),
    ("updateFollowChannel", 1),
    ("updateLiveChannel", 1),
    ("updateMedia", 1),
    ("updatePerson", 1),
    ("updateSection", 2),
    ("updateSource", 1),
    ("updateStory", 1),
    ("updateTopic", 1),
    ("withdrawArticle", 2),
    // Mutations that can conflict with other writers are listed again, to send them more often.
    ("mergeStories", 1),
    ("addToStory", 2),
    ("moveSection", 1),
];

/// Maximum number of extra rounds until every mutation has succeeded.
const MAX_EXTRA_ROUNDS: usize = 8;

/// The edition shared by all writers.
pub(super) const COMMON: &str = "ar";

/// State shared by all writers.
pub(super) struct SharedState {
    pub(super) seed_data: SeedData,
    /// The article that all writers update, each from the version it has read.
    pub(super) contended: Id,
    /// Stories that their writers may merge while others add articles to them.
    shared_stories: Mutex<Vec<(usize, Id)>>,
    /// Number of writers.
    pub(super) writers: usize,
}

impl SharedState {
    pub(super) fn new(seed_data: SeedData, contended: Id, writers: usize) -> Self {
        Self {
            seed_data,
            contended,
            shared_stories: Mutex::default(),
            writers,
        }
    }

    /// Allows other writers to add articles to a story of this writer.
    pub(super) fn share_story(&self, writer: usize, story: &Id) {
        let mut shared_stories = self
            .shared_stories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shared_stories.push((writer, story.clone()));
    }

    /// Returns the lent stories in the order in which they were lent, each with the number of its writer.
    pub(super) fn shared_stories(&self) -> Vec<(usize, Id)> {
        let shared_stories = self
            .shared_stories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shared_stories.clone()
    }
}

pub(super) struct Writer<'a> {
    pub(super) fixture: &'a Fixture,
    pub(super) shared: &'a SharedState,
    pub(super) who: Who,
    pub(super) number: usize,
    pub(super) random: Random,
    pub(super) written: Written,
    steps: usize,
    names: usize,
}

/// The work of one writer.
#[derive(Default)]
pub(super) struct Written {
    pub(super) model: Model,
    /// The slug of the edition in which no other writer works, so that the model knows its orders
    /// exactly.
    pub(super) own: String,
    /// The writer's guest article, which is only ever added to the stories of other writers.
    pub(super) guest: Id,
    /// The stories to which the guest article was added.
    pub(super) visited: Vec<Id>,
    /// The versions of the contested article that this writer created, with their headlines.
    pub(super) claims: Vec<(i64, String)>,
    /// The mutations that have succeeded at least once.
    pub(super) done: BTreeSet<&'static str>,
}

impl<'a> Writer<'a> {
    /// Creates a writer with an edition and some objects of its own.
    pub(super) async fn start(
        fixture: &'a Fixture,
        shared: &'a SharedState,
        who: Who,
        seed: u64,
        number: usize,
    ) -> anyhow::Result<Self> {
        let mut writer = Self {
            fixture,
            shared,
            who,
            number,
            random: Random::of(seed, number),
            written: Written {
                own: format!("own-{number}"),
                ..Written::default()
            },
            steps: 0,
            names: 0,
        };
        let own = writer.written.own.clone();
        writer.add_edition(&own).await?;
        writer.add_guest().await?;
        for name in ["createTopic", "createStory", "createSection", "addMedia"] {
            writer.step(name).await?;
            writer.step(name).await?;
        }
        Ok(writer)
    }

    /// Goes through the deck `rounds` times, shuffled each time. Then continues until every mutation has
    /// succeeded once, for at most `MAX_EXTRA_ROUNDS` rounds. Some succeed rarely: reopening needs something to
    /// reopen.
    pub(super) async fn write(mut self, rounds: usize) -> anyhow::Result<Written> {
        let deck: Vec<_> = DECK
            .iter()
            .flat_map(|(name, times)| std::iter::repeat_n(*name, *times))
            .collect();
        for round in 0..rounds + MAX_EXTRA_ROUNDS {
            if round >= rounds && deck.iter().all(|name| self.written.done.contains(name)) {
                break;
            }
            for name in self.random.shuffled(&deck) {
                self.step(name).await?;
            }
        }
        Ok(self.written)
    }

    /// Takes one step.
    pub(super) async fn step(&mut self, name: &'static str) -> anyhow::Result<()> {
        self.steps += 1;
        // Boxed, because the combined futures are large.
        Box::pin(self.take(name))
            .await
            .with_context(|| format!("writer {}, step {}", self.number, self.steps))
    }

    async fn take(&mut self, name: &'static str) -> anyhow::Result<()> {
        match name {
            "createTopic" => self.create(name, &TOPIC).await,
            "createPerson" => self.create(name, &PERSON).await,
            "createSource" => self.create(name, &SOURCE).await,
            "createSection" => self.create(name, &SECTION).await,
            "createStory" => self.create(name, &STORY).await,
            "createLiveChannel" => self.create(name, &LIVE).await,
            "createFollowChannel" => self.create(name, &FOLLOW).await,
            "addMedia" => self.create(name, &MEDIA).await,
            "updateTopic" => self.update(name, &TOPIC).await,
            "updatePerson" => self.update(name, &PERSON).await,
            "updateSource" => self.update(name, &SOURCE).await,
            "updateSection" => self.update(name, &SECTION).await,
            "updateStory" => self.update(name, &STORY).await,
            "updateLiveChannel" => self.update(name, &LIVE).await,
            "updateFollowChannel" => self.update(name, &FOLLOW).await,
            "updateMedia" => self.update(name, &MEDIA).await,
            "createEdition" => self.create_edition().await,
            "updateEdition" => self.update_edition().await,
            "deleteLiveChannel" => self.delete_channel(name, &LIVE).await,
            "deleteFollowChannel" => self.delete_channel(name, &FOLLOW).await,
            "reorderLiveChannels" => self.arrange_channels(name, &LIVE).await,
            "reorderFollowChannels" => self.arrange_channels(name, &FOLLOW).await,
            "moveSection" => self.move_section().await,
            "reorderSections" => self.arrange_sections().await,
            "deleteSection" => self.delete_section().await,
            "addToStory" => self.add_to_story().await,
            "removeFromStory" => self.remove_from_story().await,
            "archiveStory" => self.archive_story().await,
            "reopenStory" => self.reopen_story().await,
            "mergeStories" => self.merge_stories().await,
            "pinStory" => self.pin_story().await,
            "unpinStory" => self.unpin_story().await,
            "reorderPinnedStories" => self.arrange_rail().await,
            "setLeadArticles" => self.set_lead_articles().await,
            "createArticle" => self.create_article().await,
            "updateArticle" if self.random.once_in(3) => self.contest().await,
            "updateArticle" => self.change_article(name, "SAVE").await,
            "correctArticle" => self.change_article(name, "CORRECT").await,
            "restoreRevision" => self.restore_revision().await,
            "setRelated" => self.set_related().await,
            "createPreview" => self.create_preview().await,
            "submitArticle" => self.take_step(name, "SUBMIT").await,
            "returnArticle" => self.take_step(name, "RETURN").await,
            "reopenArticle" => self.take_step(name, "REOPEN").await,
            "withdrawArticle" => self.take_step(name, "WITHDRAW").await,
            "publishArticle" => self.go_out(name, "PUBLISH").await,
            "scheduleArticle" => self.go_out(name, "SCHEDULE").await,
            _ => bail!("nobody writes {name}"),
        }
    }

    /// Returns the time of this step, which no other step of any writer has.
    pub(super) fn hour(&self) -> DateTime<Utc> {
        let seconds = self.steps * self.shared.writers + self.number;
        newsroom::now() + Duration::seconds(i64::try_from(seconds).unwrap_or_default())
    }

    /// Sends a mutation. Returns its payload and the codes of its user errors.
    pub(super) async fn try_send(
        &mut self,
        name: &'static str,
        payload: &str,
        input: &Value,
    ) -> anyhow::Result<(Value, Vec<String>)> {
        let document = mutation(name, payload);
        let variables = json!({ "input": input });
        let app = &self.fixture.app;
        let answered = app.ask_as(&self.who, self.hour(), &document, &variables);
        let mut value = answered.await?.value()?;
        ensure!(
            value["errors"].is_null(),
            "{name} {input}: {}",
            value["errors"]
        );
        let payload = value["data"][name].take();
        let errors = payload["userErrors"].as_array().into_iter().flatten();
        let codes = errors.filter_map(|error| error["code"].as_str().map(str::to_owned));
        let codes: Vec<_> = codes.collect();
        if codes.is_empty() {
            self.written.done.insert(name);
        }
        Ok((payload, codes))
    }

    /// Sends a mutation whose outcome the model predicts. Returns the payload, or `None` if the mutation
    /// is rejected with the expected code. Fails on any other outcome.
    pub(super) async fn send(
        &mut self,
        name: &'static str,
        payload: &str,
        input: &Value,
        refused: Option<&str>,
    ) -> anyhow::Result<Option<Value>> {
        let (payload, codes) = self.try_send(name, payload, input).await?;
        let code = codes.first().map(String::as_str);
        ensure!(
            code == refused,
            "{name} {input}: {:?} instead of {refused:?}",
            payload["userErrors"]
        );
        Ok(refused.is_none().then_some(payload))
    }

    /// Sends a mutation that can conflict with other writers. Returns whether it succeeded. Fails on any
    /// error code other than the allowed ones.
    pub(super) async fn send_among_others(
        &mut self,
        name: &'static str,
        input: &Value,
        allowed: &[&str],
    ) -> anyhow::Result<bool> {
        let (payload, codes) = self.try_send(name, "idempotencyKey", input).await?;
        ensure!(
            codes.iter().all(|code| allowed.contains(&code.as_str())),
            "{name} {input}: {}",
            payload["userErrors"]
        );
        Ok(codes.is_empty())
    }

    /// Returns one of the writer's two editions at random.
    pub(super) fn edition(&mut self) -> String {
        if self.random.once_in(2) {
            COMMON.to_owned()
        } else {
            self.written.own.clone()
        }
    }

    /// Returns a name that no other object has.
    pub(super) fn name(&mut self) -> String {
        self.names += 1;
        format!("اسم {} من {}", self.names, self.number)
    }

    /// Returns a random slug of the writer's own, which another of the writer's objects may already have.
    pub(super) fn slug(&mut self) -> String {
        format!("slug-{}-{}", self.number, self.random.below(8))
    }

    /// Returns the objects of a kind that an object in this edition may refer to.
    pub(super) fn referred(&self, noun: &Noun, edition: &str) -> Vec<Id> {
        let mut ids = self.written.model.of(noun, edition);
        if edition == COMMON {
            ids.extend(self.shared.seed_data.of(noun));
        }
        ids
    }

    /// Returns a random media object of the writer's own.
    pub(super) fn picture(&mut self) -> Option<Id> {
        let pictures = self.written.model.of(&MEDIA, "");
        self.random.pick(&pictures)
    }

    /// Returns a random object of this kind of the writer's own, and its edition.
    pub(super) fn mine(&mut self, noun: &Noun) -> Option<(Id, String)> {
        let objects = self.written.model.objects.iter();
        let objects: Vec<_> = objects
            .filter(|(_, object)| object.noun.name == noun.name)
            .map(|(id, object)| (id.clone(), object.edition.clone()))
            .collect();
        self.random.pick(&objects)
    }

    /// Returns a random article of the writer's own, usually one in any of these statuses if there is
    /// one.
    pub(super) fn article(&mut self, statuses: &[&str]) -> Option<Id> {
        let of = |statuses: &[&str]| -> Vec<Id> {
            let editions = [self.written.own.as_str(), COMMON];
            let articles =
                editions.map(|edition| self.written.model.articles_of(edition, statuses));
            articles.concat()
        };
        let (fitting, all) = (of(statuses), of(&[]));
        if fitting.is_empty() || self.random.once_in(6) {
            self.random.pick(&all)
        } else {
            self.random.pick(&fitting)
        }
    }

    /// Returns a random position in a list, or `None` one time in three.
    pub(super) fn position(&mut self) -> Option<usize> {
        (!self.random.once_in(3)).then(|| self.random.below(4))
    }

    /// Returns the IDs of the writer's editions.
    pub(super) fn editions(&self) -> Vec<Id> {
        self.written.model.of(&EDITION, "")
    }
}

/// Returns the ID of the object in this field of a payload.
pub(super) fn id_in(payload: &Value, field: &str) -> anyhow::Result<Id> {
    let id = payload[field]["id"].as_str();
    Ok(id
        .with_context(|| format!("no {field} in {payload}"))?
        .to_owned())
}
