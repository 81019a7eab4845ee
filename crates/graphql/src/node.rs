//! A node: anything that has an identity of its own, and can be asked for by it alone.
//!
//! A global id is opaque to clients: base64url of one byte that says what kind of thing it names,
//! and the sixteen bytes of its own id. This file has the only code that writes or reads one.

use async_graphql::{Context, ID, Interface};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use khabar_domain::{
    ArticleId, CommentId, EditionId, FollowChannelId, LiveChannelId, MediaId, PersonId, SectionId,
    SourceId, StoryId, TokenId, TopicId,
};
use khabar_persistence::{
    article, comment, edition, follow_channel, live_channel, media, person, section, source, story,
    token, topic,
};
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::scope::Asked;
use crate::types::{
    Article, Comment, Edition, FollowChannel, LiveChannel, Media, Person, Section, Source, Story,
    Token, Topic,
};

/// Anything that has an identity of its own.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Its global id: opaque, never given to another thing, good for `node(id:)`."
))]
pub enum Node {
    /// An article.
    Article(Article),
    /// A comment.
    Comment(Comment),
    /// An edition.
    Edition(Edition),
    /// A follow channel.
    FollowChannel(FollowChannel),
    /// A live channel.
    LiveChannel(LiveChannel),
    /// Media.
    Media(Media),
    /// A person.
    Person(Person),
    /// A section.
    Section(Section),
    /// A source.
    Source(Source),
    /// A story.
    Story(Story),
    /// An API token, for those with the right `grant`.
    Token(Token),
    /// A topic.
    Topic(Topic),
}

impl Node {
    /// The node with this id as one of many: one that cannot be read is null, which an error says.
    pub(crate) async fn load_or_null(ctx: &Context<'_>, id: &ID) -> Result<Option<Self>> {
        match Self::load(ctx, id).await {
            Err(error) if error.code() == Code::BrokenRow => {
                ctx.add_error(ctx.set_error_path(error.into()));
                Ok(None)
            }
            loaded => loaded,
        }
    }

    /// The node with this id, if the viewer may see it.
    pub(crate) async fn load(ctx: &Context<'_>, id: &ID) -> Result<Option<Self>> {
        let (tag, uuid) = decode(id)?;
        macro_rules! among {
            ($($id:ident => $module:ident, $node:ident;)+) => {
                match tag {
                    $($id::TAG => {
                        let found = ctx.load($module::ById($id::new(uuid))).await?;
                        Ok(found.map(|found| Self::$node($node(found))))
                    })+
                    _ => Err(refuse(id)),
                }
            };
        }
        among! {
            ArticleId => article, Article;
            CommentId => comment, Comment;
            EditionId => edition, Edition;
            FollowChannelId => follow_channel, FollowChannel;
            LiveChannelId => live_channel, LiveChannel;
            MediaId => media, Media;
            PersonId => person, Person;
            SectionId => section, Section;
            SourceId => source, Source;
            StoryId => story, Story;
            TokenId => token, Token;
            TopicId => topic, Topic;
        }
    }
}

impl Node {
    /// What a write was about, by the word that the change feed has for its kind, if it is a node and
    /// the viewer may see it.
    pub(crate) async fn of_noun(ctx: &Context<'_>, noun: &str, uuid: Uuid) -> Result<Option<Self>> {
        match Self::id_of_noun(noun, uuid) {
            Some(id) => Self::load(ctx, &id).await,
            None => Ok(None),
        }
    }

    /// The global id of what a write was about, by the same word, if that is a node or was one.
    pub(crate) fn id_of_noun(noun: &str, uuid: Uuid) -> Option<ID> {
        let tag = match noun {
            "article" | "related" | "preview" => ArticleId::TAG,
            "comment" => CommentId::TAG,
            "edition" | "home" => EditionId::TAG,
            "follow-channel" => FollowChannelId::TAG,
            "live-channel" => LiveChannelId::TAG,
            "media" => MediaId::TAG,
            "person" => PersonId::TAG,
            "section" => SectionId::TAG,
            "source" => SourceId::TAG,
            "story" => StoryId::TAG,
            "token" => TokenId::TAG,
            "topic" => TopicId::TAG,
            _ => return None,
        };
        Some(encode(tag, uuid))
    }
}

/// An id of the domain that has a global form.
pub(crate) trait Global: Copy + From<Uuid> + Into<Uuid> {
    /// Says what kind of thing the id names. Ids live in clients' storage: a tag never changes.
    const TAG: u8;
    /// What it names, in the words of an error.
    const NOUN: &str;
}

macro_rules! globals {
    ($($id:ident = $tag:literal, $noun:literal;)+) => {
        $(impl Global for $id {
            const TAG: u8 = $tag;
            const NOUN: &str = $noun;
        })+
    };
}

globals! {
    ArticleId = 1, "an article";
    CommentId = 2, "a comment";
    EditionId = 3, "an edition";
    FollowChannelId = 4, "a follow channel";
    LiveChannelId = 5, "a live channel";
    MediaId = 6, "media";
    PersonId = 7, "a person";
    SectionId = 8, "a section";
    SourceId = 9, "a source";
    StoryId = 10, "a story";
    TopicId = 11, "a topic";
    TokenId = 12, "a token";
}

/// The global form of an id.
pub(crate) fn id<T: Global>(id: T) -> ID {
    encode(T::TAG, id.into())
}

fn encode(tag: u8, uuid: Uuid) -> ID {
    let mut bytes = [0; 17];
    bytes[0] = tag;
    bytes[1..].copy_from_slice(uuid.as_bytes());
    ID(URL_SAFE_NO_PAD.encode(bytes))
}

/// The UUID of which this global id is a form, whatever kind of thing it names.
pub(crate) fn any(id: &ID) -> Result<Uuid> {
    Ok(decode(id)?.1)
}

/// The id that this global id is the form of; refuses one of another kind of thing.
pub(crate) fn parse<T: Global>(id: &ID) -> Result<T> {
    let (tag, uuid) = decode(id)?;
    if tag == T::TAG {
        Ok(uuid.into())
    } else {
        let message = format!("The id {:?} is not the id of {}.", shown(id), T::NOUN);
        Err(Error::bad_input(message))
    }
}

fn decode(id: &ID) -> Result<(u8, Uuid)> {
    let bytes = URL_SAFE_NO_PAD.decode(id.as_bytes()).ok();
    let parts = bytes
        .as_deref()
        .and_then(<[u8]>::split_first)
        .and_then(|(tag, uuid)| Some((*tag, Uuid::from_slice(uuid).ok()?)));
    parts.ok_or_else(|| refuse(id))
}

fn refuse(id: &ID) -> Error {
    Error::bad_input(format!(
        "The id {:?} is not one that this API gave out.",
        shown(id)
    ))
}

/// As much of what a client sent as an error repeats: twice the length of an id.
fn shown(id: &ID) -> String {
    id.chars().take(46).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn an_id_survives_its_global_form() {
        let article = ArticleId::new(Uuid::from_u128(7));
        let global = id(article);
        assert_eq!(global.as_str(), "AQAAAAAAAAAAAAAAAAAAAAc");
        assert_eq!(parse::<ArticleId>(&global).unwrap(), article);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let error = parse::<StoryId>(&id(ArticleId::new(Uuid::from_u128(7)))).unwrap_err();
        assert_eq!(error.code(), Code::BadUserInput);
        assert!(
            error.message().ends_with("is not the id of a story."),
            "{}",
            error.message()
        );
    }

    #[test]
    fn nothing_else_is_an_id() {
        for text in [
            "",
            "7",
            "AQAAAAAAAAAAAAAAAAAAAAd",
            "AQAAAAAAAAAAAAAAAAAAAAc=",
            "مقال",
        ] {
            assert!(parse::<ArticleId>(&ID(text.to_owned())).is_err(), "{text}");
        }
    }
}
