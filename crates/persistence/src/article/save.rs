//! Saving an article: its row, its body, what it is linked to, and its place in every list.

use khabar_domain::article::Status;
use khabar_domain::{Article, ArticleId, Body, EditionId, PersonId, Slug, StoryId, TopicId};
use sea_orm::{ColumnTrait, Condition, EntityTrait};
use uuid::Uuid;

use super::address::{self, Before};
use super::{body_table, table};
use crate::article::body;
use crate::change::{Act, Copies, Noun, Part, differing};
use crate::link::Links;
use crate::listing::{self, Placement};
use crate::slug;
use crate::{Doing, Result, Saved, Writer};

/// An article as the newsroom hands it in: whole, with its body and all that it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Manuscript {
    /// The article.
    pub article: Article,
    /// Its text.
    pub body: Body,
    /// Who signed it, in order.
    pub authors: Vec<PersonId>,
    /// What it is about, in order.
    pub topics: Vec<TopicId>,
    /// The stories that it belongs to, in order.
    pub stories: Vec<StoryId>,
}

const AUTHORS: Links = Links {
    table: "article_author",
    from: "article_id",
    to: "person_id",
};
const TOPICS: Links = Links {
    table: "article_topic",
    from: "article_id",
    to: "topic_id",
};
pub(super) const STORIES: Links = Links {
    table: "article_story",
    from: "article_id",
    to: "story_id",
};

/// The article with this id or, failing that, the one under this slug, whole and whatever its
/// status: for a write that depends on it.
pub async fn find(
    writer: &Writer,
    id: ArticleId,
    edition: EditionId,
    slug: &Slug,
) -> Result<Option<Manuscript>> {
    const DOING: &str = "find an article";
    let by_id = table::Column::Id.eq(id.uuid());
    let mut found = writer.find::<table::Entity, _>(DOING, by_id).await?;
    if found.is_none() {
        let by_slug = Condition::all()
            .add(table::Column::EditionId.eq(edition.uuid()))
            .add(table::Column::Slug.eq(slug.as_str()));
        found = writer.find::<table::Entity, _>(DOING, by_slug).await?;
    }
    match found {
        None => Ok(None),
        Some(article) => Ok(Some(whole(writer, article).await?)),
    }
}

/// The article with this id, whole and whatever its status, for a write that depends on it.
pub async fn get(writer: &Writer, id: ArticleId) -> Result<Option<Manuscript>> {
    let by_id = table::Column::Id.eq(id.uuid());
    let found = writer
        .find::<table::Entity, _>("find an article", by_id)
        .await?;
    match found {
        None => Ok(None),
        Some(article) => Ok(Some(whole(writer, article).await?)),
    }
}

/// An article with all that was handed in with it.
async fn whole(writer: &Writer, article: Article) -> Result<Manuscript> {
    const DOING: &str = "read what belongs to an article";
    let id = article.id.uuid();
    let row = body_table::Entity::find_by_id(id)
        .one(writer.connection())
        .await
        .doing(DOING)?;
    let body = row.map(|row| body(id, &row.blocks)).transpose()?;
    Ok(Manuscript {
        article,
        body: body.unwrap_or_default(),
        authors: typed(AUTHORS.of(writer, id).await?),
        topics: typed(TOPICS.of(writer, id).await?),
        stories: typed(STORIES.of(writer, id).await?),
    })
}

/// Where an article stands, whoever may see it: for a write that depends on it.
pub async fn status(writer: &Writer, id: ArticleId) -> Result<Option<Status>> {
    let by_id = table::Column::Id.eq(id.uuid());
    let found = writer
        .find::<table::Entity, _>("find out where an article stands", by_id)
        .await?;
    Ok(found.map(|article| article.status))
}

/// Adds it, or changes the one with its id, and puts it where readers will find it. Comment and
/// read counts are the database's.
pub async fn save(writer: &mut Writer, manuscript: &Manuscript) -> Result<Saved> {
    let article = &manuscript.article;
    let id = article.id.uuid();
    let mut row = table::Model::from(article);
    let mut comment_count = row.comment_count;
    let mut before = None;
    let (mut differ, mut is_card) = (Vec::new(), true);
    let saved = writer
        .save::<table::Entity, _>("save an article", id, row.clone(), |old, new| {
            new.comment_count = old.comment_count;
            new.read_count = old.read_count;
            comment_count = old.comment_count;
            before = Some(Before {
                status: old.status.clone(),
                slug: old.slug.clone(),
            });
            (differ, is_card) = differing(old, new, &PARTS);
        })
        .await?;
    row.comment_count = comment_count;
    if saved != Saved::Unchanged {
        address::settle(writer, before.as_ref(), article).await?;
    }
    let mut parts = vec![saved, save_body(writer, id, &manuscript.body).await?];
    for (links, to) in linked(manuscript) {
        parts.push(links.set(writer, id, &to).await?);
    }
    let published = article.status == Status::Published;
    let above = match row.section_id {
        Some(section) if published => listing::sections_above(writer, section).await?,
        _ => Vec::new(),
    };
    let wanted = placements(manuscript, &above);
    let touched = listing::place(writer, &row, wanted).await?;
    if parts.iter().all(|part| *part == Saved::Unchanged) && touched.is_empty() {
        return Ok(Saved::Unchanged);
    }
    let (act, saved) = match saved {
        Saved::Added => (Act::Added, Saved::Added),
        _ if published => (Act::Changed, Saved::Changed),
        _ => (Act::Withdrawn, Saved::Changed),
    };
    is_card &= parts[0] != Saved::Unchanged;
    let mut keys = vec![
        Noun::Article.list_key(id, Part::Text),
        Noun::Article.slug_key(&article.slug),
    ];
    if is_card {
        // Whatever belongs to it was read from it as well.
        keys.insert(0, Noun::Article.key(id));
    } else {
        // The body may be another where nothing of the row tells that.
        differ.retain(|part| *part != Part::Text);
        keys.extend(differ.iter().map(|part| Noun::Article.list_key(id, *part)));
        let links = LINKED.into_iter().zip(&parts[2..]);
        let links = links.filter(|(_, saved)| **saved != Saved::Unchanged);
        keys.extend(links.map(|(part, _)| Noun::Article.list_key(id, part)));
    }
    keys.extend(touched);
    let was_published = |before: Before| before.status == Status::Published.as_str();
    let appeared = before.is_some_and(|before| was_published(before) != published);
    if appeared {
        keys.extend(led_from(writer, id).await?);
        // What led to it led nowhere, or will.
        let former = slug::former(writer, id).await?;
        keys.extend(former.iter().map(|slug| Noun::Article.slug_key(slug)));
    }
    writer.note(Noun::Article, id, act, keys);
    Ok(saved)
}

/// What fields show that say so (see `types/article.rs` of the API): the lead, what follows from the
/// text, and what tells it from others without being read.
const PARTS: [Copies<table::Model>; 3] = [
    (Part::Lead, |row, from| row.lead.clone_from(&from.lead)),
    (Part::Text, |row, from| {
        row.excerpt.clone_from(&from.excerpt);
        row.is_stub = from.is_stub;
        row.updated_at = from.updated_at;
        row.version = from.version;
        row.reading_minutes = from.reading_minutes;
    }),
    (Part::Details, |row, from| {
        row.kind.clone_from(&from.kind);
        row.source_id = from.source_id;
        row.language.clone_from(&from.language);
        row.direction.clone_from(&from.direction);
        row.has_photos = from.has_photos;
        row.has_video = from.has_video;
        row.has_audio = from.has_audio;
    }),
];

/// The reading keys of what leads to an article, and shows it only while it is published.
async fn led_from(writer: &Writer, id: Uuid) -> Result<Vec<String>> {
    const DOING: &str = "find what leads to an article";
    let mut sql = writer.sql();
    let id = sql.bind(id);
    let text = format!(
        "SELECT from_id AS id, 1 AS by_link FROM related WHERE to_id = {id} \
         UNION ALL SELECT edition_id, 0 FROM home_lead WHERE article_id = {id}"
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let keys = rows.iter().map(|row| {
        let id: Uuid = row.try_get("", "id")?;
        let by_link: i32 = row.try_get("", "by_link")?;
        Ok(match by_link {
            1 => Noun::Article.list_key(id, Part::Related),
            _ => Noun::Edition.list_key(id, Part::Leads),
        })
    });
    keys.collect::<Result<_, _>>().doing(DOING)
}

fn typed<Id: From<Uuid>>(ids: Vec<Uuid>) -> Vec<Id> {
    ids.into_iter().map(Id::from).collect()
}

async fn save_body(writer: &Writer, id: Uuid, body: &Body) -> Result<Saved> {
    let row = body_row(id, body);
    writer
        .save::<body_table::Entity, _>("save an article's body", id, row, |_, _| ())
        .await
}

/// The row of an article's body.
pub(crate) fn body_row(id: Uuid, body: &Body) -> body_table::Model {
    let blocks = serde_json::to_value(body).unwrap_or_default().to_string();
    body_table::Model {
        article_id: id,
        blocks,
    }
}

/// The lists that [`linked`] gives, as reading keys name them.
const LINKED: [Part; 3] = [Part::Authors, Part::Topics, Part::Stories];

/// What an article is linked to, in order, by each table of links.
pub(crate) fn linked(manuscript: &Manuscript) -> [(Links, Vec<Uuid>); 3] {
    let Manuscript {
        authors,
        topics,
        stories,
        ..
    } = manuscript;
    [
        (
            AUTHORS,
            authors.iter().copied().map(PersonId::uuid).collect(),
        ),
        (TOPICS, topics.iter().copied().map(TopicId::uuid).collect()),
        (
            STORIES,
            stories.iter().copied().map(StoryId::uuid).collect(),
        ),
    ]
}

/// Every list in which an article stands; none unless it is published. `above` are the sections
/// that hold what is filed in its own: itself and those above.
pub(crate) fn placements(manuscript: &Manuscript, above: &[Uuid]) -> Vec<Placement> {
    let article = &manuscript.article;
    if article.status != Status::Published {
        return Vec::new();
    }
    let place = |noun, list: Uuid, own| Placement { list, own, noun };
    let whole = |noun, list| place(noun, list, 0);
    let Manuscript {
        authors,
        topics,
        stories,
        ..
    } = manuscript;
    let mut wanted = vec![whole(Noun::Edition, article.edition.uuid())];
    wanted.extend(article.section.map(|id| place(Noun::Section, id.uuid(), 1)));
    wanted.extend(above.iter().map(|id| whole(Noun::Section, *id)));
    wanted.extend(stories.iter().map(|id| whole(Noun::Story, id.uuid())));
    wanted.extend(topics.iter().map(|id| whole(Noun::Topic, id.uuid())));
    wanted.extend(authors.iter().map(|id| whole(Noun::Person, id.uuid())));
    wanted.extend(article.source.map(|id| whole(Noun::Source, id.uuid())));
    wanted
}
