use std::io::{self, IsTerminal, Write};

use anyhow::{Context, bail};
use secret_replicator_core::secret::Region;

use crate::terminal::count;

/// The promotions per second: less than half of the write quota of 50 calls per second, which the Region's other
/// writers share.
const WRITES_PER_SECOND: u32 = 20;

/// The user's confirmation of a plan. Only [`ask`] creates it, and no client that writes exists without it.
#[derive(Debug)]
pub(crate) struct Confirmed {
    writes_per_second: u32,
}

impl Confirmed {
    /// Returns the number of promotions per second.
    pub(crate) fn writes_per_second(&self) -> u32 {
        self.writes_per_second
    }
}

/// Asks the user to confirm the promotions, unless `yes` confirms them. `None` if the user does not.
///
/// # Errors
/// Standard input is not a terminal, so no question is possible.
pub(super) fn ask(promotions: usize, to: &Region, yes: bool) -> anyhow::Result<Option<Confirmed>> {
    let confirmed = Confirmed {
        writes_per_second: WRITES_PER_SECOND,
    };
    if yes {
        return Ok(Some(confirmed));
    }
    let secrets = count(promotions, "secret");
    if !io::stdin().is_terminal() {
        bail!(
            "promoting {secrets} in {to} needs a confirmation, and standard input is not a terminal; add `--yes`, \
             or `--dry-run` to see the plan"
        );
    }
    anstream::eprint!(
        "\nPromote {secrets} in {to}? It cannot be undone. Type the Region to confirm: "
    );
    io::stderr()
        .flush()
        .context("failed to write the question")?;
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .context("failed to read the answer")?;
    Ok((answer.trim() == to.as_str()).then_some(confirmed))
}
