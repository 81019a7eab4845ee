//! Processes of a test's own, which can be killed: this binary once more, told by a variable what to
//! do. What they have to say they write in lines, and it is heard as far as its last whole line.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use tokio::sync::mpsc::UnboundedSender;

/// The variable that says what a process is to do: words, the first of which is its part.
const PART: &str = "KHABAR_FEED_PART";

/// What a line of ours begins with; the test runner says things too.
const OURS: &str = "> ";

/// One that runs; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
}

/// What is heard of a process: a line, or nothing more.
pub(crate) struct Heard {
    /// The number that it was started with.
    pub(crate) of: usize,
    /// What it said; nothing when it has ended.
    pub(crate) line: Option<String>,
}

impl Process {
    /// Starts one to play this part; what it says goes to `ear` under this number.
    pub(crate) fn start(
        part: &[&str],
        of: usize,
        ear: UnboundedSender<Heard>,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "process::plays_its_part", "--nocapture"])
            .env(PART, part.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start a process")?;
        let said = child.stdout.take().context("it has no output")?;
        std::thread::spawn(move || {
            let mut said = BufReader::new(said);
            let mut line = String::new();
            // A line without its end was cut by the kill.
            while said.read_line(&mut line).is_ok() && line.ends_with('\n') {
                if let Some(ours) = line.trim_end().strip_prefix(OURS) {
                    let line = Some(ours.to_owned());
                    let _ = ear.send(Heard { of, line });
                }
                line.clear();
            }
            let _ = ear.send(Heard { of, line: None });
        });
        Ok(Self { child })
    }

    /// SIGKILL, and no word before it.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kill();
    }
}

/// Says a line to who started this process.
pub(crate) fn say(line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{OURS}{line}")?;
    Ok(out.flush()?)
}

/// Where a process begins that [`Process::start`] started. Among the tests it has no part to play.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plays_its_part() -> anyhow::Result<()> {
    let Ok(part) = std::env::var(PART) else {
        return Ok(());
    };
    // Who started it holds the other end: with that process, this one ends too.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    // The runner may have begun a line.
    writeln!(std::io::stdout())?;
    let words: Vec<_> = part.split(' ').collect();
    match words.as_slice() {
        ["writer", url, name] => crate::soak::writer(url, name).await,
        ["reader", url, after] => crate::soak::reader(url, after.parse()?).await,
        ["scribe", url, turn] => crate::killed::scribe(url, turn.parse()?).await,
        _ => bail!("there is no part {part:?}"),
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// The next, below `sides`.
    pub(crate) fn throw(&mut self, sides: u64) -> u64 {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// The same, as a place in a list.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.throw(length as u64)).unwrap_or(0)
    }
}
