//! A complete article.

use khabar_domain::{Article, Body, PersonId, StoryId, TopicId};

/// A complete article as the newsroom submits it, with its body and links.
#[derive(Clone, Debug, PartialEq)]
pub struct Manuscript {
    /// The article without body and links.
    pub article: Article,
    /// The body of the article.
    pub body: Body,
    /// The authors, in order.
    pub authors: Vec<PersonId>,
    /// The topics, in order.
    pub topics: Vec<TopicId>,
    /// The stories that the article belongs to, in order.
    pub stories: Vec<StoryId>,
}

impl Manuscript {
    /// Creates a manuscript without links.
    pub fn new(article: Article, body: Body) -> Self {
        Self {
            article,
            body,
            authors: Vec::new(),
            topics: Vec::new(),
            stories: Vec::new(),
        }
    }
}
