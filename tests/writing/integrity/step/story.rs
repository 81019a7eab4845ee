//! Story steps: adding and removing articles, archiving, reopening, merging and pinning.

use serde_json::json;

use crate::integrity::model::{Id, Order};
use crate::integrity::noun::STORY;
use crate::integrity::writer::{COMMON, Writer};

impl Writer<'_> {
    /// Returns a random story to which articles of this edition can be added. Stories of other writers
    /// are excluded: they only receive guest articles.
    fn story_for(&mut self, edition: &str) -> Option<Id> {
        let stories = self.referred(&STORY, edition);
        self.random.pick(&stories)
    }

    pub(in crate::integrity) async fn add_to_story(&mut self) -> anyhow::Result<()> {
        if self.random.once_in(2) {
            return self.visit().await;
        }
        let edition = self.edition();
        let articles = self.written.model.articles_of(&edition, &[]);
        let articles = self.random.some(&articles, 3);
        let Some(story) = self.story_for(&edition) else {
            return Ok(());
        };
        let at = self.random.once_in(2).then(|| self.random.below(3));
        let input = json!({"id": story, "articles": articles, "position": at});
        self.send("addToStory", "story { id }", &input, None)
            .await?;
        for id in articles {
            let Some(article) = self.written.model.articles.get_mut(&id) else {
                continue;
            };
            let mut stories = article.ids("stories");
            if at.is_none() && stories.contains(&story) {
                continue;
            }
            stories.retain(|other| *other != story);
            stories.insert(
                at.unwrap_or(stories.len()).min(stories.len()),
                story.clone(),
            );
            article.set("stories", &stories);
        }
        Ok(())
    }

    /// Adds the guest article to a story of another writer, who may merge the story at the same moment.
    async fn visit(&mut self) -> anyhow::Result<()> {
        let shared_stories = self.shared.shared_stories();
        let others: Vec<_> = shared_stories
            .into_iter()
            .filter(|(writer, _)| *writer != self.number)
            .collect();
        // The newest stories are the least likely to have been merged already.
        let newest = &others[others.len().saturating_sub(6)..];
        let Some((_, story)) = self.random.pick(newest) else {
            return Ok(());
        };
        let input = json!({"id": story, "articles": [self.written.guest]});
        let came = self.send_among_others("addToStory", &input, &["NOT_FOUND"]);
        if came.await? {
            self.written.visited.push(story);
        }
        Ok(())
    }

    pub(in crate::integrity) async fn remove_from_story(&mut self) -> anyhow::Result<()> {
        let edition = self.edition();
        let articles = self.written.model.articles_of(&edition, &[]);
        let articles = self.random.some(&articles, 3);
        // Prefer a story that the first article belongs to.
        let member = articles
            .first()
            .map(|id| self.written.model.articles[id].ids("stories"));
        let member = self.random.pick(&member.unwrap_or_default());
        let Some(story) = member.or_else(|| self.story_for(&edition)) else {
            return Ok(());
        };
        let input = json!({"id": story, "articles": articles});
        self.send("removeFromStory", "story { id }", &input, None)
            .await?;
        for id in articles {
            if let Some(article) = self.written.model.articles.get_mut(&id) {
                let mut stories = article.ids("stories");
                stories.retain(|other| *other != story);
                article.set("stories", &stories);
            }
        }
        Ok(())
    }

    pub(in crate::integrity) async fn archive_story(&mut self) -> anyhow::Result<()> {
        let Some((id, edition)) = self.mine(&STORY) else {
            return Ok(());
        };
        let refused = (self.written.model.status(&id) == "ARCHIVED").then_some("WRONG_STATUS");
        let input = json!({"id": id});
        let ended = self.send("archiveStory", "story { id }", &input, refused);
        if ended.await?.is_some() {
            self.turn_to(&id, "ARCHIVED");
            if edition == self.written.own {
                self.written.model.leave(Order::Rail, &id);
            }
        }
        Ok(())
    }

    pub(in crate::integrity) async fn reopen_story(&mut self) -> anyhow::Result<()> {
        let objects = self.written.model.objects.keys().cloned();
        let ended: Vec<_> = objects
            .filter(|id| self.written.model.status(id) == "ARCHIVED")
            .collect();
        let ended = self.random.pick(&ended).filter(|_| !self.random.once_in(5));
        let any = self.mine(&STORY).map(|(id, _)| id);
        let Some(id) = ended.or(any) else {
            return Ok(());
        };
        let refused = (self.written.model.status(&id) == "ACTIVE").then_some("WRONG_STATUS");
        let input = json!({"id": id});
        let opened = self.send("reopenStory", "story { id }", &input, refused);
        if opened.await?.is_some() {
            self.turn_to(&id, "ACTIVE");
        }
        Ok(())
    }

    fn turn_to(&mut self, id: &Id, status: &str) {
        if let Some(object) = self.written.model.objects.get_mut(id) {
            object.values.insert("status".to_owned(), json!(status));
        }
    }

    pub(in crate::integrity) async fn merge_stories(&mut self) -> anyhow::Result<()> {
        let edition = self.edition();
        let stories = self.written.model.of(&STORY, &edition);
        let (Some(from), Some(into)) = (self.random.pick(&stories), self.random.pick(&stories))
        else {
            return Ok(());
        };
        let refused = (from == into).then_some("INVALID");
        let input = json!({"from": from, "into": into});
        let merged = self.send("mergeStories", "story { id }", &input, refused);
        if merged.await?.is_some() {
            self.written.model.merge(&from, &into);
        }
        Ok(())
    }

    pub(in crate::integrity) async fn pin_story(&mut self) -> anyhow::Result<()> {
        let edition = self.edition();
        let Some(id) = self.story_for(&edition) else {
            return Ok(());
        };
        let at = self.position();
        let refused = (self.written.model.status(&id) == "ARCHIVED").then_some("WRONG_STATUS");
        let input = json!({"id": id, "position": at});
        let pinned = self.send("pinStory", "story { id }", &input, refused);
        if pinned.await?.is_some() && edition == self.written.own {
            self.written.model.place(Order::Rail, &id, at);
        }
        Ok(())
    }

    pub(in crate::integrity) async fn unpin_story(&mut self) -> anyhow::Result<()> {
        let edition = self.edition();
        let Some(id) = self.story_for(&edition) else {
            return Ok(());
        };
        let input = json!({"id": id});
        self.send("unpinStory", "story { id }", &input, None)
            .await?;
        if edition == self.written.own {
            self.written.model.leave(Order::Rail, &id);
        }
        Ok(())
    }

    pub(in crate::integrity) async fn arrange_rail(&mut self) -> anyhow::Result<()> {
        let edition = self.edition();
        let mut stories = self.referred(&STORY, &edition);
        if edition == COMMON || !self.random.once_in(4) {
            stories.retain(|id| self.written.model.status(id) == "ACTIVE");
        }
        let rail = self.random.some(&stories, 6);
        let ended = rail
            .iter()
            .any(|id| self.written.model.status(id) == "ARCHIVED");
        let refused = ended.then_some("WRONG_STATUS");
        let input = json!({"edition": edition, "stories": rail});
        let sent = self.send(
            "reorderPinnedStories",
            "home { edition { id } }",
            &input,
            refused,
        );
        if sent.await?.is_some() && edition == self.written.own {
            self.written.model.orders.insert(Order::Rail, rail);
        }
        Ok(())
    }
}
