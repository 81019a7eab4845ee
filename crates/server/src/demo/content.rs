//! The content of the demo's files, parsed entry by entry but not yet validated.

use anyhow::Context;
use serde::Deserialize;

use super::Files;

/// All entries of all files, in the order of the file names.
#[derive(Default)]
pub(super) struct Content {
    pub(super) editions: Vec<Located<Edition>>,
    pub(super) sections: Vec<Located<Section>>,
    pub(super) people: Vec<Located<Person>>,
    pub(super) sources: Vec<Located<Source>>,
    pub(super) topics: Vec<Located<Topic>>,
    pub(super) stories: Vec<Located<Story>>,
    pub(super) live: Vec<Located<Live>>,
    pub(super) follow: Vec<Located<Follow>>,
    pub(super) media: Vec<Located<Media>>,
    pub(super) articles: Vec<Located<Article>>,
}

impl Content {
    /// Reads the content that is embedded in the binary.
    pub(super) fn embedded() -> anyhow::Result<Self> {
        let mut names: Vec<_> = Files::iter()
            .filter(|name| name.ends_with(".toml"))
            .collect();
        names.sort_unstable();
        let mut content = Self::default();
        for name in names {
            let file = Files::get(&name).with_context(|| format!("{name} is missing"))?;
            let text =
                std::str::from_utf8(&file.data).with_context(|| format!("{name} is not UTF-8"))?;
            content.read(&name, text)?;
        }
        Ok(content)
    }

    /// Adds the entries of one file.
    pub(super) fn read(&mut self, file: &str, text: &str) -> anyhow::Result<()> {
        let page: Page =
            toml::from_str(text).with_context(|| format!("could not read the demo's {file}"))?;
        gather(file, page.edition, &mut self.editions);
        gather(file, page.section, &mut self.sections);
        gather(file, page.person, &mut self.people);
        gather(file, page.source, &mut self.sources);
        gather(file, page.topic, &mut self.topics);
        gather(file, page.story, &mut self.stories);
        gather(file, page.live, &mut self.live);
        gather(file, page.follow, &mut self.follow);
        gather(file, page.media, &mut self.media);
        gather(file, page.article, &mut self.articles);
        Ok(())
    }
}

/// An entry, with the name of the file that contains it.
pub(super) struct Located<T> {
    file: String,
    pub(super) entry: T,
}

impl<T: Entry> Located<T> {
    /// Describes the location of the entry, for error messages.
    pub(super) fn place(&self) -> String {
        format!(
            "the demo's {}: {} {:?}",
            self.file,
            T::NOUN,
            self.entry.key()
        )
    }
}

fn gather<T>(file: &str, from: Vec<T>, to: &mut Vec<Located<T>>) {
    to.extend(from.into_iter().map(|entry| Located {
        file: file.to_owned(),
        entry,
    }));
}

/// The contents of one file. Any file may contain entries of any kind.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Page {
    edition: Vec<Edition>,
    section: Vec<Section>,
    person: Vec<Person>,
    source: Vec<Source>,
    topic: Vec<Topic>,
    story: Vec<Story>,
    live: Vec<Live>,
    follow: Vec<Follow>,
    media: Vec<Media>,
    article: Vec<Article>,
}

/// An entry that other entries can refer to by key.
pub(super) trait Entry {
    const NOUN: &'static str;

    /// The edition within which the key is unique. `None` for editions themselves and for media, which
    /// all editions share.
    fn edition(&self) -> Option<&str>;

    fn key(&self) -> &str;
}

/// Declares entry types. Each has a noun, a type name, an edition field unless all editions share it, a
/// key field, and fields in the order of the files.
macro_rules! entries {
    ($($noun:literal $name:ident $(in $edition:ident)? by $key:ident { $($field:ident: $type:ty,)+ })+) => {$(
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $(pub(super) $edition: String,)?
            $(pub(super) $field: $type,)+
        }

        impl Entry for $name {
            const NOUN: &'static str = $noun;

            fn edition(&self) -> Option<&str> {
                None$(.or(Some(&*self.$edition)))?
            }

            fn key(&self) -> &str {
                &self.$key
            }
        }
    )+};
}

entries! {
    "edition" Edition by key {
        key: String, name: String, language: String, direction: String, labels: Labels, leads: Vec<String>,
    }
    "section" Section in edition by key {
        key: String, parent: Option<String>, name: String, summary: Option<String>, featured: Option<bool>,
    }
    "person" Person in edition by key {
        key: String, name: String, role: Option<String>, biography: Option<String>, portrait: Option<String>,
    }
    "source" Source in edition by key {
        key: String, kind: String, name: String, url: Option<String>,
    }
    "topic" Topic in edition by key {
        key: String, kind: String, name: String, summary: Option<String>, iptc: Option<String>,
    }
    "story" Story in edition by key {
        key: String, kind: String, status: Option<String>, title: String, summary: Option<String>,
        image: Option<String>, pinned: Option<i32>, topics: Option<Vec<String>>,
    }
    "live channel" Live in edition by key {
        key: String, name: String, stream_url: Option<String>, poster: Option<String>, on_air: Option<bool>,
    }
    "follow channel" Follow in edition by platform {
        platform: String, name: String, handle: Option<String>, url: Option<String>,
    }
    "media" Media by key {
        key: String, kind: Option<String>, file: Option<String>, url: Option<String>, size: Option<[u32; 2]>,
        seconds: Option<u32>, alt: String, caption: Option<String>, credit: String, focus: Option<[f64; 2]>,
    }
}

/// The headings of the blocks of an edition.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    pub(super) live: String,
    pub(super) follow: String,
    pub(super) sections: String,
    pub(super) stories: String,
    pub(super) comments: String,
}

/// An article and its comments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Article {
    #[serde(default = "arabic")]
    pub(super) edition: String,
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) status: Option<String>,
    pub(super) headline: String,
    pub(super) lead: Option<String>,
    pub(super) section: String,
    #[serde(default)]
    pub(super) stories: Vec<String>,
    pub(super) topics: Vec<String>,
    #[serde(default)]
    pub(super) authors: Vec<String>,
    pub(super) source: String,
    pub(super) hero: Option<String>,
    #[serde(default)]
    pub(super) flags: Vec<String>,
    /// Hours since publication. Negative for a scheduled article.
    pub(super) hours_ago: f64,
    pub(super) updated_hours_ago: Option<f64>,
    #[serde(default)]
    pub(super) reads: i64,
    #[serde(default)]
    pub(super) related: Vec<String>,
    pub(super) body: Vec<Block>,
    #[serde(default)]
    pub(super) comments: Vec<Comment>,
}

fn arabic() -> String {
    "ar".to_owned()
}

impl Entry for Article {
    const NOUN: &'static str = "article";

    fn edition(&self) -> Option<&str> {
        Some(&self.edition)
    }

    fn key(&self) -> &str {
        &self.key
    }
}

/// A block of an article, in the short notation of the files.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Block {
    Paragraph { p: String },
    Heading { h: String },
    Quotation { quote: String, by: Option<String> },
    Points { ul: Vec<String> },
    Steps { ol: Vec<String> },
    Image { image: String },
    Gallery { gallery: Vec<String> },
    Video { video: String },
    Embed { embed: Embed },
    Table { table: Table },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Embed {
    pub(super) provider: String,
    pub(super) url: String,
    pub(super) title: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) caption: Option<String>,
    #[serde(default)]
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A comment and its replies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comment {
    pub(super) by: String,
    pub(super) text: String,
    /// Minutes after the publication of the article, or after the parent comment if this is a reply.
    pub(super) minutes_after: u32,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) replies: Vec<Comment>,
}
