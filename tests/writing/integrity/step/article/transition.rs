//! Steps of the workflow: an article is submitted, scheduled, published, withdrawn.

use chrono::Duration;
use serde_json::json;

use super::stamp;
use crate::integrity::AFTER_END;
use crate::integrity::model::leads;
use crate::integrity::writer::Writer;

impl Writer<'_> {
    /// Takes a workflow step that does not change the content.
    pub(in crate::integrity) async fn take_step(
        &mut self,
        name: &'static str,
        step: &'static str,
    ) -> anyhow::Result<()> {
        let from: &[&str] = match step {
            "SUBMIT" => &["DRAFT"],
            "RETURN" => &["REVIEW", "SCHEDULED"],
            "REOPEN" => &["WITHDRAWN"],
            _ => &["PUBLISHED"],
        };
        let Some(id) = self.article(from) else {
            return Ok(());
        };
        let article = &self.written.model.articles[&id];
        let (to, current) = (leads(step, article.status()), article.version());
        let (version, stale) = self.version(current);
        let reason = format!("سبب {}", self.random.below(1000));
        let mut input = json!({"id": id, "version": version});
        if step == "WITHDRAW" {
            input["reason"] = json!(reason);
        }
        let refused = match to {
            None => Some("WRONG_STATUS"),
            Some(_) => stale.then_some("STALE"),
        };
        let sent = self.send(name, "article { id }", &input, refused).await?;
        let (Some(_), Some(to)) = (sent, to) else {
            return Ok(());
        };
        let at = self.hour();
        if let Some(article) = self.written.model.articles.get_mut(&id) {
            article.take(step, to, at, None);
            if step == "WITHDRAW" {
                article.reason = Some(reason);
            }
        }
        Ok(())
    }

    /// Publishes or schedules an article: now, at a given time, or when its embargo ends.
    pub(in crate::integrity) async fn go_out(
        &mut self,
        name: &'static str,
        step: &'static str,
    ) -> anyhow::Result<()> {
        let Some(id) = self.article(&["DRAFT", "REVIEW", "SCHEDULED"]) else {
            return Ok(());
        };
        let now = self.hour();
        let article = &self.written.model.articles[&id];
        let (old, to) = (article.embargo, leads(step, article.status()));
        let mut input = json!({"id": id});
        let mut embargo = old;
        if step == "PUBLISH" {
            embargo = match self.random.below(6) {
                0 => Some(now + Duration::seconds(self.seconds())),
                1 => None,
                _ => old,
            };
            if embargo != old {
                input["embargo"] = json!(embargo.map(stamp));
            }
        }
        let at = (step == "SCHEDULE" || self.random.once_in(6))
            .then(|| now + Duration::seconds(self.seconds()));
        if let Some(at) = at {
            input["at"] = json!(stamp(at));
        }
        let closed = embargo.filter(|until| *until > now);
        let early = at.is_some_and(|at| closed.is_some_and(|until| at < until));
        let refused = if to.is_none() {
            Some("WRONG_STATUS")
        } else {
            early.then_some("INVALID")
        };
        let sent = self.send(name, "article { id }", &input, refused).await?;
        if sent.is_none() {
            return Ok(());
        }
        let when = match step {
            "SCHEDULE" => at,
            _ => at.or(closed).filter(|when| *when > now),
        };
        if let Some(article) = self.written.model.articles.get_mut(&id) {
            article.embargo = embargo;
            if when.is_some() {
                article.scheduled = when;
                article.take("SCHEDULE", "SCHEDULED", now, None);
            } else {
                article.take("PUBLISH", "PUBLISHED", now, None);
            }
        }
        self.written.model.went_out(&id);
        Ok(())
    }

    /// Returns a random delay in seconds: none, a short one, or one beyond the end of the test.
    fn seconds(&mut self) -> i64 {
        let ahead = [0, 1, 60, 600, AFTER_END];
        self.random.pick(&ahead).unwrap_or_default()
    }
}
