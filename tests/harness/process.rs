//! Child processes of a test: the same test binary again, running one test of it.
//!
//! A child that plays a role is an ordinary test which returns at once unless [`role`] gives it something
//! to do. It reports to its parent in lines on standard output; an incomplete last line is discarded. A
//! child ends with its parent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use tokio::sync::mpsc::UnboundedSender;

/// The environment variable with the arguments of a child's role, as a JSON list.
const ROLE: &str = "KHABAR_TEST_ROLE";

/// The prefix of reports. The test runner writes other lines to standard output.
const REPORT: &str = "> ";

/// A running child process. Killed on drop.
pub struct Process {
    child: Child,
}

/// A report of a child process: a line, or the end of its output.
pub struct Report {
    /// The number that the child was started with.
    pub from: usize,
    /// The line. `None` if the child has ended.
    pub line: Option<String>,
}

/// Returns a command that runs one test of this binary, given by its whole path.
pub fn run_test(test: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", test]);
    Ok(command)
}

impl Process {
    /// Starts a child that runs `test` with these arguments. Its reports are sent under the number `from`.
    pub fn start(
        test: &str,
        arguments: &[&str],
        from: usize,
        reports: UnboundedSender<Report>,
    ) -> anyhow::Result<Self> {
        let mut child = run_test(test)?
            .arg("--nocapture")
            .env(ROLE, serde_json::to_string(arguments)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start a process for {test}"))?;
        let output = child.stdout.take().context("the child has no output")?;
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            // A line without a line break was cut off by the kill.
            while output.read_line(&mut line).is_ok() && line.ends_with('\n') {
                if let Some(report) = line.trim_end().strip_prefix(REPORT) {
                    let line = Some(report.to_owned());
                    let _ = reports.send(Report { from, line });
                }
                line.clear();
            }
            let _ = reports.send(Report { from, line: None });
        });
        Ok(Self { child })
    }

    /// Kills the child with SIGKILL, without warning, and waits for its end.
    pub fn kill(&mut self) -> anyhow::Result<()> {
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

/// Returns the arguments that this process was started with by [`Process::start`], or `None` in an ordinary
/// test run. From then on this process ends when its parent does.
pub fn role() -> anyhow::Result<Option<Vec<String>>> {
    let Ok(arguments) = std::env::var(ROLE) else {
        return Ok(None);
    };
    // The parent holds the other end of standard input.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    // The test runner may have left a line unfinished.
    writeln!(std::io::stdout())?;
    Ok(Some(serde_json::from_str(&arguments)?))
}

/// Reports a line to the parent process.
pub fn report(line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{REPORT}{line}")?;
    Ok(out.flush()?)
}
