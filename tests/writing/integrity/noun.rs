//! Kinds of objects other than articles: the fields to read, the defaults of a new object, and the
//! fields that can be set.

use serde_json::{Value, json};

use super::model::FieldValues;

/// A kind of object.
pub(super) struct Noun {
    /// The name in API fields, such as `liveChannel`.
    pub(super) name: &'static str,
    /// The GraphQL type.
    pub(super) class: &'static str,
    /// The selection to read and compare with the model.
    pub(super) read: &'static str,
    /// The field that contains the name or title, or the URL of media.
    pub(super) called: &'static str,
    /// Whether objects of this kind have a slug that is unique in their edition.
    pub(super) addressed: bool,
    /// Default fields of a new object, as JSON.
    blank: &'static str,
    /// The fields that can be set, besides `called`.
    pub(super) parts: &'static [SettableField],
}

/// A field that can be set.
pub(super) struct SettableField {
    pub(super) field: &'static str,
    pub(super) kind_of_value: ValueKind,
    /// Whether null clears the field.
    pub(super) clears: bool,
}

/// The kind of value that a field takes.
pub(super) enum ValueKind {
    Text,
    Flag,
    OneOf(&'static [&'static str]),
    Address,
    Picture,
    Topics,
    Point,
}

const fn part(field: &'static str, kind_of_value: ValueKind) -> SettableField {
    SettableField {
        field,
        kind_of_value,
        clears: true,
    }
}

/// Describes a field that always has a value.
const fn always(field: &'static str, kind_of_value: ValueKind) -> SettableField {
    SettableField {
        field,
        kind_of_value,
        clears: false,
    }
}

impl Noun {
    /// Returns the default fields of a new object.
    pub(super) fn blank(&self) -> FieldValues {
        match serde_json::from_str(self.blank) {
            Ok(Value::Object(values)) => values,
            other => panic!("{}: {other:?}", self.name),
        }
    }
}

pub(super) const TOPIC: Noun = Noun {
    name: "topic",
    class: "Topic",
    read: "slug name kind summary mediaTopic",
    called: "name",
    addressed: true,
    blank: r#"{"kind": "SUBJECT", "summary": null, "mediaTopic": null}"#,
    parts: &[
        always("kind", ValueKind::OneOf(&["SUBJECT", "PLACE"])),
        part("summary", ValueKind::Text),
        part(
            "mediaTopic",
            ValueKind::OneOf(&["medtop:04000000", "medtop:15000000"]),
        ),
    ],
};

pub(super) const PERSON: Noun = Noun {
    name: "person",
    class: "Person",
    read: "slug name role biography portrait { id }",
    called: "name",
    addressed: true,
    blank: r#"{"role": null, "biography": null, "portrait": null}"#,
    parts: &[
        part("role", ValueKind::Text),
        part("biography", ValueKind::Text),
        part("portrait", ValueKind::Picture),
    ],
};

pub(super) const SOURCE: Noun = Noun {
    name: "source",
    class: "Source",
    read: "slug name kind url",
    called: "name",
    addressed: true,
    blank: r#"{"kind": null, "url": null}"#,
    parts: &[
        part("kind", ValueKind::OneOf(&["AGENCY"])),
        part("url", ValueKind::Address),
    ],
};

pub(super) const SECTION: Noun = Noun {
    name: "section",
    class: "Section",
    read: "slug name summary featured parent { id }",
    called: "name",
    addressed: true,
    blank: r#"{"summary": null, "featured": false, "parent": null}"#,
    parts: &[
        part("summary", ValueKind::Text),
        always("featured", ValueKind::Flag),
    ],
};

pub(super) const STORY: Noun = Noun {
    name: "story",
    class: "Story",
    read: "slug title kind status summary image { id } topics { id }",
    called: "title",
    addressed: true,
    blank: r#"{"kind": "RUNNING", "status": "ACTIVE", "summary": null, "image": null, "topics": []}"#,
    parts: &[
        always("kind", ValueKind::OneOf(&["RUNNING", "SHOW", "RUBRIC"])),
        part("summary", ValueKind::Text),
        part("image", ValueKind::Picture),
        part("topics", ValueKind::Topics),
    ],
};

pub(super) const MEDIA: Noun = Noun {
    name: "media",
    class: "Media",
    read: "kind url alt caption credit focalPoint { x y }",
    called: "url",
    addressed: false,
    blank: r#"{"kind": "IMAGE", "alt": null, "caption": null, "credit": null, "focalPoint": null}"#,
    parts: &[
        part("alt", ValueKind::Text),
        part("caption", ValueKind::Text),
        part("credit", ValueKind::Text),
        part("focalPoint", ValueKind::Point),
    ],
};

pub(super) const LIVE: Noun = Noun {
    name: "liveChannel",
    class: "LiveChannel",
    read: "name streamUrl onAir poster { id }",
    called: "name",
    addressed: false,
    blank: r#"{"streamUrl": null, "onAir": null, "poster": null}"#,
    parts: &[
        part("streamUrl", ValueKind::Address),
        part("onAir", ValueKind::Flag),
        part("poster", ValueKind::Picture),
    ],
};

pub(super) const FOLLOW: Noun = Noun {
    name: "followChannel",
    class: "FollowChannel",
    read: "name platform handle url",
    called: "name",
    addressed: false,
    // Every creation sets `platform`, so the value here is only a placeholder.
    blank: r#"{"platform": "X", "handle": null, "url": null}"#,
    parts: &[
        always("platform", ValueKind::OneOf(&["X", "RSS"])),
        part("handle", ValueKind::Text),
        part("url", ValueKind::Address),
    ],
};

pub(super) const EDITION: Noun = Noun {
    name: "edition",
    class: "Edition",
    read: "slug name language direction labels { live follow sections stories comments }",
    called: "name",
    addressed: false,
    blank: r#"{"language": "ar", "direction": "RTL", "labels": {"live": null, "follow": null,
        "sections": null, "stories": null, "comments": null}}"#,
    parts: &[],
};

/// Replaces each `{"id": "…"}` with the ID itself, so that references have the form in which they
/// are written.
pub(super) fn flat(value: Value) -> Value {
    match value {
        Value::Object(mut fields) if fields.len() == 1 && fields.contains_key("id") => {
            fields.remove("id").unwrap_or_default()
        }
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, flat(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(flat).collect(),
        other => other,
    }
}

/// Returns one of two focal points.
pub(super) fn point(at: usize) -> Value {
    [json!({"x": 0.25, "y": 0.5}), json!({"x": 1.0, "y": 0.0})][at % 2].clone()
}
