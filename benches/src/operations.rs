//! The operations: the requests that the site and its apps send, and their variables.
//!
//! Each document in `benches/operations` is accompanied by one SQL statement that returns the same
//! JSON.

use anyhow::Context as _;
use khabar_domain::Invalid;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::archive::Archive;
use crate::in_process::InProcess;
use crate::random::Random;

/// An operation that is measured.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) document: &'static str,
    /// SQL statement that returns the same JSON on PostgreSQL.
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

/// Number of [`OPERATIONS`], counted from the first, that are compared between archives.
pub(crate) const COMPARED: usize = 4;
/// Index in [`OPERATIONS`] of the first page of the largest section.
pub(crate) const FIRST_PAGE: usize = 4;
/// Index in [`OPERATIONS`] of a page far down in that section.
pub(crate) const FAR_PAGE: usize = 5;

/// All operations that are measured.
pub(crate) const OPERATIONS: [Operation; 6] = [
    operation!("home", "home", "home"),
    operation!("article", "article", "article"),
    operation!("story", "story", "story"),
    operation!("deep", "deep", "deep"),
    operation!("section, page 1", "section", "section_first"),
    operation!("section, far page", "section", "section_after"),
];

/// A set of variables for an operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Variables of the API request.
    pub(crate) variables: Value,
    /// Arguments of the SQL statement.
    pub(crate) arguments: Vec<String>,
}

impl Sample {
    fn slug(slug: &str) -> Self {
        Self {
            variables: json!({"slug": slug}),
            arguments: vec![slug.to_owned()],
        }
    }

    /// Returns the body of a request with this sample.
    pub(crate) fn body(&self, operation: &Operation) -> String {
        body(operation, &self.variables)
    }
}

/// Returns the body of a request with these variables.
pub(crate) fn body(operation: &Operation, variables: &Value) -> String {
    json!({"query": operation.document, "variables": variables}).to_string()
}

/// Number of samples of an operation that has more than one. Large enough that nothing is cached
/// that would not be cached in practice.
const SAMPLES: usize = 50;
/// Number of articles on a page of a section.
const PAGE: usize = 20;

/// Returns the number of the page far down: 500 for 100,000 articles, and otherwise in proportion,
/// at least 2.
pub(crate) fn far_page(archive: &Archive) -> usize {
    (archive.size.articles / 200).max(2)
}

/// Returns the samples of each of [`OPERATIONS`].
pub(crate) async fn samples(
    archive: &Archive,
    in_process: &InProcess,
) -> anyhow::Result<Vec<Vec<Sample>>> {
    let newsroom = &archive.newsroom;
    let largest = newsroom.sections[0].slug.as_str();
    Ok(vec![
        vec![Sample {
            variables: json!({}),
            arguments: Vec::new(),
        }],
        articles(archive)?,
        many("stories", |random| {
            // Choose stories through an article, as readers reach them.
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
        far_pages(in_process, largest, (far_page(archive) - 1) * PAGE).await?,
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

/// Returns samples of pages of a section far down. The first starts after `skipped` articles, and
/// each further one starts one article later. Cursors are found as a client finds them, by paging.
async fn far_pages(
    in_process: &InProcess,
    section: &str,
    skipped: usize,
) -> anyhow::Result<Vec<Sample>> {
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
        let mut data = in_process.ask(&body).await?.data()?;
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
