//! References of an article to other things, and the detection of invalid ones.

use std::collections::{HashMap, HashSet};

use khabar_domain::media::Kind;
use khabar_domain::{ArticleId, Block, EditionId, MediaId, WebUrl};
use uuid::Uuid;

use super::Manuscript;
use crate::query::row::broken;
use crate::{Doing, Result, WriteTx};

const DOING: &str = "find what an article refers to";

/// A place in an article that refers to something else. Positions are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The hero media at the top of the article.
    Hero,
    /// The source of the article.
    Source,
    /// The section of the article.
    Section,
    /// An author at this position.
    Author(usize),
    /// A topic at this position.
    Topic(usize),
    /// A story at this position.
    Story(usize),
    /// Media in the block of the body at this position.
    Block(usize),
}

/// Returns all invalid references of an article: those to things that do not exist or belong to
/// another edition, and blocks whose media is not of the kind that the block shows.
pub async fn missing(writer: &WriteTx, manuscript: &Manuscript) -> Result<Vec<Reference>> {
    let article = &manuscript.article;
    let edition = article.edition.uuid();
    let mut missing = Vec::new();
    let alone = [
        (Reference::Source, "source", article.source.map(Uuid::from)),
        (
            Reference::Section,
            "section",
            article.section.map(Uuid::from),
        ),
    ];
    for (reference, table, id) in alone {
        let Some(id) = id else { continue };
        let gone = gone(writer, table, edition, vec![id]).await?;
        missing.extend(gone.first().map(|_| reference));
    }
    let Manuscript {
        authors,
        topics,
        stories,
        ..
    } = manuscript;
    let authors: Vec<_> = authors.iter().map(|id| id.uuid()).collect();
    let topics: Vec<_> = topics.iter().map(|id| id.uuid()).collect();
    let stories: Vec<_> = stories.iter().map(|id| id.uuid()).collect();
    for (places, reference) in [
        (
            gone(writer, "person", edition, authors).await?,
            Reference::Author as fn(_) -> _,
        ),
        (
            gone(writer, "topic", edition, topics).await?,
            Reference::Topic,
        ),
        (
            gone(writer, "story", edition, stories).await?,
            Reference::Story,
        ),
    ] {
        missing.extend(places.into_iter().map(reference));
    }
    missing.extend(missing_media(writer, manuscript).await?);
    Ok(missing)
}

async fn missing_media(writer: &WriteTx, manuscript: &Manuscript) -> Result<Vec<Reference>> {
    let hero = manuscript.article.hero;
    let shown: Vec<_> = hero.into_iter().chain(manuscript.body.media()).collect();
    let kinds = media_kinds(writer, &shown).await?;
    let mut missing = Vec::new();
    if hero.is_some_and(|hero| !kinds.contains_key(&hero)) {
        missing.push(Reference::Hero);
    }
    for (place, block) in manuscript.body.blocks().iter().enumerate() {
        let wanted = if matches!(block, Block::Video { .. }) {
            Kind::Video
        } else {
            Kind::Image
        };
        if block
            .media()
            .iter()
            .any(|id| kinds.get(id) != Some(&wanted))
        {
            missing.push(Reference::Block(place));
        }
    }
    Ok(missing)
}

/// Returns the positions of the ids in a list that do not exist in an edition.
async fn gone(writer: &WriteTx, table: &str, edition: Uuid, ids: Vec<Uuid>) -> Result<Vec<usize>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = writer.sql();
    let among = sql.among("t.id", ids.iter().copied());
    let text = format!(
        "SELECT t.id FROM {table} t WHERE {among} AND t.edition_id = {}",
        sql.bind(edition)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let found = rows.iter().map(|row| row.try_get("", "id"));
    let found: HashSet<Uuid> = found.collect::<Result<_, _>>().doing(DOING)?;
    let places = ids.iter().enumerate();
    let gone = places.filter(|(_, id)| !found.contains(*id));
    Ok(gone.map(|(place, _)| place).collect())
}

async fn media_kinds(writer: &WriteTx, media: &[MediaId]) -> Result<HashMap<MediaId, Kind>> {
    if media.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = writer.sql();
    let among = sql.among("t.id", media.iter().map(|id| id.uuid()));
    let text = format!("SELECT t.id, t.kind FROM media t WHERE {among}");
    let mut kinds = HashMap::with_capacity(media.len());
    for row in writer.rows(DOING, sql, text).await? {
        let id: Uuid = row.try_get("", "id").doing(DOING)?;
        let kind: String = row.try_get("", "kind").doing(DOING)?;
        let kind = Kind::parse(&kind).map_err(broken("media", "kind", id))?;
        kinds.insert(id.into(), kind);
    }
    Ok(kinds)
}

/// Returns whether another article has this canonical URL.
pub async fn url_is_taken(writer: &WriteTx, url: &WebUrl, except: ArticleId) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM article WHERE canonical_url = {} AND id <> {}",
        sql.bind(url.as_str()),
        sql.bind(except.uuid())
    );
    let rows = writer
        .rows("find out whether an address is taken", sql, text)
        .await?;
    Ok(!rows.is_empty())
}

/// Returns the positions in a list of the ids that are not articles of an edition.
pub async fn absent(
    writer: &WriteTx,
    edition: EditionId,
    articles: &[ArticleId],
) -> Result<Vec<usize>> {
    let ids = articles.iter().map(|id| id.uuid()).collect();
    gone(writer, "article", edition.uuid(), ids).await
}
