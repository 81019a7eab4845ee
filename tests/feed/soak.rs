//! Runs many writers and readers in several processes and kills them at random. No reader misses a row
//! of the feed, reads one twice, or reads out of order.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use khabar_domain::Scope;
use khabar_persistence::change::Change;
use khabar_persistence::{Db, Options, change, source};
use khabar_tests::harness::process::{Process, Report, report};
use khabar_tests::harness::random::{Random, seed};
use khabar_tests::harness::{MAX_WAIT, TestDb, newsroom};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::child;
use crate::newsroom_check::AllRows;
use crate::{agency, open};

const WRITERS: usize = 3;
const READERS: usize = 3;
/// Number of concurrent writers in each writing process.
const LANES: usize = 3;
/// Minimum number of acknowledged writes before the test ends. `KILLED` is the minimum number of
/// writers, and of readers, killed.
const WRITTEN: usize = 500;
const KILLED: usize = 6;

#[tokio::test]
async fn every_reader_reads_every_row_once_and_in_order() -> anyhow::Result<()> {
    let seed = seed()?;
    for (number, test) in TestDb::each().await?.into_iter().enumerate() {
        open(test.db()).await?;
        tokio::time::timeout(MAX_WAIT, soak(&test, Random::of(seed, number)))
            .await
            .with_context(|| {
                format!(
                    "on {}, something stands still, with KHABAR_SEED={seed}",
                    test.name()
                )
            })??;
    }
    Ok(())
}

/// A writer or reader, and its current process.
struct Role {
    process: Process,
    lives: usize,
    killed: bool,
}

/// The state of the test, as observed from the parent process.
struct SoakTest<'a> {
    url: &'a str,
    sender: UnboundedSender<Report>,
    players: Vec<Role>,
    /// Ids of the sources whose writes were acknowledged.
    acknowledged: Vec<String>,
    /// Ids that each reader has read.
    read: Vec<Vec<String>>,
    /// Number of writers and number of readers killed.
    killed: [usize; 2],
}

async fn soak(test: &TestDb, mut random: Random) -> anyhow::Result<()> {
    let (sender, mut reports) = unbounded_channel();
    let mut soak = SoakTest {
        url: test.url(),
        sender,
        players: Vec::new(),
        acknowledged: Vec::new(),
        read: vec![Vec::new(); READERS],
        killed: [0, 0],
    };
    for number in 0..WRITERS + READERS {
        let process = soak.start(number, 0)?;
        soak.players.push(Role {
            process,
            lives: 1,
            killed: false,
        });
    }
    let mut writing = true;
    let mut writers = WRITERS;
    while let Some(Report { from: number, line }) = reports.recv().await {
        match line {
            Some(line) => soak.receive(number, line)?,
            None if number < WRITERS && !writing => writers -= 1,
            // Replace a killed process. A reader resumes after the last row that it reported.
            None => {
                let lives = soak.players[number].lives;
                let process = soak.start(number, lives)?;
                soak.players[number] = Role {
                    process,
                    lives: lives + 1,
                    killed: false,
                };
                continue;
            }
        }
        if writing && soak.is_enough() {
            writing = false;
            for player in &mut soak.players[..WRITERS] {
                player.process.kill()?;
            }
        } else if random.once_in(30) {
            // Once writing has ended, kill only readers.
            let first = if writing { 0 } else { WRITERS };
            let number = first + random.below(WRITERS + READERS - first);
            let player = &mut soak.players[number];
            player.process.kill()?;
            soak.killed[usize::from(number >= WRITERS)] += usize::from(!player.killed);
            player.killed = true;
        }
        // A commit in progress may still complete after its client was killed.
        if writers == 0 && soak.have_all_read(test.db().feed().bounds().await?.head) {
            break;
        }
    }
    let read = std::mem::take(&mut soak.read);
    let acknowledged = std::mem::take(&mut soak.acknowledged);
    drop(soak);
    compare(test, &read, &acknowledged).await
}

impl SoakTest<'_> {
    fn start(&self, number: usize, lives: usize) -> anyhow::Result<Process> {
        let sender = self.sender.clone();
        if number < WRITERS {
            let name = format!("{number}-{lives}");
            child::start(&["writer", self.url, &name], number, sender)
        } else {
            let after = self.read[number - WRITERS].len().to_string();
            child::start(&["reader", self.url, &after], number, sender)
        }
    }

    fn receive(&mut self, number: usize, line: String) -> anyhow::Result<()> {
        if number < WRITERS {
            self.acknowledged.push(line);
            return Ok(());
        }
        let read = &mut self.read[number - WRITERS];
        let (seq, id) = line
            .split_once(' ')
            .context("a reader said something else")?;
        let expected = read.len() + 1;
        ensure!(
            seq.parse() == Ok(expected),
            "a reader read {seq} where {expected} comes next"
        );
        read.push(id.to_owned());
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.acknowledged.len() >= WRITTEN && self.killed.iter().all(|killed| *killed >= KILLED)
    }

    fn have_all_read(&self, head: i64) -> bool {
        let read = |ids: &Vec<String>| i64::try_from(ids.len()).is_ok_and(|read| read >= head);
        self.read.iter().all(read)
    }
}

/// Checks that the rows read, the acknowledged writes and the stored rows agree.
async fn compare(
    test: &TestDb,
    read: &[Vec<String>],
    acknowledged: &[String],
) -> anyhow::Result<()> {
    let changes = all(test.db()).await?;
    let ids: Vec<_> = changes
        .iter()
        .filter_map(|change| Some(change.write()?.id.to_string()))
        .collect();
    for (reader, read) in read.iter().enumerate() {
        ensure!(
            ids.starts_with(read) && read.len() + LANES * WRITERS * 3 >= ids.len(),
            "on {}, reader {reader} read something else",
            test.name()
        );
    }
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    for id in &ids {
        *times.entry(id).or_default() += 1;
    }
    let often = times.iter().find(|(_, times)| **times != 1);
    ensure!(
        often.is_none(),
        "something is announced more than once: {often:?}"
    );
    let lost = acknowledged.iter().find(|id| !times.contains_key(id));
    ensure!(
        lost.is_none(),
        "something that was written is not announced: {lost:?}"
    );
    let whole = AllRows::of(test.db()).await?;
    let there: BTreeSet<_> = ["source", "edition"]
        .iter()
        .flat_map(|kind| whole.ids(kind))
        .collect();
    let announced: BTreeSet<_> = ids.into_iter().collect();
    ensure!(there == announced, "what is there is not what is announced");
    Ok(())
}

/// Returns the whole feed and checks that it has no gaps.
pub(crate) async fn all(db: &Db) -> anyhow::Result<Vec<Change>> {
    let reader = db.reader(Scope::reader(newsroom::now()));
    let mut changes: Vec<Change> = Vec::new();
    loop {
        let last = changes.last().map_or(0, |change| change.seq);
        let more = change::after(&reader, last, 1_000).await?;
        if more.is_empty() {
            break;
        }
        changes.extend(more);
    }
    for (expected, change) in (1..).zip(&changes) {
        ensure!(
            change.seq == expected,
            "{} in place of {expected}",
            change.seq
        );
    }
    Ok(changes)
}

/// Entry point of a process that writes until it is killed.
pub(crate) async fn writer(url: &str, name: &str) -> anyhow::Result<()> {
    let db = Db::open(&Options::new(url)).await?;
    let seed = seed()?;
    let lanes = (0..LANES).map(|lane| {
        let (db, name) = (db.clone(), name.to_owned());
        tokio::spawn(async move {
            let mut random = Random::of(seed, lane);
            for turn in 0_u64.. {
                let mut writer = db.writer(newsroom::now()).await?;
                let mut ids = Vec::new();
                for part in 0..=random.below(3) {
                    let source = agency(&format!("{name}-{lane}-{turn}-{part}"))?;
                    source::save(&mut writer, &source).await?;
                    ids.push(source.id.uuid());
                }
                // Some transactions are rolled back.
                if random.once_in(5) {
                    continue;
                }
                writer.commit().await?;
                for id in ids {
                    report(format_args!("{id}"))?;
                }
            }
            anyhow::Ok(())
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await??;
    }
    Ok(())
}

/// Entry point of a process that reads until it is killed.
pub(crate) async fn reader(url: &str, mut after: i64) -> anyhow::Result<()> {
    let db = Db::open(&Options::new(url)).await?;
    let mut feed = db.feed();
    loop {
        for change in feed.next(after, 20).await? {
            let write = change.write().context("a change is not known")?;
            report(format_args!("{} {}", change.seq, write.id))?;
            after = change.seq;
        }
    }
}
