//! Child processes that a test can kill. Each runs this test binary again, with an environment variable
//! that selects its part. Children report in lines on standard output, and an incomplete last line is
//! discarded.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use tokio::sync::mpsc::UnboundedSender;

/// The environment variable that selects a child's part: words separated by spaces, the first of which
/// names the part.
const PART: &str = "KHABAR_FEED_PART";

/// The prefix of lines from a child. The test runner writes other lines to standard output.
const OURS: &str = "> ";

/// A running child process. Killed on drop.
pub(crate) struct Process {
    child: Child,
}

/// A report from a child process: a line, or the end of its output.
pub(crate) struct Heard {
    /// The number that the child was started with.
    pub(crate) of: usize,
    /// The line. `None` if the child has ended.
    pub(crate) line: Option<String>,
}

impl Process {
    /// Starts a child that plays this part. Its lines are sent to `ear` under the number `of`.
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
            // A line without a line break was cut off by the kill.
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

    /// Kills the child with SIGKILL, without warning, and waits for its end.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The child may have exited by itself.
        let _ = self.kill();
    }
}

/// Reports a line to the parent process.
pub(crate) fn say(line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{OURS}{line}")?;
    Ok(out.flush()?)
}

/// Entry point of a child started by [`Process::start`]. In an ordinary test run, it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plays_its_part() -> anyhow::Result<()> {
    let Ok(part) = std::env::var(PART) else {
        return Ok(());
    };
    // The parent holds the other end of standard input. If the parent exits, so does this process.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    // The test runner may have left a line unfinished.
    writeln!(std::io::stdout())?;
    let words: Vec<_> = part.split(' ').collect();
    match words.as_slice() {
        ["writer", url, name] => crate::soak::writer(url, name).await,
        ["reader", url, after] => crate::soak::reader(url, after.parse()?).await,
        ["scribe", url, turn] => crate::crash_recovery::scribe(url, turn.parse()?).await,
        _ => bail!("there is no part {part:?}"),
    }
}

/// Pseudorandom numbers that are identical in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Returns the next number, less than `sides`.
    pub(crate) fn throw(&mut self, sides: u64) -> u64 {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Returns the next number as an index, less than `length`.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.throw(length as u64)).unwrap_or(0)
    }
}
