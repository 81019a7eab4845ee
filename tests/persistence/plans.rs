//! Checks that an index serves every query that the API sends to the database.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use khabar_domain::article::{Kind, Status};
use khabar_domain::comment::Status as CommentStatus;
use khabar_domain::{Role, Scope, Slug, Viewer, WebUrl};
use khabar_persistence::article::{By, CountListed, Filter, List, Listed, unpublished};
use khabar_persistence::{
    BatchKey, Cursor, Db, Includes, Page, ReadSession, SlugKey, account, article, audit, comment,
    commenting, correction, edition, editorial, follow_channel, home_lead, live_channel, media,
    person, preview, related, revision, secret, section, slug, source, story, token, topic,
    trusted_document,
};
use uuid::Uuid;

/// Checks that no statement reads a whole table. `scan` recognizes a table scan in a line of a query
/// plan. Fails if a key of the crate is missing here.
pub(crate) async fn no_statement_scans_a_table(
    db: &Db,
    scan: fn(&str) -> bool,
) -> anyhow::Result<()> {
    let mut reader = ExplainingSession::new(db, Viewer::anonymous());
    explain_all(&mut reader).await;
    let id = Uuid::from_u128(1);
    let mut admin = ExplainingSession::new(db, Viewer::of(id.into(), Role::Admin));
    explain_administration(&mut admin, id).await;

    let covered: BTreeSet<_> = reader.keys.union(&admin.keys).cloned().collect();
    let existing = keys_in_source()?;
    let missing: Vec<_> = existing.difference(&covered).collect();
    ensure!(
        missing.is_empty(),
        "the plans of these keys are not looked at: {missing:#?}"
    );
    let plans = [reader.session.plans(), admin.session.plans()].concat();
    let scans: Vec<_> = plans
        .into_iter()
        .filter(|plan| plan.lines().any(scan) && !reads_all(plan))
        .collect();
    ensure!(
        scans.is_empty(),
        "these read a whole table:\n\n{}",
        scans.join("\n\n")
    );
    Ok(())
}

/// Queries that read a whole table on purpose, each with the reason.
const WHOLE: [(&str, &str); 2] = [
    ("edition.list", "a newsroom has only a few editions"),
    ("token.count", "it counts index entries, up to a limit"),
];

/// Whether a plan is of one of these queries. The first line of a plan is the query.
fn reads_all(plan: &str) -> bool {
    let query = plan.lines().next();
    WHOLE.iter().any(|(name, _)| query == Some(*name))
}

/// The macros of `query/keys.rs` that implement [`BatchKey`], as they are called, each with the type that
/// it declares.
const MACROS: [(&str, &str); 3] = [
    ("by_id! {", "ById"),
    ("by_slug! {", "BySlug"),
    ("of_edition! {", "OfEdition"),
];

/// Returns the type names of all implementations of [`BatchKey`] in the crate, read from its source, so that
/// a new one cannot be forgotten. Every [`PageKey`](khabar_persistence::PageKey) is one of them.
fn keys_in_source() -> anyhow::Result<BTreeSet<String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/persistence/src");
    let mut keys = BTreeSet::new();
    let mut open = vec![(source, "khabar_persistence".to_owned())];
    while let Some((folder, module)) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let inner = match &*name {
                "lib" | "mod" => module.clone(),
                name => format!("{module}::{name}"),
            };
            if path.is_dir() {
                open.push((path, inner));
            } else if name != "tests" && path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path)?;
                for line in text.lines() {
                    let by_macro = MACROS.iter().find(|(call, _)| line == *call);
                    if let Some((_, key)) = by_macro {
                        keys.insert(format!("{inner}::{key}"));
                    } else if let Some((start, key)) = line.split_once("BatchKey for ") {
                        if start.starts_with("impl") {
                            keys.insert(format!("{inner}::{}", key.trim_end_matches(" {")));
                        } else {
                            // Keys that another macro implements would not be found.
                            let key = key.trim_end_matches(" {");
                            let is_known = MACROS.iter().any(|(_, known)| *known == key);
                            ensure!(
                                is_known,
                                "{}: this macro is not in the list of those that implement keys ({key})",
                                path.display()
                            );
                        }
                    }
                }
            }
        }
    }
    ensure!(keys.len() > 60, "only these keys were found: {keys:#?}");
    Ok(keys)
}

/// A session that explains each statement, and the keys that it has explained.
struct ExplainingSession {
    session: ReadSession,
    /// Type names of the keys that sent a statement.
    keys: BTreeSet<String>,
}

impl ExplainingSession {
    fn new(db: &Db, viewer: Viewer) -> Self {
        let scope = Scope {
            viewer,
            as_of: chrono::DateTime::UNIX_EPOCH,
        };
        Self {
            session: db.reader(scope).explaining(),
            keys: BTreeSet::new(),
        }
    }

    /// Resolves a key without and with all related data that one statement can prefetch.
    async fn explain<K: BatchKey>(&mut self, key: K) {
        let before = self.session.plans().len();
        let keys = std::slice::from_ref(&key);
        K::fetch(&self.session, keys).await.unwrap();
        let all = [
            Includes::PICTURE,
            Includes::AUTHORS,
            Includes::PORTRAITS,
            Includes::TOPICS,
            Includes::STORIES,
            Includes::IMAGES,
        ];
        let all = all.into_iter().fold(Includes::BODY, Includes::and);
        K::fetch(&self.session.including(all), keys).await.unwrap();
        if self.session.plans().len() > before {
            self.keys.insert(std::any::type_name::<K>().to_owned());
        }
    }
}

/// Queries accounts, tokens, previews, trusted documents and the audit log.
async fn explain_administration(reader: &mut ExplainingSession, id: Uuid) {
    let page = Page::first(3);
    reader.explain(token::ById(id.into())).await;
    reader.explain(token::ByHash(String::new())).await;
    reader
        .explain(trusted_document::ByName::new("a").unwrap())
        .await;
    reader.explain(token::AllTokens(page)).await;
    reader.explain(token::CountAllTokens).await;
    let of = Some(id);
    reader.explain(audit::Log { of, page }).await;
    reader.explain(audit::CountLog(of)).await;
    reader.explain(secret::OfPreviews).await;
    reader.explain(preview::GenerationOf(id.into())).await;
    reader.explain(account::ById(id.into())).await;
}

async fn explain_newsroom(reader: &mut ExplainingSession, id: Uuid) {
    let (article, page) = (id.into(), Page::first(3));
    reader.explain(editorial::Of(article)).await;
    reader.explain(correction::Of(article)).await;
    reader.explain(revision::Of { article, page }).await;
    reader.explain(revision::CountOf(article)).await;
    reader
        .explain(revision::At {
            article,
            version: 1,
        })
        .await;
    for (status, by) in [
        (None, None),
        (Some(Status::Draft), None),
        (None, Some(id.into())),
    ] {
        let filter = unpublished::Filter { status, by };
        let edition = id.into();
        reader
            .explain(unpublished::Listed {
                edition,
                filter,
                page,
            })
            .await;
        reader
            .explain(unpublished::CountListed { edition, filter })
            .await;
    }
    editorial::next_due(&reader.session).await.unwrap();
}

#[expect(
    clippy::too_many_lines,
    reason = "a list of questions, one after another"
)]
async fn explain_all(reader: &mut ExplainingSession) {
    let id = Uuid::from_u128(1);
    let slug = Slug::parse("ar").unwrap();
    let by_slug = || SlugKey {
        edition: slug.clone(),
        slug: slug.clone(),
    };
    let page = Page::first(3);

    explain_lists(reader, id).await;
    explain_newsroom(reader, id).await;
    reader
        .explain(article::MostRead {
            edition: id.into(),
            page,
        })
        .await;
    reader.explain(article::ById(id.into())).await;
    reader.explain(article::BySlug(by_slug())).await;
    reader
        .explain(article::ByUrl(
            WebUrl::parse("https://example.org/a").unwrap(),
        ))
        .await;
    reader.explain(article::BodyOf(id.into())).await;
    reader
        .explain(related::Of {
            article: id.into(),
            page,
        })
        .await;
    reader.explain(related::CountOf(id.into())).await;
    reader.explain(home_lead::OfEdition(id.into())).await;

    for by in [comment::By::Newest, comment::By::Oldest] {
        reader
            .explain(comment::OfArticle {
                article: id.into(),
                by,
                page,
            })
            .await;
        reader
            .explain(comment::RepliesTo {
                comment: id.into(),
                by,
                page,
            })
            .await;
    }
    reader.explain(comment::CountOfArticle(id.into())).await;
    reader.explain(comment::ById(id.into())).await;
    reader.explain(comment::JustPosted(id.into())).await;
    reader.explain(comment::ReasonsOf(id.into())).await;
    let account = id.into();
    reader.explain(comment::OfAccount { account, page }).await;
    reader.explain(comment::CountOfAccount(account)).await;
    for (status, reported) in [
        (None, None),
        (Some(CommentStatus::Pending), None),
        (None, Some(true)),
        (Some(CommentStatus::Approved), Some(false)),
    ] {
        let (edition, wanted) = (id.into(), comment::QueueFilter { status, reported });
        reader
            .explain(comment::Queue {
                edition,
                wanted,
                page,
            })
            .await;
        reader
            .explain(comment::CountQueue { edition, wanted })
            .await;
    }
    reader.explain(commenting::OfArticle(id.into())).await;
    reader.explain(commenting::OfEdition(id.into())).await;

    for pinned in [None, Some(true), Some(false)] {
        let filter = story::Filter {
            pinned,
            ..story::Filter::default()
        };
        reader
            .explain(story::OfEdition {
                edition: id.into(),
                filter,
                page,
            })
            .await;
        reader
            .explain(story::CountOfEdition {
                edition: id.into(),
                filter,
            })
            .await;
    }
    reader.explain(story::ById(id.into())).await;
    reader.explain(story::BySlug(by_slug())).await;
    reader.explain(story::OfArticle(id.into())).await;

    for which in [
        section::Which::All,
        section::Which::Featured,
        section::Which::Roots,
    ] {
        reader
            .explain(section::OfEdition {
                edition: id.into(),
                which,
            })
            .await;
    }
    reader.explain(section::ById(id.into())).await;
    reader.explain(section::BySlug(by_slug())).await;
    reader.explain(section::ChildrenOf(id.into())).await;
    reader.explain(section::PathTo(id.into())).await;

    reader.explain(topic::ById(id.into())).await;
    reader.explain(topic::BySlug(by_slug())).await;
    reader.explain(topic::OfArticle(id.into())).await;
    reader.explain(topic::OfStory(id.into())).await;
    reader.explain(person::ById(id.into())).await;
    reader.explain(person::BySlug(by_slug())).await;
    reader.explain(person::OfArticle(id.into())).await;
    reader.explain(source::ById(id.into())).await;
    reader.explain(source::BySlug(by_slug())).await;
    reader.explain(media::ById(id.into())).await;
    reader.explain(edition::ById(id.into())).await;
    reader.explain(edition::BySlug(slug)).await;
    reader.explain(edition::Every).await;
    reader.explain(slug::FormerSlugs(id)).await;
    reader.explain(live_channel::ById(id.into())).await;
    reader.explain(live_channel::OfEdition(id.into())).await;
    reader.explain(follow_channel::ById(id.into())).await;
    reader.explain(follow_channel::OfEdition(id.into())).await;
}

async fn explain_lists(reader: &mut ExplainingSession, id: Uuid) {
    let list = List::Story(id.into());
    let open = Filter::default();
    let narrow = Filter {
        kinds: vec![Kind::Video],
        photos: Some(true),
        since: Some(reader.session.scope().as_of),
        also_in: vec![List::Topic(id.into())],
        ..Filter::default()
    };
    for filter in [open, narrow] {
        for by in [By::Newest, By::Oldest, By::MostCommented] {
            reader
                .explain(Listed {
                    list,
                    filter: filter.clone(),
                    by,
                    page: Page::first(3),
                })
                .await;
        }
        reader.explain(CountListed { list, filter }).await;
    }
    // From a cursor in newest-first order, forward and backward.
    let mut place = [0; 25];
    place[0] = 11;
    let place = Some(Cursor::from_bytes(&place).unwrap());
    for page in [
        Page::parse(Some(3), place, None, None),
        Page::parse(None, None, Some(3), place),
    ] {
        reader
            .explain(Listed {
                list,
                filter: Filter::default(),
                by: By::Newest,
                page: page.unwrap(),
            })
            .await;
    }
}
