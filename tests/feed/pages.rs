//! The change feed, looked through page by page.

use khabar_domain::Scope;
use khabar_persistence::change::ChangeLog;
use khabar_persistence::{Cursor, Error, OrderedSource as _, Page, Source, change};
use khabar_tests::harness::{TestDb, newsroom};

use crate::soak::all;
use crate::{open, write};

/// Pages in either direction are the retained changes in pieces. What was deleted is on none of them.
#[tokio::test]
async fn pages_cover_the_retained_changes() -> anyhow::Result<()> {
    for db in TestDb::each().await? {
        open(db.db()).await?;
        for number in 0..23 {
            write(db.db(), newsroom::now(), &format!("agency-{number}")).await?;
        }
        let whole = all(db.db()).await?;
        assert!(whole.len() >= 23, "{}", whole.len());
        for deleted in [false, true] {
            if deleted {
                let oldest = whole[7].seq;
                db.execute_sql(&format!("DELETE FROM change WHERE seq < {oldest}"))
                    .await?;
            }
            let retained: Vec<_> = whole.iter().map(|change| change.seq).collect();
            let retained = &retained[if deleted { 7 } else { 0 }..];
            let reader = db.db().reader(Scope::reader(newsroom::now()));
            let log = ChangeLog(&reader);
            for size in [1, 2, 7, 100] {
                let (mut seen, mut after) = (Vec::new(), None);
                loop {
                    let slice = log
                        .page(Page::parse(Some(size), after, None, None)?)
                        .await?;
                    let has_next = slice.has_next;
                    after = slice.end;
                    seen.extend(slice.into_items().iter().map(|change| change.seq));
                    if !has_next {
                        break;
                    }
                }
                assert_eq!(seen, retained);
                let (mut seen, mut before) = (Vec::new(), None);
                loop {
                    let slice = log
                        .page(Page::parse(None, None, Some(size), before)?)
                        .await?;
                    let has_previous = slice.has_previous;
                    before = slice.start;
                    let items = slice.into_items();
                    seen.splice(0..0, items.iter().map(|change| change.seq));
                    if !has_previous {
                        break;
                    }
                }
                assert_eq!(seen, retained);
            }
            let bounds = change::bounds(&reader).await?;
            assert_eq!(
                (Some(&bounds.oldest), Some(&bounds.head)),
                (retained.first(), retained.last())
            );
        }
    }
    Ok(())
}

/// Makes up the cursor of an item with this sort value.
fn forged(source: Source, value: i64) -> anyhow::Result<Option<Cursor>> {
    let mut bytes = vec![source as u8];
    bytes.extend(value.to_be_bytes());
    bytes.extend([0xff; 16]);
    Ok(Some(Cursor::from_bytes(&bytes)?))
}

/// A forged cursor is a position like any other, or is rejected. It never fails otherwise.
#[tokio::test]
async fn forged_cursors_are_positions_or_rejected() -> anyhow::Result<()> {
    for db in TestDb::each().await? {
        open(db.db()).await?;
        write(db.db(), newsroom::now(), "agency").await?;
        let reader = db.db().reader(Scope::reader(newsroom::now()));
        let log = ChangeLog(&reader);
        let seqs: Vec<_> = all(db.db())
            .await?
            .iter()
            .map(|change| change.seq)
            .collect();
        let (oldest, head) = (seqs[0], seqs[seqs.len() - 1]);
        let none: &[i64] = &[];
        // Values, and the changes after and before them.
        let cases = [
            (i64::MIN, &seqs[..], none),
            (i64::MIN + 1, &seqs, none),
            (-1, &seqs, none),
            (0, &seqs, none),
            (oldest, &seqs[1..], none),
            (head, none, &seqs[..seqs.len() - 1]),
            (head + 1, none, &seqs),
            (i64::MAX - 1, none, &seqs),
            (i64::MAX, none, &seqs),
        ];
        for (value, after, before) in cases {
            let cursor = forged(Source::Changes, value)?;
            for (first, last) in [(Some(100), None), (None, Some(100))] {
                for (page, expected) in [
                    (Page::parse(first, cursor, last, None)?, after),
                    (Page::parse(first, None, last, cursor)?, before),
                    (Page::parse(first, cursor, last, cursor)?, none),
                ] {
                    let slice = log.page(page).await?;
                    let read: Vec<_> = slice.into_items().iter().map(|change| change.seq).collect();
                    assert_eq!(read, expected, "{page:?}");
                }
            }
            for (first, last) in [(Some(1), None), (None, Some(1)), (Some(0), None)] {
                for (after, before) in [(cursor, None), (None, cursor), (cursor, cursor)] {
                    let page = Page::parse(first, after, last, before)?;
                    assert!(log.page(page).await?.into_items().len() <= 1, "{page:?}");
                }
            }

            let cursor = forged(Source::AuditLog, value)?;
            for (after, before) in [(cursor, None), (None, cursor)] {
                let page = Page::parse(Some(1), after, None, before)?;
                let rejected = log.page(page).await;
                assert!(matches!(rejected, Err(Error::Invalid(_))), "{rejected:?}");
            }
        }
        for bytes in [&[][..], &[Source::Changes as u8], &[0xff; 24], &[0xff; 26]] {
            assert!(Cursor::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
    Ok(())
}
