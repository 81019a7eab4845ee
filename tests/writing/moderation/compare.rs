//! Comparison of the model with the views of readers, commenters and moderators.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::model::{CommentIndex, Model, PersonIndex, Policy};
use crate::Fixture;

/// Maximum number of items on one page.
const PAGE: usize = 100;

/// The moderation queue before the test. Each entry has the ID of the comment, its status, and whether it
/// has open reports. Oldest first.
pub(super) struct Queue(Vec<(String, String, bool)>);

impl Queue {
    pub(super) async fn before(fixture: &Fixture) -> anyhow::Result<Self> {
        let read = "{ comments(first: 100) { nodes { id status reportCount } } }";
        let found = fixture.ask(&fixture.editor, read, json!({})).await?;
        let nodes = found["comments"]["nodes"].as_array().into_iter().flatten();
        let entries = nodes.map(|node| {
            let text = |field: &str| Some(node[field].as_str()?.to_owned());
            let entry = (text("id")?, text("status")?, node["reportCount"] != 0);
            Some(entry)
        });
        let entries: Option<_> = entries.collect();
        Ok(Self(entries.context("an entry of the queue")?))
    }
}

impl Model {
    /// Checks every view at this time against the model.
    pub(super) async fn compare(
        &self,
        fixture: &Fixture,
        people: &[Who],
        queue: &Queue,
        hour: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let anonymous = Who::anonymous();
        for article in 0..self.articles.len() {
            self.threads(fixture, article).await?;
            self.taking_in(fixture, article, hour).await?;
        }
        self.edition(fixture).await?;
        self.by_id(fixture, &anonymous, None).await?;
        for (person, who) in people.iter().enumerate() {
            self.by_id(fixture, who, Some(person)).await?;
            self.own(fixture, who, person).await?;
        }
        self.in_moderation(fixture).await?;
        self.queues(fixture, queue).await?;
        self.most_commented(fixture).await
    }

    /// Checks that readers can page through all visible comments of an article, in order.
    async fn threads(&self, fixture: &Fixture, article: usize) -> anyhow::Result<()> {
        let mut open: Vec<Option<CommentIndex>> = vec![None];
        while let Some(parent) = open.pop() {
            let expected = self.thread(article, parent);
            let above = &self.articles[article].id;
            let above = parent.map_or(above, |parent| &self.comments[parent].id);
            let found = paged(fixture, above, expected.len()).await?;
            let expected_nodes = expected.iter().map(|at| {
                let comment = &self.comments[*at];
                json!({"id": comment.id, "text": comment.text, "replyCount": self.replies(*at)})
            });
            let expected_nodes: Vec<_> = expected_nodes.collect();
            ensure!(
                found == expected_nodes,
                "under {above}: {found:?} instead of {expected_nodes:?}"
            );
            open.extend(expected.into_iter().map(Some));
        }
        let read = format!(
            "{{ node(id: {:?}) {{ ... on Article {{ commentCount
                comments(first: 100) {{ nodes {{ id }} }} }} }} }}",
            self.articles[article].id
        );
        let found = fixture.ask(&Who::anonymous(), &read, json!({})).await?;
        ensure!(
            found["node"]["commentCount"] == self.count(article),
            "{} instead of {}",
            found["node"]["commentCount"],
            self.count(article)
        );
        // The default order is newest first.
        let newest = self.thread(article, None).into_iter().rev().take(PAGE);
        let newest: Vec<_> = newest
            .map(|at| json!({"id": self.comments[at].id}))
            .collect();
        ensure!(
            found["node"]["comments"]["nodes"] == json!(newest),
            "{found}"
        );
        Ok(())
    }

    async fn taking_in(
        &self,
        fixture: &Fixture,
        article: usize,
        hour: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let read = "query ($id: ID!) { node(id: $id) { ... on Article {
            commenting { open mode closesAt depth } } } }";
        let id = json!({"id": self.articles[article].id});
        let found = fixture
            .app
            .ask_as(&Who::anonymous(), hour, read, &id)
            .await?;
        let found = found.value()?["data"]["node"]["commenting"].take();
        let policy = self.policy(article);
        let closes = found["closesAt"].as_str().map(str::parse).transpose()?;
        ensure!(
            found["open"] == self.is_open(article, hour)
                && found["mode"] == policy.mode
                && found["depth"] == policy.depth
                && closes == self.closes_at(article),
            "{found} instead of {policy:?}, until {:?}",
            self.closes_at(article)
        );
        Ok(())
    }

    async fn edition(&self, fixture: &Fixture) -> anyhow::Result<()> {
        let read = "{ edition(slug: \"ar\") { commenting { mode closesAfterDays depth } } }";
        let found = fixture.ask(&Who::anonymous(), read, json!({})).await?;
        let Policy { mode, days, depth } = self.edition.into();
        let expected = json!({"mode": mode, "closesAfterDays": days, "depth": depth});
        ensure!(
            found["edition"]["commenting"] == expected,
            "{found} instead of {expected}"
        );
        Ok(())
    }

    /// Checks that a person finds by ID exactly the comments they may see, in their current state. A
    /// parent is included only if they may see it too.
    async fn by_id(
        &self,
        fixture: &Fixture,
        who: &Who,
        person: Option<PersonIndex>,
    ) -> anyhow::Result<()> {
        const READ: &str = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Comment {
            id text status authorName editedAt replyCount parent { id } } } }";
        for places in (0..self.comments.len()).collect::<Vec<_>>().chunks(PAGE) {
            let ids: Vec<_> = places.iter().map(|at| &self.comments[*at].id).collect();
            let found = fixture.ask(who, READ, json!({ "ids": ids })).await?;
            for (at, node) in places.iter().zip(listed(&found["nodes"])) {
                let comment = &self.comments[*at];
                if !self.known(*at, person) {
                    ensure!(node.is_null(), "{person:?} sees {node}");
                    continue;
                }
                let parent = comment.parent.filter(|parent| self.known(*parent, person));
                let parent = parent.map(|parent| json!({"id": self.comments[parent].id}));
                let edited = node["editedAt"].as_str().map(str::parse).transpose()?;
                ensure!(
                    node["id"] == *comment.id
                        && node["text"] == *comment.text
                        && node["status"] == comment.status
                        && node["replyCount"] == self.replies(*at)
                        && node["parent"] == json!(parent)
                        && edited == comment.edited,
                    "{person:?} sees {node}"
                );
            }
        }
        Ok(())
    }

    /// Checks that a person finds all their own comments, newest first, with the moderation decisions.
    async fn own(&self, fixture: &Fixture, who: &Who, person: PersonIndex) -> anyhow::Result<()> {
        const READ: &str = "query ($after: String) { list: myComments(first: 100, after: $after) {
            totalCount nodes { id status reason } pageInfo { hasNextPage endCursor } } }";
        let own = self
            .comments
            .iter()
            .rev()
            .filter(|comment| comment.by == person);
        let own = own.map(
            |comment| json!({"id": comment.id, "status": comment.status, "reason": comment.reason}),
        );
        let own: Vec<_> = own.collect();
        let found = all(fixture, who, READ).await?;
        ensure!(found == own, "{person}: {found:?} instead of {own:?}");
        Ok(())
    }

    /// Checks that moderators see the reports of each comment, and the reason for the latest decision.
    async fn in_moderation(&self, fixture: &Fixture) -> anyhow::Result<()> {
        const READ: &str = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Comment {
            id reason reportCount reportReasons } } }";
        for places in self.comments.chunks(PAGE) {
            let ids: Vec<_> = places.iter().map(|comment| &comment.id).collect();
            let found = fixture
                .ask(&fixture.editor, READ, json!({ "ids": ids }))
                .await?;
            let expected = places.iter().map(|comment| {
                let reasons = comment.reports.iter().rev().map(|(_, reason, _)| reason);
                let reasons: Vec<_> = reasons.collect();
                json!({"id": comment.id, "reason": comment.reason, "reportCount": comment.open_reports,
                    "reportReasons": reasons})
            });
            let expected: Vec<_> = expected.collect();
            for (node, expected) in listed(&found["nodes"]).zip(&expected) {
                ensure!(node == expected, "{node} instead of {expected}");
            }
        }
        Ok(())
    }

    /// Checks that each moderation queue contains the expected comments, oldest first.
    async fn queues(&self, fixture: &Fixture, before: &Queue) -> anyhow::Result<()> {
        let talked = self.comments.iter().map(|comment| {
            let reported = comment.open_reports > 0;
            (comment.id.as_str(), comment.status, reported)
        });
        let before = before.0.iter();
        let before = before.map(|(id, status, reported)| (id.as_str(), status.as_str(), *reported));
        let everything: Vec<_> = before.chain(talked).collect();
        for status in [
            None,
            Some("PENDING"),
            Some("APPROVED"),
            Some("REJECTED"),
            Some("HIDDEN"),
        ] {
            for reported in [None, Some(true), Some(false)] {
                let wanted = everything.iter().filter(|entry| {
                    status.is_none_or(|status| entry.1 == status)
                        && reported.is_none_or(|reported| entry.2 == reported)
                });
                let wanted: Vec<_> = wanted.map(|entry| json!({"id": entry.0})).collect();
                let status = status.unwrap_or("null");
                let reported = reported.map_or("null".to_owned(), |it| it.to_string());
                let read = format!(
                    "query ($after: String) {{ list: comments(first: 100, after: $after,
                        status: {status}, reported: {reported}) {{ totalCount nodes {{ id }}
                        pageInfo {{ hasNextPage endCursor }} }} }}"
                );
                let found = all(fixture, &fixture.editor, &read).await?;
                ensure!(
                    found == wanted,
                    "{status}, reported {reported}: {found:?} instead of {wanted:?}"
                );
            }
        }
        Ok(())
    }

    /// Checks that lists of articles are sorted by the comment counts that they show.
    async fn most_commented(&self, fixture: &Fixture) -> anyhow::Result<()> {
        let read = "{ articles(first: 100, orderBy: MOST_COMMENTED) {
            nodes { id commentCount } } }";
        let found = fixture.ask(&Who::anonymous(), read, json!({})).await?;
        let nodes: Vec<_> = listed(&found["articles"]["nodes"]).collect();
        let sorted = nodes.is_sorted_by(|one, next| {
            one["commentCount"].as_i64() >= next["commentCount"].as_i64()
        });
        ensure!(sorted, "{nodes:?}");
        for (index, article) in self.articles.iter().enumerate() {
            let count = self.count(index);
            let there = json!({"id": article.id, "commentCount": count});
            ensure!(nodes.contains(&&there), "{nodes:?} without {there}");
        }
        Ok(())
    }
}

fn listed(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Loads every page of the connection with the alias `list`, and checks its `totalCount`.
async fn all(fixture: &Fixture, who: &Who, document: &str) -> anyhow::Result<Vec<Value>> {
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let data = fixture
            .ask(who, document, json!({ "after": after }))
            .await?;
        let list = &data["list"];
        found.extend(listed(&list["nodes"]).cloned());
        if list["pageInfo"]["hasNextPage"] == false {
            ensure!(list["totalCount"] == found.len(), "{list}");
            return Ok(found);
        }
        after = list["pageInfo"]["endCursor"].clone();
    }
}

/// Loads all comments that readers find by paging under an article or a comment, oldest first. Checks
/// that `totalCount` equals `many`.
async fn paged(fixture: &Fixture, id: &str, many: usize) -> anyhow::Result<Vec<Value>> {
    const READ: &str = "query ($id: ID!, $after: String) { node(id: $id) {
        ... on Article { list: comments(first: 7, after: $after, orderBy: OLDEST) { ...Page } }
        ... on Comment { list: replies(first: 7, after: $after) { ...Page } } } }
        fragment Page on CommentConnection { totalCount nodes { id text replyCount }
            pageInfo { hasNextPage endCursor } }";
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({"id": id, "after": after});
        let data = fixture.ask(&Who::anonymous(), READ, variables).await?;
        let list = &data["node"]["list"];
        ensure!(list["totalCount"] == many, "{list} instead of {many}");
        found.extend(listed(&list["nodes"]).cloned());
        if list["pageInfo"]["hasNextPage"] == false {
            return Ok(found);
        }
        after = list["pageInfo"]["endCursor"].clone();
    }
}
