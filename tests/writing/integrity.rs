//! Many who write at once, at random, against a plain model of what there should be then.
//!
//! Each writer keeps to articles of their own, so the model knows where each of them ends up; what
//! they share (the sections' tree, the stories' counts, the rail) has to agree with itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use crate::Desk;

/// A small generator of numbers (SplitMix64): the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).unwrap_or_default()
    }

    fn of<'a>(&mut self, list: &'a [String]) -> &'a str {
        &list[self.below(list.len())]
    }

    fn some(&mut self, list: &[String]) -> BTreeSet<String> {
        let few = list.iter().filter(|_| self.next().is_multiple_of(3));
        few.cloned().collect()
    }
}

/// Where an article should stand: its section and its stories.
type Model = BTreeMap<String, (String, BTreeSet<String>)>;

/// What writers choose from.
struct Shelf {
    sections: Vec<String>,
    stories: Vec<String>,
}

impl Shelf {
    async fn of(desk: &Desk) -> anyhow::Result<Self> {
        let document = "{ sections { id } stories(first: 100) { nodes { id } } }";
        let found = desk.ask(&Who::anonymous(), document, json!({})).await?;
        let ids = |list: &Value| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(|one| one["id"].as_str().map(str::to_owned))
                .collect()
        };
        Ok(Self {
            sections: ids(&found["sections"]),
            stories: ids(&found["stories"]["nodes"]),
        })
    }
}

/// Carries a mutation out; gives the id of its article and the codes of its user errors.
async fn send(desk: &Desk, name: &str, input: Value) -> anyhow::Result<(String, Vec<String>)> {
    let of = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let id = if name.ends_with("Article") {
        "article { id }"
    } else {
        ""
    };
    let document = format!(
        "mutation ($input: {of}!) {{ {name}(input: $input) {{ {id} userErrors {{ code }} }} }}"
    );
    let payload = desk.write(&desk.editor, &document, input).await?;
    let codes = payload["userErrors"].as_array().context("no errors")?;
    let codes = codes.iter().filter_map(|error| error["code"].as_str());
    let id = payload["article"]["id"].as_str().unwrap_or_default();
    Ok((id.to_owned(), codes.map(str::to_owned).collect()))
}

/// The same for what must be carried out.
async fn done(desk: &Desk, name: &str, input: Value) -> anyhow::Result<String> {
    let (id, codes) = send(desk, name, input).await?;
    ensure!(codes.is_empty(), "{name}: {codes:?}");
    Ok(id)
}

async fn write_at_random(
    desk: &Desk,
    shelf: &Shelf,
    writer: u64,
    steps: usize,
) -> anyhow::Result<Model> {
    let mut random = Random(writer);
    let mut model = Model::new();
    for step in 0..steps {
        let own = model.keys().nth(random.below(model.len().max(1))).cloned();
        match (random.below(8), own) {
            (0..=2, _) | (3..=5, None) => {
                let section = random.of(&shelf.sections).to_owned();
                let stories = random.some(&shelf.stories);
                let input = json!({"headline": format!("خبر {writer} رقم {step}"),
                    "section": section, "stories": stories});
                let id = done(desk, "createArticle", input).await?;
                done(desk, "publishArticle", json!({"id": id})).await?;
                model.insert(id, (section, stories));
            }
            (3, Some(id)) => {
                let input = json!({"id": id, "reason": "سُحب في تجربة"});
                done(desk, "withdrawArticle", input).await?;
                model.remove(&id);
            }
            (4, Some(id)) => {
                let story = random.of(&shelf.stories).to_owned();
                let input = json!({"id": story, "articles": [id]});
                done(desk, "addToStory", input).await?;
                model.entry(id).or_default().1.insert(story);
            }
            (5, Some(id)) => {
                let story = random.of(&shelf.stories).to_owned();
                let input = json!({"id": story, "articles": [id]});
                // Of what it does not hold, a story cannot be rid.
                let (_, codes) = send(desk, "removeFromStory", input).await?;
                let held = model.entry(id).or_default().1.remove(&story);
                ensure!(held || codes.len() <= 1, "removeFromStory: {codes:?}");
                ensure!(!held || codes.is_empty(), "removeFromStory: {codes:?}");
            }
            (6, _) => {
                let (id, parent) = (random.of(&shelf.sections), random.of(&shelf.sections));
                let parent = (random.below(3) > 0).then_some(parent);
                let input = json!({"id": id, "parent": parent});
                // A circle is refused; nothing else is wrong with it.
                let (_, codes) = send(desk, "moveSection", input).await?;
                ensure!(codes.iter().all(|code| code == "INVALID"), "{codes:?}");
            }
            _ => {
                let rail = random.some(&shelf.stories);
                // An archived story cannot be pinned.
                send(desk, "arrangeRail", json!({"stories": rail})).await?;
            }
        }
    }
    Ok(model)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_leave_what_they_wrote() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let shelf = Shelf::of(&desk).await?;
        let all = "{ articles(first: 100) { nodes { id section { id } stories { id } } } }";
        let before = desk.ask(&Who::anonymous(), all, json!({})).await?;
        let stood = before["articles"]["nodes"]
            .as_array()
            .context("no list")?
            .len();

        let writers = (1..=4).map(|writer| write_at_random(&desk, &shelf, writer, 20));
        let models: Vec<Model> = try_join_all(writers).await?;
        let mut model: Model = models.into_iter().flatten().collect();
        ensure!(
            model.len() > 10,
            "only {} articles were written",
            model.len()
        );

        desk.agrees().await?;
        let after = desk.ask(&Who::anonymous(), all, json!({})).await?;
        let after = after["articles"]["nodes"].as_array().context("no list")?;
        ensure!(
            after.len() == stood + model.len(),
            "{} articles",
            after.len()
        );
        for article in after {
            let id = article["id"].as_str().unwrap_or_default();
            let Some((section, stories)) = model.remove(id) else {
                continue;
            };
            let shown = article["stories"].as_array().into_iter().flatten();
            let shown: BTreeSet<_> = shown.filter_map(|story| story["id"].as_str()).collect();
            ensure!(article["section"]["id"] == json!(section), "{article}");
            ensure!(shown.into_iter().eq(&stories), "{article}: {stories:?}");
        }
        ensure!(model.is_empty(), "these are gone: {model:?}");
    }
    Ok(())
}
