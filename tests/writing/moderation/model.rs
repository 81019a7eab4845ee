//! The expected state of a discussion: all comments with their moderation decisions and reports, and the
//! commenting settings.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::commenting::REPEATED_WITHIN;

/// A comment, as an index into [`Model::comments`].
pub(super) type CommentIndex = usize;
/// A person with an account, as an index into the list of participants.
pub(super) type PersonIndex = usize;

/// Period after posting in which a comment can be edited.
pub(super) const WINDOW: Duration = Duration::minutes(30);

/// A comment.
#[derive(Clone)]
pub(super) struct ModelComment {
    pub(super) id: String,
    /// The article commented on, as an index into [`Model::articles`].
    pub(super) article: usize,
    pub(super) parent: Option<CommentIndex>,
    pub(super) depth: i64,
    pub(super) by: PersonIndex,
    pub(super) text: String,
    pub(super) status: &'static str,
    pub(super) reason: Option<String>,
    pub(super) at: DateTime<Utc>,
    pub(super) edited: Option<DateTime<Utc>>,
    /// The reports, oldest first: reporter, reason and time. An account can report the same text only
    /// once.
    pub(super) reports: Vec<(PersonIndex, String, DateTime<Utc>)>,
    /// Number of reports since the last moderation decision.
    pub(super) open_reports: usize,
}

/// The commenting settings of an article or edition. An absent value is inherited from the level above.
#[derive(Clone, Copy, Default)]
pub(super) struct Settings {
    pub(super) mode: Option<&'static str>,
    pub(super) days: Option<i64>,
    pub(super) depth: Option<i64>,
}

impl Settings {
    /// Returns these settings, with absent values taken from `above`.
    fn over(self, above: Self) -> Self {
        Self {
            mode: self.mode.or(above.mode),
            days: self.days.or(above.days),
            depth: self.depth.or(above.depth),
        }
    }
}

/// The effective commenting settings, with every value present.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) mode: &'static str,
    /// Number of days after publication until commenting closes. 0 means never.
    pub(super) days: i64,
    pub(super) depth: i64,
}

impl From<Settings> for Policy {
    /// Replaces absent values with the newsroom's defaults.
    fn from(settings: Settings) -> Self {
        Self {
            mode: settings.mode.unwrap_or("PRE_MODERATED"),
            days: settings.days.unwrap_or(0),
            depth: settings.depth.unwrap_or(3),
        }
    }
}

/// An article with comments.
pub(super) struct Article {
    pub(super) id: String,
    pub(super) published_at: DateTime<Utc>,
    pub(super) settings: Settings,
}

/// The reason for a rejection, and the expected error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// A description in the test's own words, to distinguish rejections with the same code.
    pub(super) why: &'static str,
    pub(super) code: &'static str,
    pub(super) field: &'static str,
}

const fn refuse(why: &'static str, code: &'static str, field: &'static str) -> Refusal {
    Refusal { why, code, field }
}

/// The expected state.
pub(super) struct Model {
    /// All comments, in the order in which they were posted.
    pub(super) comments: Vec<ModelComment>,
    pub(super) articles: Vec<Article>,
    /// The commenting settings of the edition.
    pub(super) edition: Settings,
    /// The person who can see every comment.
    pub(super) moderator: PersonIndex,
}

impl Model {
    pub(super) fn policy(&self, article: usize) -> Policy {
        self.articles[article].settings.over(self.edition).into()
    }

    /// Returns the time at which commenting on an article closes automatically.
    pub(super) fn closes_at(&self, article: usize) -> Option<DateTime<Utc>> {
        let days = self.policy(article).days;
        (days > 0).then(|| self.articles[article].published_at + Duration::days(days))
    }

    pub(super) fn is_open(&self, article: usize, at: DateTime<Utc>) -> bool {
        let in_time = self.closes_at(article).is_none_or(|closes| at < closes);
        self.policy(article).mode != "CLOSED" && in_time
    }

    /// Returns the status of a comment after it is posted or edited.
    pub(super) fn initial_status(&self, article: usize) -> &'static str {
        match self.policy(article).mode {
            "POST_MODERATED" => "APPROVED",
            _ => "PENDING",
        }
    }

    /// Whether readers can see the comment. All its ancestors must be approved too.
    pub(super) fn shown(&self, at: CommentIndex) -> bool {
        let comment = &self.comments[at];
        comment.status == "APPROVED" && comment.parent.is_none_or(|parent| self.shown(parent))
    }

    /// Whether a person may see the comment. `None` is an anonymous reader.
    pub(super) fn known(&self, at: CommentIndex, to: Option<PersonIndex>) -> bool {
        let theirs = to.is_some_and(|to| to == self.moderator || to == self.comments[at].by);
        theirs || self.shown(at)
    }

    /// Returns the visible replies to a comment, or the visible top-level comments, oldest first.
    pub(super) fn thread(&self, article: usize, parent: Option<CommentIndex>) -> Vec<CommentIndex> {
        let all = 0..self.comments.len();
        let here = |at: &CommentIndex| {
            let comment = &self.comments[*at];
            comment.article == article && comment.parent == parent && self.shown(*at)
        };
        all.filter(here).collect()
    }

    /// Returns the number of visible comments on an article, including replies.
    pub(super) fn count(&self, article: usize) -> usize {
        let all = 0..self.comments.len();
        all.filter(|at| self.comments[*at].article == article && self.shown(*at))
            .count()
    }

    /// Returns the number of visible direct replies to a comment.
    pub(super) fn replies(&self, at: CommentIndex) -> usize {
        self.thread(self.comments[at].article, Some(at)).len()
    }

    /// Whether a person has recently posted the same text on this article, in a comment other than
    /// `except`.
    fn repeats(
        &self,
        by: PersonIndex,
        article: usize,
        text: &str,
        at: DateTime<Utc>,
        except: Option<CommentIndex>,
    ) -> bool {
        let mut comment = self.comments.iter().enumerate();
        comment.any(|(index, comment)| {
            let lately = comment.at > at - REPEATED_WITHIN;
            let same = comment.by == by && comment.article == article && comment.text == text;
            lately && same && Some(index) != except
        })
    }

    /// Checks whether a person can post this comment. Returns the expected rejection if not.
    pub(super) fn post(
        &self,
        by: PersonIndex,
        article: usize,
        parent: Option<CommentIndex>,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if !self.is_open(article, at) {
            return Err(refuse("posted where it is closed", "CLOSED", "article"));
        }
        if let Some(parent) = parent {
            let there = self.comments[parent].article == article && self.shown(parent);
            if !there {
                let why = "answered what is not there";
                return Err(refuse(why, "NOT_FOUND", "parent"));
            }
            if self.comments[parent].depth >= self.policy(article).depth {
                return Err(refuse("answered too deep", "INVALID", "parent"));
            }
        }
        if self.repeats(by, article, text, at, None) {
            return Err(refuse("posted the same again", "REPEATED", "text"));
        }
        Ok(())
    }

    /// Checks whether a person can edit a comment to this text. Returns the expected rejection if not.
    pub(super) fn edit(
        &self,
        by: PersonIndex,
        index: CommentIndex,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let comment = &self.comments[index];
        if !self.known(index, Some(by)) {
            let why = "edited what they do not see";
            return Err(refuse(why, "NOT_FOUND", "id"));
        }
        if comment.by != by {
            let why = "edited another's comment";
            return Err(refuse(why, "NOT_ALLOWED", "id"));
        }
        if !matches!(comment.status, "PENDING" | "APPROVED") {
            let why = "edited what was taken back";
            return Err(refuse(why, "WRONG_STATUS", "id"));
        }
        if !self.is_open(comment.article, at) {
            return Err(refuse("edited where it is closed", "CLOSED", "id"));
        }
        if at - comment.at >= WINDOW {
            return Err(refuse("edited too late", "CLOSED", "id"));
        }
        if comment.text != text && self.repeats(by, comment.article, text, at, Some(index)) {
            let why = "edited to what they said elsewhere";
            return Err(refuse(why, "REPEATED", "text"));
        }
        Ok(())
    }

    /// Checks whether a person can report a comment. Returns the expected rejection if not.
    pub(super) fn report(&self, by: PersonIndex, index: CommentIndex) -> Result<(), Refusal> {
        if self.known(index, Some(by)) {
            return Ok(());
        }
        let why = "reported what they do not see";
        Err(refuse(why, "NOT_FOUND", "id"))
    }

    /// Returns the state behind each cache key. If the state differs after a write, the change feed must
    /// contain the key. A key consists of the noun, the object's global ID and the list.
    pub(super) fn behind_keys(&self) -> BTreeMap<(&'static str, &str, &'static str), String> {
        let mut behind = BTreeMap::new();
        let names = |places: Vec<CommentIndex>| {
            let ids: Vec<_> = places
                .iter()
                .map(|at| self.comments[*at].id.as_str())
                .collect();
            ids.join(" ")
        };
        for (index, article) in self.articles.iter().enumerate() {
            let id = article.id.as_str();
            let threads = names(self.thread(index, None));
            let threads = format!("{} {threads}", self.count(index));
            behind.insert(("article", id, "comments"), threads);
            let Settings { mode, days, depth } = article.settings;
            let decided = format!("{mode:?} {days:?} {depth:?}");
            behind.insert(("article", id, "commenting"), decided);
        }
        for (index, comment) in self.comments.iter().enumerate() {
            let id = comment.id.as_str();
            let it = format!(
                "{} {} {} {:?}",
                self.shown(index),
                comment.status,
                comment.text,
                comment.reason
            );
            behind.insert(("comment", id, ""), it);
            let replies = names(self.thread(comment.article, Some(index)));
            let replies = format!("{} {replies}", self.replies(index));
            behind.insert(("comment", id, "replies"), replies);
            behind.insert(("comment", id, "reports"), format!("{:?}", comment.reports));
        }
        behind
    }
}
