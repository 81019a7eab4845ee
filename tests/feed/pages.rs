//! The change feed, looked through page by page.

use khabar_domain::Scope;
use khabar_persistence::change::ChangeLog;
use khabar_persistence::{OrderedSource as _, Page, change};
use khabar_tests::harness::{TestDb, newsroom};

use crate::soak::all;
use crate::{open, write};

/// Pages in either direction are the retained changes in pieces. What was deleted is on none of them.
#[tokio::test]
async fn pages_are_the_retained_changes_in_pieces() -> anyhow::Result<()> {
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
