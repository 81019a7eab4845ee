//! The actions: posting, editing, reporting, moderating, and setting who may comment.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::super::model::{Person, Place, Said, Settings, WINDOW};
use crate::comment::{EDIT, MODERATE, POST, REPORT, SET_ARTICLE, SET_EDITION};

use super::Talk;

impl Talk<'_> {
    /// Returns a random comment, usually one of the latest, which can still be edited.
    fn comment(&mut self) -> Place {
        let many = self.model.said.len();
        let back = if self.random.once_in(3) {
            many
        } else {
            many.min(10)
        };
        many - 1 - self.random.below(back)
    }

    /// Returns a new text, or sometimes one that was posted before by anyone or by this person on this
    /// article.
    fn words(&mut self, by: Person, article: usize) -> String {
        let said = self.model.said.iter();
        let here = said.filter(|said| said.by == by && said.article == article);
        let here: Vec<_> = here.map(|said| said.text.clone()).collect();
        let all = self.model.said.iter().map(|said| said.text.clone());
        let all: Vec<_> = all.collect();
        let again = match self.random.below(6) {
            0 => self.random.pick(&all),
            1 => self.random.pick(&here),
            _ => None,
        };
        again.unwrap_or_else(|| format!("رأي {}", self.steps))
    }

    pub(super) async fn post(&mut self) -> anyhow::Result<()> {
        let by = self.random.below(self.people.len());
        let mut article = self.random.below(self.model.articles.len());
        let mut parent = None;
        if !self.model.said.is_empty() && !self.random.once_in(4) {
            let place = self.comment();
            parent = Some(place);
            if !self.random.once_in(10) {
                article = self.model.said[place].article;
            }
        }
        let (text, hour) = (self.words(by, article), self.hour());
        let expected = self.model.post(by, article, parent, &text, hour);
        let input = json!({"article": self.model.articles[article].id, "text": text,
            "parent": parent.map(|parent| &self.model.said[parent].id)});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, POST, input, expected).await? else {
            return Ok(());
        };
        let status = self.model.initial_status(article);
        ensure!(payload["comment"]["status"] == status, "{payload}");
        let id = payload["comment"]["id"].as_str();
        self.met.insert("posted");
        self.model.said.push(Said {
            id: id.context("no id")?.to_owned(),
            article,
            parent,
            depth: parent.map_or(0, |parent| self.model.said[parent].depth + 1),
            by,
            text,
            status,
            reason: None,
            at: hour,
            edited: None,
            reports: Vec::new(),
            open_reports: 0,
        });
        Ok(())
    }

    /// Returns a random visible comment that has replies and can still be edited.
    pub(super) fn answered(&mut self) -> Option<Place> {
        let hour = self.hour();
        let there = (0..self.model.said.len()).filter(|at| {
            let in_time = hour - self.model.said[*at].at < WINDOW;
            in_time && self.model.shown(*at) && self.model.replies(*at) > 0
        });
        let there: Vec<_> = there.collect();
        self.random.pick(&there)
    }

    /// Sets the article to pre-moderation, then edits the comment as its author.
    pub(super) async fn send_back(&mut self, place: Place) -> anyhow::Result<()> {
        let said = self.model.said[place].clone();
        let article = &mut self.model.articles[said.article];
        article.settings.mode = Some("PRE_MODERATED");
        article.settings.days = Some(0);
        let input = json!({"id": article.id, "mode": "PRE_MODERATED", "closesAfterDays": 0});
        let editor = self.desk.editor.clone();
        self.send(&editor, SET_ARTICLE, input, Ok(())).await?;
        let text = format!("رأي {}", self.steps);
        self.change(said.by, place, text).await
    }

    /// Returns a comment that its author can still edit, with a text that would be rejected as repeated.
    fn echo(&mut self) -> Option<(Place, String)> {
        let hour = self.hour();
        let said = &self.model.said;
        let pairs = (0..said.len()).flat_map(|at| said.iter().map(move |other| (at, other)));
        let echoes = pairs.filter(|(at, other)| {
            let edit = self.model.edit(said[*at].by, *at, &other.text, hour);
            edit.is_err_and(|refusal| refusal.code == "REPEATED")
        });
        let echoes: Vec<_> = echoes.map(|(at, other)| (at, other.text.clone())).collect();
        self.random.pick(&echoes)
    }

    pub(super) async fn edit(&mut self) -> anyhow::Result<()> {
        if self.random.once_in(8)
            && let Some((place, text)) = self.echo()
        {
            return self.change(self.model.said[place].by, place, text).await;
        }
        let place = self.comment();
        let old = &self.model.said[place];
        let (author, article, same) = (old.by, old.article, old.text.clone());
        let by = if self.random.once_in(4) {
            self.random.below(self.people.len())
        } else {
            author
        };
        let text = if self.random.once_in(8) {
            same
        } else {
            self.words(by, article)
        };
        self.change(by, place, text).await
    }

    /// Edits a comment to this text as the given person.
    async fn change(&mut self, by: Person, place: Place, text: String) -> anyhow::Result<()> {
        let (old, hour) = (self.model.said[place].clone(), self.hour());
        let expected = self.model.edit(by, place, &text, hour);
        let input = json!({"id": old.id, "text": text});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, EDIT, input, expected).await? else {
            return Ok(());
        };
        if text == old.text {
            self.met.insert("edited to the same");
        } else {
            let answered = self.model.shown(place) && self.model.replies(place) > 0;
            let status = self.model.initial_status(old.article);
            let said = &mut self.model.said[place];
            (said.text, said.edited, said.status) = (text, Some(hour), status);
            self.met.insert("edited");
            if answered && !self.model.shown(place) {
                self.met.insert("edited and gone with its answers");
            }
        }
        // Authors can see their own comment whatever its status.
        let said = &self.model.said[place];
        let comment = &payload["comment"];
        ensure!(
            comment["id"] == *said.id
                && comment["text"] == *said.text
                && comment["status"] == said.status,
            "{payload}"
        );
        Ok(())
    }

    pub(super) async fn report(&mut self) -> anyhow::Result<()> {
        let by: Person = self.random.below(self.people.len());
        // The choice is narrow, so that the same comment is reported again.
        let (place, hour) = (self.comment(), self.hour());
        let reason = format!("سبب {}", self.steps);
        let expected = self.model.report(by, place);
        let input = json!({"id": self.model.said[place].id, "reason": reason});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, REPORT, input, expected).await? else {
            return Ok(());
        };
        let said = &mut self.model.said[place];
        ensure!(payload["comment"]["id"] == *said.id, "{payload}");
        let edited = said.edited;
        let former = said
            .reports
            .iter()
            .position(|(reporter, ..)| *reporter == by);
        let is_of_these_words =
            |place: usize| edited.is_none_or(|edited| edited <= said.reports[place].2);
        if former.is_some_and(is_of_these_words) {
            self.met.insert("reported again");
        } else {
            if let Some(former) = former {
                said.reports.remove(former);
                self.met.insert("reported again after it was changed");
            }
            said.reports.push((by, reason, hour));
            said.open_reports += 1;
            self.met.insert("reported");
        }
        Ok(())
    }

    pub(super) async fn decide(&mut self) -> anyhow::Result<()> {
        let chosen: Vec<_> = (0..=self.random.below(4)).map(|_| self.comment()).collect();
        let (decision, to, from): (_, _, &[&str]) = match self.random.below(5) {
            0 => ("HIDE", "HIDDEN", &["APPROVED", "HIDDEN"]),
            1 => ("REJECT", "REJECTED", &["PENDING", "REJECTED"]),
            _ => (
                "APPROVE",
                "APPROVED",
                &["PENDING", "APPROVED", "REJECTED", "HIDDEN"],
            ),
        };
        let fits = |at: &Place| from.contains(&self.model.said[*at].status);
        let expected = (0..chosen.len()).filter(|place| !fits(&chosen[*place]));
        let expected: Vec<_> = expected
            .map(|place| json!(["ids", place.to_string()]))
            .collect();
        let fitting: Vec<_> = chosen.iter().copied().filter(fits).collect();
        let reason = format!("قرار {}", self.steps);
        let ids: Vec<_> = chosen.iter().map(|at| &self.model.said[*at].id).collect();
        let input = json!({"ids": ids, "decision": decision, "reason": reason});
        let editor = &self.desk.editor;
        let payload = self.desk.write_at(editor, self.hour(), MODERATE, input);
        let payload = payload.await?;
        let errors = payload["userErrors"].as_array().into_iter().flatten();
        let fields: Vec<_> = errors.map(|error| error["field"].clone()).collect();
        ensure!(fields == expected, "{payload}: {expected:?}");
        if fitting.is_empty() {
            self.met.insert("decided about none");
        }
        for at in fitting {
            let said = &mut self.model.said[at];
            self.met.insert("decided");
            if said.open_reports > 0 {
                self.met.insert("decided about what was reported");
            }
            (said.status, said.open_reports) = (to, 0);
            said.reason = Some(reason.clone());
        }
        Ok(())
    }

    /// Returns random settings and the input that sets them. Omitted fields are unchanged. A null unsets
    /// a field.
    fn patch(&mut self, old: Settings) -> (Settings, Value) {
        let mut new = old;
        let mut input = json!({});
        if !self.random.once_in(3) {
            // Prefer open modes, because little happens while commenting is closed.
            let modes = [
                None,
                Some("PRE_MODERATED"),
                Some("PRE_MODERATED"),
                Some("POST_MODERATED"),
                Some("POST_MODERATED"),
                Some("POST_MODERATED"),
                Some("CLOSED"),
            ];
            new.mode = self.random.pick(&modes).flatten();
            input["mode"] = json!(new.mode);
        }
        if self.random.once_in(2) {
            // With 1 day, commenting is closed on every article, as all were published earlier than that.
            let days = [None, Some(0), Some(0), Some(3_650), Some(3_650), Some(1)];
            new.days = self.random.pick(&days).flatten();
            input["closesAfterDays"] = json!(new.days);
        }
        if self.random.once_in(2) {
            let depths = [None, Some(0), Some(1), Some(4), Some(4), Some(8)];
            new.depth = self.random.pick(&depths).flatten();
            input["depth"] = json!(new.depth);
        }
        (new, input)
    }

    pub(super) async fn set_article(&mut self) -> anyhow::Result<()> {
        // The last article is left out, so that it usually inherits the settings of the edition.
        let article = self.random.below(self.model.articles.len() - 1);
        let (new, mut input) = self.patch(self.model.articles[article].settings);
        input["id"] = json!(self.model.articles[article].id);
        let editor = self.desk.editor.clone();
        self.send(&editor, SET_ARTICLE, input, Ok(())).await?;
        self.model.articles[article].settings = new;
        self.met.insert("an article opened, closed or moderated");
        Ok(())
    }

    pub(super) async fn set_edition(&mut self) -> anyhow::Result<()> {
        let (new, input) = self.patch(self.model.edition);
        let editor = self.desk.editor.clone();
        self.send(&editor, SET_EDITION, input, Ok(())).await?;
        self.model.edition = new;
        self.met.insert("the edition opened, closed or moderated");
        Ok(())
    }
}
