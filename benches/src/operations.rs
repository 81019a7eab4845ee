//! The operations: what the site and its apps ask for, and with which variables.
//!
//! Each document has beside it, in `benches/operations`, one SQL statement that makes the same JSON.

use anyhow::Context as _;
use khabar_domain::Invalid;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::archive::Archive;
use crate::desk::Desk;
use crate::random::Random;

/// One operation.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) document: &'static str,
    /// Makes the same JSON on PostgreSQL.
    pub(crate) sql: &'static str,
}

macro_rules! operation {
    ($name:literal, $document:literal, $sql:literal) => {
        Operation {
            name: $name,
            document: include_str!(concat!("../operations/", $document, ".graphql")),
            sql: include_str!(concat!("../operations/", $sql, ".sql")),
        }
    };
}

/// How many of [`OPERATIONS`], from the first, are compared between archives.
pub(crate) const COMPARED: usize = 4;
/// Where the first page of the largest section stands, and a page far down.
pub(crate) const FIRST_PAGE: usize = 4;
pub(crate) const FAR_PAGE: usize = 5;

/// All of them.
pub(crate) const OPERATIONS: [Operation; 6] = [
    operation!("home", "home", "home"),
    operation!("article", "article", "article"),
    operation!("story", "story", "story"),
    operation!("deep", "deep", "deep"),
    operation!("section, page 1", "section", "section_first"),
    operation!("section, far page", "section", "section_after"),
];

/// One set of variables.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// What the API is given.
    pub(crate) variables: Value,
    /// What the SQL statement is given.
    pub(crate) arguments: Vec<String>,
}

impl Sample {
    fn slug(slug: &str) -> Self {
        Self {
            variables: json!({"slug": slug}),
            arguments: vec![slug.to_owned()],
        }
    }

    /// The body of a request.
    pub(crate) fn body(&self, operation: &Operation) -> String {
        body(operation, &self.variables)
    }
}

/// The body of a request with these variables.
pub(crate) fn body(operation: &Operation, variables: &Value) -> String {
    json!({"query": operation.document, "variables": variables}).to_string()
}

/// How many sets of variables an operation has where it has many: enough that nothing is cached
/// that would not be.
const SAMPLES: usize = 50;
/// Articles of a section page.
const PAGE: usize = 20;

/// Which page is far down: 500 among 100,000 articles.
pub(crate) fn far_page(archive: &Archive) -> usize {
    (archive.size.articles / 200).max(2)
}

/// The variables of each of [`OPERATIONS`].
pub(crate) async fn samples(archive: &Archive, desk: &Desk) -> anyhow::Result<Vec<Vec<Sample>>> {
    let newsroom = &archive.newsroom;
    let largest = newsroom.sections[0].slug.as_str();
    Ok(vec![
        vec![Sample {
            variables: json!({}),
            arguments: Vec::new(),
        }],
        articles(archive)?,
        many("stories", |random| {
            // As readers come to them: by an article.
            let story = loop {
                let manuscript = archive.manuscript(random.below(archive.size.articles))?;
                if let Some(story) = manuscript.stories.first() {
                    break *story;
                }
            };
            let stories = &newsroom.stories;
            let found = stories.iter().find(|(other, _)| other.id == story);
            Ok(Sample::slug(
                found.map_or("", |(story, _)| story.slug.as_str()),
            ))
        })?,
        many("deep", |random| {
            let topic = &newsroom.topics[random.below(newsroom.topics.len())];
            Ok(Sample::slug(topic.slug.as_str()))
        })?,
        vec![Sample::slug(largest)],
        far_pages(desk, largest, (far_page(archive) - 1) * PAGE).await?,
    ])
}

fn many(
    name: &str,
    one: impl Fn(&mut Random) -> Result<Sample, Invalid>,
) -> Result<Vec<Sample>, Invalid> {
    (0..SAMPLES)
        .map(|number| one(&mut Random::new(name, number)))
        .collect()
}

fn articles(archive: &Archive) -> Result<Vec<Sample>, Invalid> {
    many("articles", |random| {
        let manuscript = archive.manuscript(random.below(archive.size.articles))?;
        Ok(Sample::slug(manuscript.article.slug.as_str()))
    })
}

/// Pages after this many articles of a section and a few more: their cursors, found as a reader
/// would, by turning pages.
async fn far_pages(desk: &Desk, section: &str, skipped: usize) -> anyhow::Result<Vec<Sample>> {
    const TURN: &str = "query Turn($slug: Slug!, $after: String) {
        section(slug: $slug) {
            articles(first: 100, after: $after) { edges { cursor node { slug } } }
        }
    }";
    let mut passed: Vec<Value> = Vec::new();
    while passed.len() < skipped + SAMPLES {
        let after = passed.last().map(|edge| &edge["cursor"]);
        let variables = json!({"slug": section, "after": after});
        let body = json!({"query": TURN, "variables": variables}).to_string();
        let mut data = desk.ask(&body).await?.data()?;
        let edges = data["section"]["articles"]["edges"].take();
        let edges = edges.as_array().filter(|edges| !edges.is_empty());
        passed.extend(edges.context("the section is too short")?.iter().cloned());
    }
    let edges = &passed[skipped - 1..skipped - 1 + SAMPLES];
    let sample = |edge: &Value| {
        let before = edge["node"]["slug"].as_str().unwrap_or_default();
        Sample {
            variables: json!({"slug": section, "after": edge["cursor"]}),
            arguments: vec![section.to_owned(), before.to_owned()],
        }
    };
    Ok(edges.iter().map(sample).collect())
}
