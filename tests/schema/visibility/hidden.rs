//! Hidden content: an article in each status that is hidden from readers. The articles are linked from
//! everywhere, and all their texts contain a marker.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use khabar_domain::article::Status;
use khabar_domain::editorial::Withdrawal;
use khabar_domain::workflow::Transition;
use khabar_domain::{
    AccountId, Article, ArticleId, Block, Comment, Credential, EditorialState, Headline, Name,
    Role, Slug, WebUrl, comment, derived, related,
};
use khabar_persistence::account::{self, Account};
use khabar_persistence::article::Manuscript;
use khabar_persistence::change::EntityKind;
use khabar_persistence::{
    Db, WriteTx, article, correction, editorial, home_lead, revision, slug, token,
};
use khabar_tests::harness::{Newsroom, builders, newsroom};
use uuid::Uuid;

/// A hidden article, with every identifier that could be used to query it.
pub(crate) struct Hidden {
    pub(crate) article: ArticleId,
    /// The marker in all texts of the article.
    pub(crate) text: String,
    /// The marker in the slugs and the canonical URL.
    pub(crate) slug: String,
    pub(crate) ids: Vec<String>,
    pub(crate) slugs: Vec<String>,
    pub(crate) urls: Vec<String>,
    pub(crate) cursors: Vec<String>,
    /// Whether the article has a tombstone at its address.
    pub(crate) is_stone: bool,
}

impl Hidden {
    /// Whether a document contains an ID, slug or URL of the article.
    pub(crate) fn is_named(&self, document: &str) -> bool {
        let mut names = self.ids.iter().chain(&self.slugs).chain(&self.urls);
        names.any(|name| document.contains(name.as_str()))
    }
}

/// Returns the ID of the account that wrote the second hidden article.
pub(crate) fn writer() -> AccountId {
    AccountId::new(derived("account", &["invisible"]))
}

/// Adds the hidden content to the small newsroom.
pub(crate) async fn hide(db: &Db) -> anyhow::Result<Vec<Hidden>> {
    let mut writer = db.writer(newsroom::now()).await?;
    let account = Account {
        id: self::writer(),
        name: Name::parse("كاتب")?,
        subject: None,
    };
    account::add(&mut writer, &account).await?;
    let mut hidden = Vec::new();
    for (number, (status, is_stone)) in [
        (Status::Draft, false),
        (Status::Review, false),
        (Status::Scheduled, false),
        (Status::Withdrawn, true),
        // An article imported as withdrawn has no tombstone.
        (Status::Withdrawn, false),
    ]
    .into_iter()
    .enumerate()
    {
        hidden.push(hide_one(&mut writer, number, status, is_stone).await?);
    }

    // Links to the hidden articles from visible content.
    let small = Newsroom::small()?;
    let articles = hidden.iter().map(|one| one.article);
    let (from, links) = &small.related[0];
    let more = articles.clone().map(|to| khabar_domain::RelatedLink {
        from: *from,
        to,
        rank: 0,
        origin: related::Origin::Editorial,
        reason: related::Reason::Chosen,
        score: None,
    });
    let links: Vec<_> = links.iter().cloned().chain(more).collect();
    khabar_persistence::related::set(&mut writer, *from, &links).await?;
    let (edition, leads) = &small.leads[0];
    let leads: Vec<_> = articles.chain(leads.iter().copied()).collect();
    home_lead::set(&mut writer, *edition, &leads).await?;

    // Hidden comments on a visible article.
    let visible = &small.manuscripts[0].article;
    for (minutes, status) in [
        (1, comment::Status::Pending),
        (2, comment::Status::Rejected),
        (3, comment::Status::Hidden),
    ] {
        let unseen = Comment {
            status,
            ..builders::comment(visible, &hidden[0].text, &hidden[0].text, minutes)?
        };
        khabar_persistence::comment::save(&mut writer, &unseen).await?;
        // No asker may see this comment, so its ID is listed with an article that no asker owns.
        hidden[2].ids.push(global(2, unseen.id.uuid()));
    }

    // An API token, visible only to users who may issue tokens.
    let issue = token::Issue {
        id: derived("token", &["invisible"]).into(),
        name: Name::parse(&hidden[2].text)?,
        role: Role::Reader,
        rights: None,
        expires_at: None,
    };
    let token = token::issue(&mut writer, issue, &Credential::of([7; 32])).await?;
    hidden[2].ids.push(global(12, token.id.uuid()));
    writer.commit().await?;
    Ok(hidden)
}

async fn hide_one(
    writer: &mut WriteTx,
    number: usize,
    status: Status,
    is_stone: bool,
) -> anyhow::Result<Hidden> {
    let (text, mark) = (format!("QXTEXT{number}Z"), format!("qxslug{number}z"));
    let manuscript = manuscript(&text, &mark, status)?;
    let Article {
        id,
        edition,
        listed_at,
        ..
    } = manuscript.article;
    article::save(writer, &manuscript).await?;
    let state = EditorialState {
        created_by: (status == Status::Review).then(self::writer),
        scheduled_for: (status == Status::Scheduled).then(newsroom::now),
        embargo_until: Some(newsroom::now() + Duration::days(1)),
        withdrawal: is_stone.then(|| Withdrawal {
            at: newsroom::now(),
            reason: "سُحب".to_owned(),
        }),
    };
    editorial::save(writer, id, &state).await?;
    revision::add(writer, &manuscript, Transition::Save, Some(text.clone())).await?;
    correction::add(writer, id, 1, &text).await?;
    let former = Slug::parse(&format!("{mark}-former"))?;
    let slug = &manuscript.article.slug;
    slug::record_change(
        writer,
        edition,
        EntityKind::Article,
        Some(&former),
        slug,
        id.uuid(),
    )
    .await?;
    let below = builders::comment(&manuscript.article, &text, &text, 5)?;
    khabar_persistence::comment::save(writer, &below).await?;
    Ok(Hidden {
        article: id,
        ids: vec![global(1, id.uuid()), global(2, below.id.uuid())],
        slugs: vec![slug.as_str().to_owned(), former.as_str().to_owned()],
        urls: vec![format!("https://sindyan.example/{mark}")],
        // Cursors for the orders newest, oldest and most commented. The first article's are enough,
        // because all the articles have equal positions.
        cursors: [(11, listed_at), (12, listed_at), (13, DateTime::UNIX_EPOCH)]
            .into_iter()
            .filter(|_| number == 0)
            .map(|(order, at)| cursor(order, at, id.uuid()))
            .collect(),
        text,
        slug: mark,
        is_stone,
    })
}

fn manuscript(text: &str, mark: &str, status: Status) -> anyhow::Result<Manuscript> {
    let small = Newsroom::small()?;
    // Classified and linked like the article that has every property.
    let model = &small.manuscripts[0];
    let edition = &small.editions[0];
    let article = Article {
        status,
        slug: Slug::parse(mark)?,
        headline: Headline::parse(text)?,
        lead: Some(text.to_owned()),
        canonical_url: Some(WebUrl::parse(&format!("https://sindyan.example/{mark}"))?),
        section: model.article.section,
        source: model.article.source,
        hero: model.article.hero,
        flags: model.article.flags,
        read_count: 10_000,
        ..builders::article(edition, text, 61)?
    };
    let stories = small.stories.iter().map(|(story, _)| story.id);
    Ok(Manuscript {
        authors: small.people.iter().map(|person| person.id).collect(),
        topics: small.topics.iter().map(|topic| topic.id).collect(),
        stories: stories.collect(),
        ..builders::manuscript(article, vec![Block::paragraph(text)])?
    })
}

/// Encodes a global ID as clients see it.
pub(crate) fn global(tag: u8, id: Uuid) -> String {
    let mut bytes = vec![tag];
    bytes.extend(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Encodes a cursor as clients see it.
fn cursor(order: u8, at: DateTime<Utc>, id: Uuid) -> String {
    let mut bytes = vec![order];
    bytes.extend(at.timestamp_micros().to_be_bytes());
    bytes.extend(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}
