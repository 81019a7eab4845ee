//! Relay nodes: objects with a global id that can be fetched by that id alone.
//!
//! Global ids are opaque to clients. A global id is the unpadded base64url encoding of 17 bytes: one
//! tag byte for the type, followed by the 16 bytes of the object's own id. Only this file encodes or
//! decodes global ids.

use async_graphql::{Context, ID, Interface, PathSegment};
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

use crate::context::ContextExt;
use crate::error::{Code, Error, Result};
use crate::types::{
    Article, Comment, Edition, FollowChannel, LiveChannel, Media, Person, Section, Source, Story,
    Token, Topic,
};

/// An object with a global id.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Global ID of the object, for use with `node(id:)`. Opaque, and never reused for another object."
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
    /// An API token. Visible only to viewers with the right `grant`.
    Token(Token),
    /// A topic.
    Topic(Topic),
}

impl Node {
    /// Loads a node as an element of a list. A node that cannot be read, or whose id is malformed, becomes
    /// null, and an error with its index is added to the response.
    pub(crate) async fn load_or_null(
        ctx: &Context<'_>,
        index: usize,
        id: &ID,
    ) -> Result<Option<Self>> {
        match Self::load(ctx, id).await {
            Err(error) if matches!(error.code(), Code::BrokenRow | Code::BadUserInput) => {
                let mut error = ctx.set_error_path(error.into());
                error.locations.push(ctx.item.pos);
                error.path.push(PathSegment::Index(index));
                ctx.add_error(error);
                Ok(None)
            }
            loaded => loaded,
        }
    }

    /// Loads the node with this id. Returns `None` if it does not exist or the viewer may not see it.
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
    /// Loads the subject of a write, given the change feed's noun for its type. Returns `None` if it is
    /// not a node or the viewer may not see it.
    pub(crate) async fn of_noun(ctx: &Context<'_>, noun: &str, uuid: Uuid) -> Result<Option<Self>> {
        match Self::id_of_noun(noun, uuid) {
            Some(id) => Self::load(ctx, &id).await,
            None => Ok(None),
        }
    }

    /// Returns the global id of the subject of a write, given the change feed's noun for its type.
    /// Deleted nodes still have one. Returns `None` if the noun does not denote a node.
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

/// A domain id that has a global form.
pub(crate) trait GlobalId: Copy + From<Uuid> + Into<Uuid> {
    /// Tag byte that identifies the type of the object. Clients store global ids, so a tag must never
    /// change.
    const TAG: u8;
    /// Name of the type, with its article, for error messages.
    const NOUN: &str;
}

macro_rules! globals {
    ($($id:ident = $tag:literal, $noun:literal;)+) => {
        $(impl GlobalId for $id {
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

/// Encodes an id as a global id.
pub(crate) fn id<T: GlobalId>(id: T) -> ID {
    encode(T::TAG, id.into())
}

fn encode(tag: u8, uuid: Uuid) -> ID {
    let mut bytes = [0; 17];
    bytes[0] = tag;
    bytes[1..].copy_from_slice(uuid.as_bytes());
    ID(URL_SAFE_NO_PAD.encode(bytes))
}

/// Decodes a global id to its UUID, regardless of the type of the object.
pub(crate) fn any(id: &ID) -> Result<Uuid> {
    Ok(decode(id)?.1)
}

/// Decodes a global id to an id of type `T`. Returns an error if it identifies an object of another
/// type.
pub(crate) fn parse<T: GlobalId>(id: &ID) -> Result<T> {
    let (tag, uuid) = decode(id)?;
    if tag == T::TAG {
        Ok(uuid.into())
    } else {
        let message = format!("The ID {:?} is not the ID of {}.", shown(id), T::NOUN);
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
    Error::bad_input(format!("The ID {:?} is not a valid global ID.", shown(id)))
}

/// Shortens an id sent by a client for error messages, to 46 characters (twice the length of a valid
/// id).
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
            error.message().ends_with("is not the ID of a story."),
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
