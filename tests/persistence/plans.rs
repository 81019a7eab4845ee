//! Checks that an index serves every query that the API sends to the database.

use khabar_domain::article::{Kind, Status};
use khabar_domain::comment::Status as CommentStatus;
use khabar_domain::{Role, Scope, Slug, Viewer, WebUrl};
use khabar_persistence::article::{By, CountListed, Filter, List, Listed, unpublished};
use khabar_persistence::{
    BatchKey, Cursor, Db, Includes, Page, ReadSession, SlugKey, article, audit, comment,
    commenting, correction, edition, editorial, follow_channel, home_lead, live_channel, media,
    person, related, revision, section, source, story, token, topic, trusted_document,
};
use uuid::Uuid;

/// Checks that no statement reads a whole table. `scan` recognizes a table scan in a line of a query
/// plan.
pub(crate) async fn no_statement_scans_a_table(db: &Db, scan: fn(&str) -> bool) {
    let reader = db
        .reader(Scope::reader(chrono::DateTime::UNIX_EPOCH))
        .explaining();
    ask_everything(&reader).await;
    let admin = Scope {
        viewer: Viewer::of(Uuid::from_u128(1).into(), Role::Admin),
        ..reader.scope()
    };
    let admins = db.reader(admin).explaining();
    ask_who(&admins, Uuid::from_u128(1)).await;
    let plans = [reader.plans(), admins.plans()].concat();
    assert!(
        plans.len() > 40,
        "only {} statements were explained",
        plans.len()
    );
    let scans: Vec<_> = plans.iter().filter(|plan| plan.lines().any(scan)).collect();
    assert!(
        scans.is_empty(),
        "these read a whole table:\n\n{}",
        scans
            .iter()
            .map(|s| s.as_str())
            .collect::<Vec<_>>()
            .join("\n\n")
    );
}

async fn ask<K: BatchKey>(reader: &ReadSession, key: K) {
    K::fetch(reader, std::slice::from_ref(&key)).await.unwrap();
    // Again, with all related data that one statement can prefetch.
    let all = [
        Includes::PICTURE,
        Includes::AUTHORS,
        Includes::PORTRAITS,
        Includes::TOPICS,
        Includes::STORIES,
        Includes::IMAGES,
    ];
    let all = all.into_iter().fold(Includes::BODY, Includes::and);
    reader.want(&key, all);
    K::fetch(reader, &[key]).await.unwrap();
}

/// Queries tokens, trusted documents and the audit log.
async fn ask_who(reader: &ReadSession, id: Uuid) {
    let page = Page::first(3);
    ask(reader, token::ById(id.into())).await;
    ask(reader, token::ByHash(String::new())).await;
    ask(reader, trusted_document::ByName::new("a").unwrap()).await;
    ask(reader, token::AllTokens(page)).await;
    let of = Some(id);
    ask(reader, audit::Log { of, page }).await;
}

async fn ask_desk(reader: &ReadSession, id: Uuid) {
    let (article, page) = (id.into(), Page::first(3));
    ask(reader, editorial::Of(article)).await;
    ask(reader, correction::Of(article)).await;
    ask(reader, revision::Of { article, page }).await;
    ask(reader, revision::CountOf(article)).await;
    ask(
        reader,
        revision::At {
            article,
            version: 1,
        },
    )
    .await;
    for (status, by) in [
        (None, None),
        (Some(Status::Draft), None),
        (None, Some(id.into())),
    ] {
        let filter = unpublished::Filter { status, by };
        let edition = id.into();
        ask(
            reader,
            unpublished::Listed {
                edition,
                filter,
                page,
            },
        )
        .await;
        ask(reader, unpublished::CountListed { edition, filter }).await;
    }
    editorial::next_due(reader).await.unwrap();
}

#[expect(
    clippy::too_many_lines,
    reason = "a list of questions, one after another"
)]
async fn ask_everything(reader: &ReadSession) {
    let id = Uuid::from_u128(1);
    let slug = Slug::parse("ar").unwrap();
    let by_slug = || SlugKey {
        edition: slug.clone(),
        slug: slug.clone(),
    };
    let page = Page::first(3);

    ask_lists(reader, id).await;
    ask_desk(reader, id).await;
    ask(
        reader,
        article::MostRead {
            edition: id.into(),
            page,
        },
    )
    .await;
    ask(reader, article::ById(id.into())).await;
    ask(reader, article::BySlug(by_slug())).await;
    ask(
        reader,
        article::ByUrl(WebUrl::parse("https://example.org/a").unwrap()),
    )
    .await;
    ask(reader, article::BodyOf(id.into())).await;
    ask(
        reader,
        related::Of {
            article: id.into(),
            page,
        },
    )
    .await;
    ask(reader, related::CountOf(id.into())).await;
    ask(reader, home_lead::OfEdition(id.into())).await;

    for by in [comment::By::Newest, comment::By::Oldest] {
        ask(
            reader,
            comment::OfArticle {
                article: id.into(),
                by,
                page,
            },
        )
        .await;
        ask(
            reader,
            comment::RepliesTo {
                comment: id.into(),
                by,
                page,
            },
        )
        .await;
    }
    ask(reader, comment::CountOfArticle(id.into())).await;
    ask(reader, comment::ById(id.into())).await;
    ask(reader, comment::JustPosted(id.into())).await;
    ask(reader, comment::ReasonsOf(id.into())).await;
    let account = id.into();
    ask(reader, comment::OfAccount { account, page }).await;
    ask(reader, comment::CountOfAccount(account)).await;
    for (status, reported) in [
        (None, None),
        (Some(CommentStatus::Pending), None),
        (None, Some(true)),
        (Some(CommentStatus::Approved), Some(false)),
    ] {
        let (edition, wanted) = (id.into(), comment::QueueFilter { status, reported });
        ask(
            reader,
            comment::Queue {
                edition,
                wanted,
                page,
            },
        )
        .await;
        ask(reader, comment::CountQueue { edition, wanted }).await;
    }
    ask(reader, commenting::OfArticle(id.into())).await;
    ask(reader, commenting::OfEdition(id.into())).await;

    for pinned in [None, Some(true), Some(false)] {
        let filter = story::Filter {
            pinned,
            ..story::Filter::default()
        };
        ask(
            reader,
            story::OfEdition {
                edition: id.into(),
                filter,
                page,
            },
        )
        .await;
        ask(
            reader,
            story::CountOfEdition {
                edition: id.into(),
                filter,
            },
        )
        .await;
    }
    ask(reader, story::ById(id.into())).await;
    ask(reader, story::BySlug(by_slug())).await;
    ask(reader, story::OfArticle(id.into())).await;

    for which in [
        section::Which::All,
        section::Which::Featured,
        section::Which::Roots,
    ] {
        ask(
            reader,
            section::OfEdition {
                edition: id.into(),
                which,
            },
        )
        .await;
    }
    ask(reader, section::ById(id.into())).await;
    ask(reader, section::BySlug(by_slug())).await;
    ask(reader, section::ChildrenOf(id.into())).await;
    ask(reader, section::PathTo(id.into())).await;

    ask(reader, topic::ById(id.into())).await;
    ask(reader, topic::BySlug(by_slug())).await;
    ask(reader, topic::OfArticle(id.into())).await;
    ask(reader, topic::OfStory(id.into())).await;
    ask(reader, person::ById(id.into())).await;
    ask(reader, person::BySlug(by_slug())).await;
    ask(reader, person::OfArticle(id.into())).await;
    ask(reader, source::ById(id.into())).await;
    ask(reader, source::BySlug(by_slug())).await;
    ask(reader, media::ById(id.into())).await;
    ask(reader, edition::ById(id.into())).await;
    ask(reader, edition::BySlug(slug)).await;
    ask(reader, live_channel::ById(id.into())).await;
    ask(reader, live_channel::OfEdition(id.into())).await;
    ask(reader, follow_channel::ById(id.into())).await;
    ask(reader, follow_channel::OfEdition(id.into())).await;
}

async fn ask_lists(reader: &ReadSession, id: Uuid) {
    let list = List::Story(id.into());
    let open = Filter::default();
    let narrow = Filter {
        kinds: vec![Kind::Video],
        photos: Some(true),
        since: Some(reader.scope().as_of),
        also_in: vec![List::Topic(id.into())],
        ..Filter::default()
    };
    for filter in [open, narrow] {
        for by in [By::Newest, By::Oldest, By::MostCommented] {
            ask(
                reader,
                Listed {
                    list,
                    filter: filter.clone(),
                    by,
                    page: Page::first(3),
                },
            )
            .await;
        }
        ask(reader, CountListed { list, filter }).await;
    }
    // From a cursor in newest-first order, forward and backward.
    let mut place = [0; 25];
    place[0] = 11;
    let place = Some(Cursor::from_bytes(&place).unwrap());
    for page in [
        Page::parse(Some(3), place, None, None),
        Page::parse(None, None, Some(3), place),
    ] {
        ask(
            reader,
            Listed {
                list,
                filter: Filter::default(),
                by: By::Newest,
                page: page.unwrap(),
            },
        )
        .await;
    }
}
