//! Saving an article: its row, its body, its links, and its entries in lists.

use khabar_domain::article::Status;
use khabar_domain::{Article, ArticleId, Body, EditionId, PersonId, Slug, StoryId, TopicId};
use sea_orm::{ColumnTrait, Condition, EntityTrait};
use uuid::Uuid;

use super::address::{self, Before};
use super::{Manuscript, body_table, table};
use crate::feed::{CacheTag, Difference, EntityKind, Facet, Operation};
use crate::query::table::Declared as _;
use crate::relations::join_table::{JoinTable, join_table};
use crate::relations::list_membership::{self, Membership};
use crate::relations::slug;
use crate::tables::article::body;
use crate::{Doing, Result, Saved, WriteTx};

pub(crate) const AUTHORS: JoinTable =
    join_table!("article_author", article_id -> person_id, list article.author_ids);
pub(crate) const TOPICS: JoinTable =
    join_table!("article_topic", article_id -> topic_id, list article.topic_ids);
pub(crate) const STORIES: JoinTable = join_table!("article_story", article_id -> story_id);

/// The links that an article's row repeats as lists of ids, in the order of [`linked`].
pub(crate) const LISTED_LINKS: [JoinTable; 2] = [AUTHORS, TOPICS];

/// Returns the complete article with this id or, if there is none, with this slug, for a write that
/// depends on it. Includes articles of any status.
pub async fn find_by_id_or_slug(
    writer: &WriteTx,
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

/// Returns the complete article with this id, for a write that depends on it. Includes articles of
/// any status.
pub async fn get(writer: &WriteTx, id: ArticleId) -> Result<Option<Manuscript>> {
    let by_id = table::Column::Id.eq(id.uuid());
    let found = writer
        .find::<table::Entity, _>("find an article", by_id)
        .await?;
    match found {
        None => Ok(None),
        Some(article) => Ok(Some(whole(writer, article).await?)),
    }
}

/// Loads the body and links of an article.
async fn whole(writer: &WriteTx, article: Article) -> Result<Manuscript> {
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

/// Returns the status of an article, for a write that depends on it. Does not check whether the
/// viewer may see the article.
pub async fn status(writer: &WriteTx, id: ArticleId) -> Result<Option<Status>> {
    let by_id = table::Column::Id.eq(id.uuid());
    let found = writer
        .find::<table::Entity, _>("find out where an article stands", by_id)
        .await?;
    Ok(found.map(|article| article.status))
}

/// Inserts an article or updates the one with its id, and updates the lists that it appears in. An
/// update retains the stored comment and read counts.
pub async fn save(writer: &mut WriteTx, manuscript: &Manuscript) -> Result<Saved> {
    let article = &manuscript.article;
    let id = article.id.uuid();
    let mut row = table::Model::from(article);
    let mut comment_count = row.comment_count;
    let mut before = None;
    let mut difference = Difference::whole();
    let saved = writer
        .save::<table::Entity, _>("save an article", id, row.clone(), |old, new| {
            new.comment_count = old.comment_count;
            new.read_count = old.read_count;
            comment_count = old.comment_count;
            before = Some(Before {
                status: old.status.clone(),
                slug: old.slug.clone(),
            });
            difference = old.difference(new);
        })
        .await?;
    row.comment_count = comment_count;
    if saved != Saved::Unchanged {
        address::record_change(writer, before.as_ref(), article).await?;
    }
    let mut parts = vec![saved, save_body(writer, id, &manuscript.body).await?];
    for (links, to) in linked(manuscript) {
        parts.push(links.set(writer, id, &to).await?);
    }
    let published = article.status == Status::Published;
    let above = match row.section_id {
        Some(section) if published => list_membership::sections_above(writer, section).await?,
        _ => Vec::new(),
    };
    let wanted = placements(manuscript, &above);
    let touched = list_membership::place(writer, &row, wanted).await?;
    if parts.iter().all(|part| *part == Saved::Unchanged) && touched.is_empty() {
        return Ok(Saved::Unchanged);
    }
    let (act, saved) = match saved {
        Saved::Added => (Operation::Added, Saved::Added),
        _ if published => (Operation::Changed, Saved::Changed),
        _ => (Operation::Withdrawn, Saved::Changed),
    };
    let mut keys = vec![
        CacheTag::part(EntityKind::Article, id, Facet::Text),
        CacheTag::slug(EntityKind::Article, &article.slug),
    ];
    if difference.is_whole && parts[0] != Saved::Unchanged {
        // This key also invalidates answers about everything that belongs to the article.
        keys.insert(0, CacheTag::one(EntityKind::Article, id));
    } else {
        // The body may have changed without any change to the row, so the key of the text is
        // always included above.
        let differ = difference.facets.into_iter();
        let differ = differ.filter(|facet| *facet != Facet::Text);
        keys.extend(differ.map(|facet| CacheTag::part(EntityKind::Article, id, facet)));
        let links = LINKED.into_iter().zip(&parts[2..]);
        let links = links.filter(|(_, saved)| **saved != Saved::Unchanged);
        keys.extend(links.map(|(part, _)| CacheTag::part(EntityKind::Article, id, part)));
    }
    keys.extend(touched);
    let was_published = |before: Before| before.status == Status::Published.as_str();
    let appeared = before.is_some_and(|before| was_published(before) != published);
    if appeared {
        keys.extend(led_from(writer, id).await?);
        // Redirects to the article start or stop leading somewhere.
        let former = slug::former(writer, id).await?;
        keys.extend(
            former
                .iter()
                .map(|slug| CacheTag::slug(EntityKind::Article, slug)),
        );
    }
    writer.note(EntityKind::Article, id, act, keys);
    Ok(saved)
}

/// Returns the cache tags of everything that links to an article and shows it only while it is
/// published.
async fn led_from(writer: &WriteTx, id: Uuid) -> Result<Vec<CacheTag>> {
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
            1 => CacheTag::part(EntityKind::Article, id, Facet::Related),
            _ => CacheTag::part(EntityKind::Edition, id, Facet::Leads),
        })
    });
    keys.collect::<Result<_, _>>().doing(DOING)
}

fn typed<Id: From<Uuid>>(ids: Vec<Uuid>) -> Vec<Id> {
    ids.into_iter().map(Id::from).collect()
}

async fn save_body(writer: &WriteTx, id: Uuid, body: &Body) -> Result<Saved> {
    let row = body_row(id, body);
    writer
        .save::<body_table::Entity, _>("save an article's body", id, row, |_, _| ())
        .await
}

/// Returns the row of an article's body.
pub(crate) fn body_row(id: Uuid, body: &Body) -> body_table::Model {
    let blocks = serde_json::to_value(body).unwrap_or_default().to_string();
    body_table::Model {
        article_id: id,
        blocks,
    }
}

/// The parts that name the lists of [`linked`] in cache tags, in the order of that function.
const LINKED: [Facet; 3] = [Facet::Authors, Facet::Topics, Facet::Stories];

/// Returns the ids that an article is linked to, in order, for each link table.
pub(crate) fn linked(manuscript: &Manuscript) -> [(JoinTable, Vec<Uuid>); 3] {
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

/// Returns every list that an article appears in, or nothing if it is not published. `above` has the
/// article's own section and all sections above it.
pub(crate) fn placements(manuscript: &Manuscript, above: &[Uuid]) -> Vec<Membership> {
    let article = &manuscript.article;
    if article.status != Status::Published {
        return Vec::new();
    }
    let place = |entity, list: Uuid, direct| Membership {
        list,
        direct,
        entity,
    };
    let whole = |entity, list| place(entity, list, 0);
    let Manuscript {
        authors,
        topics,
        stories,
        ..
    } = manuscript;
    let mut wanted = vec![whole(EntityKind::Edition, article.edition.uuid())];
    wanted.extend(
        article
            .section
            .map(|id| place(EntityKind::Section, id.uuid(), 1)),
    );
    wanted.extend(above.iter().map(|id| whole(EntityKind::Section, *id)));
    wanted.extend(stories.iter().map(|id| whole(EntityKind::Story, id.uuid())));
    wanted.extend(topics.iter().map(|id| whole(EntityKind::Topic, id.uuid())));
    wanted.extend(
        authors
            .iter()
            .map(|id| whole(EntityKind::Person, id.uuid())),
    );
    wanted.extend(
        article
            .source
            .map(|id| whole(EntityKind::Source, id.uuid())),
    );
    wanted
}
