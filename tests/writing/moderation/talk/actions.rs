//! The actions: posting, editing, reporting, moderating, and setting who may comment.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::super::model::{CommentIndex, ModelComment, PersonIndex, Settings, WINDOW};
use crate::comment::{EDIT, MODERATE, POST, REPORT, SET_ARTICLE, SET_EDITION};

use super::RandomRun;

impl RandomRun<'_> {
    /// Returns a random comment, usually one of the latest, which can still be edited.
    fn comment(&mut self) -> CommentIndex {
        let many = self.model.comments.len();
        let back = if self.random.once_in(3) {
            many
        } else {
            many.min(10)
        };
        many - 1 - self.random.below(back)
    }

    /// Returns a new text, or sometimes one that was posted before by anyone or by this person on this
    /// article.
    fn comment_text(&mut self, by: PersonIndex, article: usize) -> String {
        let comment = self.model.comments.iter();
        let here = comment.filter(|comment| comment.by == by && comment.article == article);
        let here: Vec<_> = here.map(|comment| comment.text.clone()).collect();
        let all = self
            .model
            .comments
            .iter()
            .map(|comment| comment.text.clone());
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
        if !self.model.comments.is_empty() && !self.random.once_in(4) {
            let index = self.comment();
            parent = Some(index);
            if !self.random.once_in(10) {
                article = self.model.comments[index].article;
            }
        }
        let (text, hour) = (self.comment_text(by, article), self.hour());
        let expected = self.model.post(by, article, parent, &text, hour);
        let input = json!({"article": self.model.articles[article].id, "text": text,
            "parent": parent.map(|parent| &self.model.comments[parent].id)});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, POST, input, expected).await? else {
            return Ok(());
        };
        let status = self.model.initial_status(article);
        ensure!(payload["comment"]["status"] == status, "{payload}");
        let id = payload["comment"]["id"].as_str();
        self.covered.insert("posted");
        self.model.comments.push(ModelComment {
            id: id.context("no id")?.to_owned(),
            article,
            parent,
            depth: parent.map_or(0, |parent| self.model.comments[parent].depth + 1),
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
    pub(super) fn editable_with_replies(&mut self) -> Option<CommentIndex> {
        let hour = self.hour();
        let there = (0..self.model.comments.len()).filter(|at| {
            let in_time = hour - self.model.comments[*at].at < WINDOW;
            in_time && self.model.shown(*at) && self.model.replies(*at) > 0
        });
        let there: Vec<_> = there.collect();
        self.random.pick(&there)
    }

    /// Sets the article to pre-moderation, then edits the comment as its author.
    pub(super) async fn edit_into_premoderation(
        &mut self,
        index: CommentIndex,
    ) -> anyhow::Result<()> {
        let comment = self.model.comments[index].clone();
        let article = &mut self.model.articles[comment.article];
        article.settings.mode = Some("PRE_MODERATED");
        article.settings.days = Some(0);
        let input = json!({"id": article.id, "mode": "PRE_MODERATED", "closesAfterDays": 0});
        let editor = self.fixture.editor.clone();
        self.send(&editor, SET_ARTICLE, input, Ok(())).await?;
        let text = format!("رأي {}", self.steps);
        self.change(comment.by, index, text).await
    }

    /// Returns a comment that its author can still edit, with a text that would be rejected as repeated.
    fn repeated_edit(&mut self) -> Option<(CommentIndex, String)> {
        let hour = self.hour();
        let comments = &self.model.comments;
        let pairs =
            (0..comments.len()).flat_map(|at| comments.iter().map(move |other| (at, other)));
        let echoes = pairs.filter(|(at, other)| {
            let edit = self.model.edit(comments[*at].by, *at, &other.text, hour);
            edit.is_err_and(|refusal| refusal.code == "REPEATED")
        });
        let echoes: Vec<_> = echoes.map(|(at, other)| (at, other.text.clone())).collect();
        self.random.pick(&echoes)
    }

    pub(super) async fn edit(&mut self) -> anyhow::Result<()> {
        if self.random.once_in(8)
            && let Some((index, text)) = self.repeated_edit()
        {
            return self
                .change(self.model.comments[index].by, index, text)
                .await;
        }
        let index = self.comment();
        let old = &self.model.comments[index];
        let (author, article, same) = (old.by, old.article, old.text.clone());
        let by = if self.random.once_in(4) {
            self.random.below(self.people.len())
        } else {
            author
        };
        let text = if self.random.once_in(8) {
            same
        } else {
            self.comment_text(by, article)
        };
        self.change(by, index, text).await
    }

    /// Edits a comment to this text as the given person.
    async fn change(
        &mut self,
        by: PersonIndex,
        index: CommentIndex,
        text: String,
    ) -> anyhow::Result<()> {
        let (old, hour) = (self.model.comments[index].clone(), self.hour());
        let expected = self.model.edit(by, index, &text, hour);
        let input = json!({"id": old.id, "text": text});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, EDIT, input, expected).await? else {
            return Ok(());
        };
        if text == old.text {
            self.covered.insert("edited to the same");
        } else {
            let editable_with_replies = self.model.shown(index) && self.model.replies(index) > 0;
            let status = self.model.initial_status(old.article);
            let comment = &mut self.model.comments[index];
            (comment.text, comment.edited, comment.status) = (text, Some(hour), status);
            self.covered.insert("edited");
            if editable_with_replies && !self.model.shown(index) {
                self.covered.insert("edited and gone with its answers");
            }
        }
        // Authors can see their own comment whatever its status.
        let comment = &self.model.comments[index];
        let payload_comment = &payload["comment"];
        ensure!(
            payload_comment["id"] == *comment.id
                && payload_comment["text"] == *comment.text
                && payload_comment["status"] == comment.status,
            "{payload}"
        );
        Ok(())
    }

    pub(super) async fn report(&mut self) -> anyhow::Result<()> {
        let by: PersonIndex = self.random.below(self.people.len());
        // The choice is narrow, so that the same comment is reported again.
        let (index, hour) = (self.comment(), self.hour());
        let reason = format!("سبب {}", self.steps);
        let expected = self.model.report(by, index);
        let input = json!({"id": self.model.comments[index].id, "reason": reason});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, REPORT, input, expected).await? else {
            return Ok(());
        };
        let comment = &mut self.model.comments[index];
        ensure!(payload["comment"]["id"] == *comment.id, "{payload}");
        let edited = comment.edited;
        let former = comment
            .reports
            .iter()
            .position(|(reporter, ..)| *reporter == by);
        let is_of_these_words =
            |index: usize| edited.is_none_or(|edited| edited <= comment.reports[index].2);
        if former.is_some_and(is_of_these_words) {
            self.covered.insert("reported again");
        } else {
            if let Some(former) = former {
                comment.reports.remove(former);
                self.covered.insert("reported again after it was changed");
            }
            comment.reports.push((by, reason, hour));
            comment.open_reports += 1;
            self.covered.insert("reported");
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
        let fits = |at: &CommentIndex| from.contains(&self.model.comments[*at].status);
        let expected = (0..chosen.len()).filter(|index| !fits(&chosen[*index]));
        let expected: Vec<_> = expected
            .map(|index| json!(["ids", index.to_string()]))
            .collect();
        let fitting: Vec<_> = chosen.iter().copied().filter(fits).collect();
        let reason = format!("قرار {}", self.steps);
        let ids: Vec<_> = chosen
            .iter()
            .map(|at| &self.model.comments[*at].id)
            .collect();
        let input = json!({"ids": ids, "decision": decision, "reason": reason});
        let editor = &self.fixture.editor;
        let payload = self.fixture.write_at(editor, self.hour(), MODERATE, input);
        let payload = payload.await?;
        let errors = payload["userErrors"].as_array().into_iter().flatten();
        let fields: Vec<_> = errors.map(|error| error["field"].clone()).collect();
        ensure!(fields == expected, "{payload}: {expected:?}");
        if fitting.is_empty() {
            self.covered.insert("decided about none");
        }
        for at in fitting {
            let comment = &mut self.model.comments[at];
            self.covered.insert("decided");
            if comment.open_reports > 0 {
                self.covered.insert("decided about what was reported");
            }
            (comment.status, comment.open_reports) = (to, 0);
            comment.reason = Some(reason.clone());
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
        let editor = self.fixture.editor.clone();
        self.send(&editor, SET_ARTICLE, input, Ok(())).await?;
        self.model.articles[article].settings = new;
        self.covered
            .insert("an article opened, closed or moderated");
        Ok(())
    }

    pub(super) async fn set_edition(&mut self) -> anyhow::Result<()> {
        let (new, input) = self.patch(self.model.edition);
        let editor = self.fixture.editor.clone();
        self.send(&editor, SET_EDITION, input, Ok(())).await?;
        self.model.edition = new;
        self.covered
            .insert("the edition opened, closed or moderated");
        Ok(())
    }
}
