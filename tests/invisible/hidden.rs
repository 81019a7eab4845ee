//! What is hidden: an article in every status that readers do not see, linked from everywhere, and
//! every text of it marked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use khabar_domain::article::Status;
use khabar_domain::desk::Withdrawal;
use khabar_domain::workflow::Step;
use khabar_domain::{
    AccountId, Article, ArticleId, Block, Comment, Credential, Desk, Headline, Name, Role, Slug,
    WebUrl, comment, derived, related,
};
use khabar_persistence::account::{self, Account};
use khabar_persistence::article::Manuscript;
use khabar_persistence::change::Noun;
use khabar_persistence::{Db, Writer, article, correction, desk, home_lead, revision, slug, token};
use khabar_tests::harness::{Newsroom, make, newsroom};
use uuid::Uuid;

/// One hidden article, and everything by which somebody could ask for it.
pub(crate) struct Hidden {
    pub(crate) article: ArticleId,
    /// What stands in every text of it.
    pub(crate) text: String,
    /// What stands in its slugs and its address.
    pub(crate) slug: String,
    pub(crate) ids: Vec<String>,
    pub(crate) slugs: Vec<String>,
    pub(crate) urls: Vec<String>,
    pub(crate) cursors: Vec<String>,
    /// Whether its address says that it was withdrawn.
    pub(crate) is_stone: bool,
}

impl Hidden {
    /// Whether a document asks for it by name.
    pub(crate) fn is_named(&self, document: &str) -> bool {
        let mut names = self.ids.iter().chain(&self.slugs).chain(&self.urls);
        names.any(|name| document.contains(name.as_str()))
    }
}

/// Who wrote the second of them.
pub(crate) fn writer() -> AccountId {
    AccountId::new(derived("account", &["invisible"]))
}

/// Hides them in the small newsroom.
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
        // What was imported as withdrawn has no stone.
        (Status::Withdrawn, false),
    ]
    .into_iter()
    .enumerate()
    {
        hidden.push(hide_one(&mut writer, number, status, is_stone).await?);
    }

    // Links to them from what readers see.
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

    // Comments that readers do not see, under an article that they do.
    let visible = &small.manuscripts[0].article;
    for (minutes, status) in [
        (1, comment::Status::Pending),
        (2, comment::Status::Rejected),
        (3, comment::Status::Hidden),
    ] {
        let unseen = Comment {
            status,
            ..make::comment(visible, &hidden[0].text, &hidden[0].text, minutes)?
        };
        khabar_persistence::comment::save(&mut writer, &unseen).await?;
        // It is nobody's to open, so it is asked for among what belongs to a stranger.
        hidden[2].ids.push(global(2, unseen.id.uuid()));
    }

    // An API token, of which only those hear who give them out.
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
    writer: &mut Writer,
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
    let kept = Desk {
        created_by: (status == Status::Review).then(self::writer),
        scheduled_for: (status == Status::Scheduled).then(newsroom::now),
        embargo_until: Some(newsroom::now() + Duration::days(1)),
        withdrawal: is_stone.then(|| Withdrawal {
            at: newsroom::now(),
            reason: "سُحب".to_owned(),
        }),
    };
    desk::save(writer, id, &kept).await?;
    revision::add(writer, &manuscript, Step::Save, Some(text.clone())).await?;
    correction::add(writer, id, 1, &text).await?;
    let former = Slug::parse(&format!("{mark}-former"))?;
    let slug = &manuscript.article.slug;
    slug::given(
        writer,
        edition,
        Noun::Article,
        Some(&former),
        slug,
        id.uuid(),
    )
    .await?;
    let below = make::comment(&manuscript.article, &text, &text, 5)?;
    khabar_persistence::comment::save(writer, &below).await?;
    Ok(Hidden {
        article: id,
        ids: vec![global(1, id.uuid()), global(2, below.id.uuid())],
        slugs: vec![slug.as_str().to_owned(), former.as_str().to_owned()],
        urls: vec![format!("https://sindyan.example/{mark}")],
        // Its place in lists of the newest, of the oldest and of the most commented; they have all
        // the same.
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
    // Filed and linked as the article that has everything.
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
        ..make::article(edition, text, 61)?
    };
    let stories = small.stories.iter().map(|(story, _)| story.id);
    Ok(Manuscript {
        authors: small.people.iter().map(|person| person.id).collect(),
        topics: small.topics.iter().map(|topic| topic.id).collect(),
        stories: stories.collect(),
        ..make::manuscript(article, vec![Block::paragraph(text)])?
    })
}

/// A global id, as clients have it.
pub(crate) fn global(tag: u8, id: Uuid) -> String {
    let mut bytes = vec![tag];
    bytes.extend(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A place in a list, as clients have it.
fn cursor(order: u8, at: DateTime<Utc>, id: Uuid) -> String {
    let mut bytes = vec![order];
    bytes.extend(at.timestamp_micros().to_be_bytes());
    bytes.extend(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}
