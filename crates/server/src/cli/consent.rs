//! Confirmation of irreversible operations.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

/// Asks for confirmation and returns whether the answer is `yes`. Fails if standard input is not a
/// terminal, as in a script, which must pass `--yes` instead.
pub(super) fn given() -> anyhow::Result<bool> {
    let (input, mut out) = (std::io::stdin(), std::io::stderr());
    if !input.is_terminal() {
        bail!(
            "this cannot be undone, and there is no terminal for a confirmation; confirm with --yes"
        );
    }
    let _ = write!(out, "This cannot be undone. Type `yes` to go on: ");
    let _ = out.flush();
    let mut answer = String::new();
    input
        .read_line(&mut answer)
        .context("could not read the answer")?;
    Ok(answer.trim() == "yes")
}
