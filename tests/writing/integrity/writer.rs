//! A writer: takes random steps through the API, and keeps a model of what there is after each.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Duration, Utc};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use super::model::{Id, Model};
use super::noun::{EDITION, FOLLOW, LIVE, MEDIA, Noun, PERSON, SECTION, SOURCE, STORY, TOPIC};
use super::stock::Stock;
use crate::Desk;
use crate::agreement::mutation;
use crate::random::Random;

/// Every mutation that writers send, and how often it comes among the others.
pub(super) const DECK: [(&str, usize); 49] = [
    ("addMedia", 1),
    ("addToStory", 4),
    ("archiveStory", 1),
    ("arrangeFollowChannels", 1),
    ("arrangeLiveChannels", 1),
    ("arrangeRail", 1),
    ("arrangeSections", 1),
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
    // Once more what others are in the way of.
    ("mergeStories", 1),
    ("addToStory", 2),
    ("moveSection", 1),
];

/// How many rounds more it takes at most until every mutation was carried out.
const PATIENCE: usize = 8;

/// The edition in which all write.
pub(super) const COMMON: &str = "ar";

/// What writers have in common.
pub(super) struct Room {
    pub(super) stock: Stock,
    /// The article that all change, each the version that they have read.
    pub(super) contested: Id,
    /// Stories that their writers may merge, and to which others add.
    lent: Mutex<Vec<(usize, Id)>>,
    /// How many write.
    pub(super) writers: usize,
}

impl Room {
    pub(super) fn new(stock: Stock, contested: Id, writers: usize) -> Self {
        Self {
            stock,
            contested,
            lent: Mutex::default(),
            writers,
        }
    }

    /// Lets others add to a story of this writer.
    pub(super) fn lend(&self, writer: usize, story: &Id) {
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        lent.push((writer, story.clone()));
    }

    /// The stories that were lent, in that order, each with its writer.
    pub(super) fn lent(&self) -> Vec<(usize, Id)> {
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        lent.clone()
    }
}

pub(super) struct Writer<'a> {
    pub(super) desk: &'a Desk,
    pub(super) room: &'a Room,
    pub(super) who: Who,
    pub(super) number: usize,
    pub(super) random: Random,
    pub(super) written: Written,
    steps: usize,
    names: usize,
}

/// What one has written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) model: Model,
    /// The edition in which nobody else writes: there, orders are exact too.
    pub(super) own: String,
    /// An article of its own that only ever comes to the stories of others.
    pub(super) guest: Id,
    /// The stories to which it came.
    pub(super) visited: Vec<Id>,
    /// The versions of the contested article that it made, and their headlines.
    pub(super) claims: Vec<(i64, String)>,
    /// Which mutations were carried out.
    pub(super) done: BTreeSet<&'static str>,
}

impl<'a> Writer<'a> {
    /// A writer with an edition and some things of its own.
    pub(super) async fn sit_down(
        desk: &'a Desk,
        room: &'a Room,
        who: Who,
        seed: u64,
        number: usize,
    ) -> anyhow::Result<Self> {
        let mut writer = Self {
            desk,
            room,
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

    /// Goes through the deck so many times, each time in another order; then again, until every
    /// mutation was carried out once, which some rarely are: there has to be something to reopen.
    pub(super) async fn write(mut self, rounds: usize) -> anyhow::Result<Written> {
        let deck: Vec<_> = DECK
            .iter()
            .flat_map(|(name, times)| std::iter::repeat_n(*name, *times))
            .collect();
        for round in 0..rounds + PATIENCE {
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
        // On the heap: together they are large.
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
            "arrangeLiveChannels" => self.arrange_channels(name, &LIVE).await,
            "arrangeFollowChannels" => self.arrange_channels(name, &FOLLOW).await,
            "moveSection" => self.move_section().await,
            "arrangeSections" => self.arrange_sections().await,
            "deleteSection" => self.delete_section().await,
            "addToStory" => self.add_to_story().await,
            "removeFromStory" => self.remove_from_story().await,
            "archiveStory" => self.archive_story().await,
            "reopenStory" => self.reopen_story().await,
            "mergeStories" => self.merge_stories().await,
            "pinStory" => self.pin_story().await,
            "unpinStory" => self.unpin_story().await,
            "arrangeRail" => self.arrange_rail().await,
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

    /// The hour of this step, which no other step of anybody has.
    pub(super) fn hour(&self) -> DateTime<Utc> {
        let seconds = self.steps * self.room.writers + self.number;
        newsroom::now() + Duration::seconds(i64::try_from(seconds).unwrap_or_default())
    }

    /// Sends a mutation: its payload, and the codes of what kept it from being carried out.
    pub(super) async fn try_send(
        &mut self,
        name: &'static str,
        payload: &str,
        input: &Value,
    ) -> anyhow::Result<(Value, Vec<String>)> {
        let document = mutation(name, payload);
        let variables = json!({ "input": input });
        let app = &self.desk.app;
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

    /// The same for a mutation of which the model knows what comes: the payload of one that is
    /// carried out, or nothing where it is refused with this code.
    pub(super) async fn send(
        &mut self,
        name: &'static str,
        payload: &str,
        input: &Value,
        refused: Option<&str>,
    ) -> anyhow::Result<Option<Value>> {
        let (payload, codes) = self.try_send(name, payload, input).await?;
        let told = codes.first().map(String::as_str);
        ensure!(
            told == refused,
            "{name} {input} was told {:?} instead of {refused:?}",
            payload["userErrors"]
        );
        Ok(refused.is_none().then_some(payload))
    }

    /// The same for what others may be in the way of: whether it was carried out.
    pub(super) async fn send_among_others(
        &mut self,
        name: &'static str,
        input: &Value,
        allowed: &[&str],
    ) -> anyhow::Result<bool> {
        let (payload, codes) = self.try_send(name, "clientMutationId", input).await?;
        ensure!(
            codes.iter().all(|code| allowed.contains(&code.as_str())),
            "{name} {input} was told {}",
            payload["userErrors"]
        );
        Ok(codes.is_empty())
    }

    /// One of the two editions that it writes in.
    pub(super) fn edition(&mut self) -> String {
        if self.random.once_in(2) {
            COMMON.to_owned()
        } else {
            self.written.own.clone()
        }
    }

    /// A name that nothing else has.
    pub(super) fn name(&mut self) -> String {
        self.names += 1;
        format!("اسم {} من {}", self.names, self.number)
    }

    /// A slug of the writer's own, which something else of theirs may have already.
    pub(super) fn slug(&mut self) -> String {
        format!("slug-{}-{}", self.number, self.random.below(8))
    }

    /// Things of a kind to which something in this edition may refer.
    pub(super) fn referred(&self, noun: &Noun, edition: &str) -> Vec<Id> {
        let mut ids = self.written.model.of(noun, edition);
        if edition == COMMON {
            ids.extend(self.room.stock.of(noun));
        }
        ids
    }

    /// Media of its own.
    pub(super) fn picture(&mut self) -> Option<Id> {
        let pictures = self.written.model.of(&MEDIA, "");
        self.random.pick(&pictures)
    }

    /// Something of its own of this kind, and its edition.
    pub(super) fn mine(&mut self, noun: &Noun) -> Option<(Id, String)> {
        let things = self.written.model.things.iter();
        let things: Vec<_> = things
            .filter(|(_, thing)| thing.noun.name == noun.name)
            .map(|(id, thing)| (id.clone(), thing.edition.clone()))
            .collect();
        self.random.pick(&things)
    }

    /// An article of its own, usually one in such a status if there is one.
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

    /// A place in a list; mostly one that is there, at times none.
    pub(super) fn position(&mut self) -> Option<usize> {
        (!self.random.once_in(3)).then(|| self.random.below(4))
    }

    /// An edition in the model, with its face.
    pub(super) fn editions(&self) -> Vec<Id> {
        self.written.model.of(&EDITION, "")
    }
}

/// The id of what a payload tells of.
pub(super) fn told(payload: &Value, field: &str) -> anyhow::Result<Id> {
    let id = payload[field]["id"].as_str();
    Ok(id
        .with_context(|| format!("no {field} in {payload}"))?
        .to_owned())
}
