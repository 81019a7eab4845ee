//! Relay nodes: objects with a global id that can be fetched by that id alone.
//!
//! Global ids are opaque to clients. A global id is the unpadded base64url encoding of 17 bytes: one
//! tag byte for the type, followed by the 16 bytes of the object's own id. Only this file encodes or
//! decodes global ids.

use std::sync::Arc;

use async_graphql::ID;
use async_graphql::parser::types::SelectionSet;
use async_graphql::registry::Registry;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::try_join_all;
use khabar_domain::{
    ArticleId, CommentId, EditionId, FollowChannelId, LiveChannelId, MediaId, PersonId, SectionId,
    SourceId, StoryId, TokenId, TopicId,
};
use khabar_executor::{ByType, Pick};
use khabar_persistence::change::EntityKind;
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::object::{
    Call, CompositeType, FieldDeclaration, FieldObjects, FieldResolver, FieldValue, Object,
    ObjectsOf, OwnedOption, ReadContext, Selected, SelectionOf, found, register_interface,
    with_type,
};
use crate::types::{
    Article, Comment, Edition, FollowChannel, LiveChannel, Media, Person, Section, Source, Story,
    Token, Topic,
};

/// Declares the types of nodes, once for everything that distinguishes them: the name of the type,
/// the type of its id with the tag byte, the name for error messages, the module that loads it, and
/// the entities of the change feed that are attributed to it. `no node` lists the entities that are
/// attributed to none: every entity is in exactly one list, or this does not compile.
macro_rules! nodes {
    (no node: $($other:ident),+; $(
        $(#[$doc:meta])*
        $node:ident($id:ident = $tag:literal, $described:literal) in $module:ident, written as $($entity:ident),+;
    )+) => {
        /// An object with a global id, which was looked up by it.
        pub(crate) enum LoadedNode {
            $($(#[$doc])* $node(Arc<<$node as Object>::Object>),)+
            /// Nothing that the viewer may see.
            Missing,
            /// An object of a list that cannot be read, or whose id is malformed.
            Failed(Error),
        }

        impl CompositeType for Node {
            type Object = LoadedNode;

            fn register(registry: &mut Registry) -> &'static str {
                register_interface(
                    registry,
                    "Node",
                    "An object with a global id.",
                    node_fields,
                    &[$(<$node as CompositeType>::register),+],
                );
                "Node"
            }

            fn select(selection_set: &SelectionSet) -> Option<SelectionOf<LoadedNode>> {
                let types = ByType::default().with_failures(|node| match node {
                    LoadedNode::Failed(error) => Some(error.clone()),
                    _ => None,
                });
                $(let types = with_type::<_, $node>(types, selection_set, |node| match node {
                    LoadedNode::$node(object) => Some(object),
                    _ => None,
                })?;)+
                Some(SelectionOf::Abstract(types))
            }
        }

        $(impl GlobalId for $id {
            const TAG: u8 = $tag;
            const NAME_WITH_ARTICLE: &str = $described;
        })+

        $(impl crate::payload::Keyed for khabar_persistence::$module::ById {
            type Id = $id;
        })+

        impl Node {
            /// Loads the node with this id. Null if it does not exist or the viewer may not see it.
            pub(crate) async fn load(context: &ReadContext, id: &ID) -> Result<OwnedOption<Self>> {
                let (tag, uuid) = decode(id)?;
                let found = match tag {
                    $($id::TAG => {
                        let key = khabar_persistence::$module::ById($id::new(uuid));
                        context.load(key).await?.map(LoadedNode::$node)
                    })+
                    _ => return Err(refuse(id)),
                };
                Ok(OwnedOption(found))
            }

            /// Returns the global id of the subject of a write, given the kind of entity in the change
            /// feed. Deleted nodes still have one. Returns `None` if the entity is not part of a node.
            pub(crate) fn id_of_entity(entity: EntityKind, uuid: Uuid) -> Option<ID> {
                let tag = match entity {
                    $($(EntityKind::$entity)|+ => $id::TAG,)+
                    $(EntityKind::$other)|+ => return None,
                };
                Some(encode(tag, uuid))
            }
        }
    };
}
nodes! {
    no node: Account, TrustedDocument;

    /// An article.
    Article(ArticleId = 1, "an article") in article, written as Article, Related, Preview;
    /// A comment.
    Comment(CommentId = 2, "a comment") in comment, written as Comment;
    /// An edition.
    Edition(EditionId = 3, "an edition") in edition, written as Edition, Home;
    /// A follow channel.
    FollowChannel(FollowChannelId = 4, "a follow channel") in follow_channel, written as FollowChannel;
    /// A live channel.
    LiveChannel(LiveChannelId = 5, "a live channel") in live_channel, written as LiveChannel;
    /// Media.
    Media(MediaId = 6, "media") in media, written as Media;
    /// A person.
    Person(PersonId = 7, "a person") in person, written as Person;
    /// A section.
    Section(SectionId = 8, "a section") in section, written as Section;
    /// A source.
    Source(SourceId = 9, "a source") in source, written as Source;
    /// A story.
    Story(StoryId = 10, "a story") in story, written as Story;
    /// An API token. Visible only to viewers with the right `grant`.
    Token(TokenId = 12, "a token") in token, written as Token;
    /// A topic.
    Topic(TopicId = 11, "a topic") in topic, written as Topic;
}

/// An object with a global id.
#[derive(Debug)]
pub struct Node;

/// A domain id that has a global form.
pub(crate) trait GlobalId: Copy + From<Uuid> + Into<Uuid> {
    /// Tag byte that identifies the type of the object. Clients store global ids, so a tag must never
    /// change.
    const TAG: u8;
    /// Name of the type, with its article, for error messages.
    const NAME_WITH_ARTICLE: &str;
}

/// The fields of the interface.
fn node_fields() -> Vec<FieldDeclaration> {
    vec![FieldDeclaration {
        name: "id",
        description: "Global ID of the object, for use with `node(id:)`. Opaque, and never reused for another object.",
        arguments: Vec::new(),
        type_info: <ID as FieldValue>::type_info,
    }]
}

/// A nullable list of nodes, with null in place of each that is not found.
pub(crate) struct OwnedNodes(Vec<LoadedNode>);

impl FieldObjects for OwnedNodes {
    fn type_info(registry: &mut Registry) -> String {
        format!("[{}]", Node::register(registry))
    }
}

impl<T: Send + Sync + 'static> ObjectsOf<T> for OwnedNodes {
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let nodes = found(
            call,
            |Self(nodes)| Some(nodes),
            Pick::items(),
            selected.select::<Node>()?,
        );
        Some(FieldResolver::objects(nodes.with_nullable_items()))
    }
}

impl Node {
    /// Loads the nodes with these ids. A node that cannot be read, or whose id is malformed, becomes null, and
    /// an error with its index is added to the response.
    pub(crate) async fn load_each(context: &ReadContext, ids: &[ID]) -> Result<OwnedNodes> {
        let nodes = ids.iter().map(|id| async move {
            match Self::load(context, id).await {
                Ok(OwnedOption(node)) => Ok(node.unwrap_or(LoadedNode::Missing)),
                Err(error) if matches!(error.code(), Code::BrokenRow | Code::BadUserInput) => {
                    Ok(LoadedNode::Failed(error))
                }
                Err(error) => Err(error),
            }
        });
        Ok(OwnedNodes(try_join_all(nodes).await?))
    }
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
        let message = format!(
            "The ID {:?} is not the ID of {}.",
            shown(id),
            T::NAME_WITH_ARTICLE
        );
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
    fn global_ids_round_trip() {
        let article = ArticleId::new(Uuid::from_u128(7));
        let global = id(article);
        assert_eq!(global.as_str(), "AQAAAAAAAAAAAAAAAAAAAAc");
        assert_eq!(parse::<ArticleId>(&global).unwrap(), article);
    }

    #[test]
    fn an_id_of_another_type_is_rejected() {
        let error = parse::<StoryId>(&id(ArticleId::new(Uuid::from_u128(7)))).unwrap_err();
        assert_eq!(error.code(), Code::BadUserInput);
        assert!(
            error.message().ends_with("is not the ID of a story."),
            "{}",
            error.message()
        );
    }

    #[test]
    fn malformed_ids_are_rejected() {
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
