//! The confirmation of writes. Without one, no client that writes exists.

use std::io::{self, IsTerminal, Write};
use std::marker::PhantomData;

use anyhow::{Context, bail};
use secret_replicator_core::secret::Region;

use crate::terminal::count;

/// The writes per second in a Region: less than half of the write quota of 50 calls per second, which the Region's
/// other writers share.
const WRITES_PER_SECOND: u32 = 20;

/// Writes that a user confirms.
pub(crate) trait Writes {
    /// Returns the writes with their number and Region.
    fn summary(&self) -> String;

    /// Returns the question before the prompt.
    fn question(&self) -> String;

    /// Returns the Region that the user types to confirm.
    fn region(&self) -> &Region;

    /// Returns how the user sees the plan without a terminal.
    fn plan_only(&self) -> &'static str;
}

/// The promotions of `promote`.
#[derive(Debug)]
pub(crate) struct Promotions {
    /// Their number.
    pub(crate) number: usize,
    /// The failover Region.
    pub(crate) to: Region,
}

/// The calls of `failback --perform`, which destroy nothing.
#[derive(Debug)]
pub(crate) struct SafeCalls {
    /// Their number.
    pub(crate) number: usize,
    /// The old primary Region.
    pub(crate) to: Region,
}

impl Writes for Promotions {
    fn summary(&self) -> String {
        let secrets = count(self.number, "secret");
        format!("promoting {secrets} in {}", self.to)
    }

    fn question(&self) -> String {
        let secrets = count(self.number, "secret");
        format!("Promote {secrets} in {}? It cannot be undone.", self.to)
    }

    fn region(&self) -> &Region {
        &self.to
    }

    fn plan_only(&self) -> &'static str {
        "or `--dry-run` to see the plan"
    }
}

impl Writes for SafeCalls {
    fn summary(&self) -> String {
        let calls = count(self.number, "call");
        format!("making {calls} that lead back to {}", self.to)
    }

    fn question(&self) -> String {
        let calls = count(self.number, "call");
        format!("Make {calls} that lead back to {}?", self.to)
    }

    fn region(&self) -> &Region {
        &self.to
    }

    fn plan_only(&self) -> &'static str {
        "or omit `--perform` to see the steps"
    }
}

/// The user's confirmation of writes. Only [`ask`] creates it, and no client that makes these writes exists without
/// it.
#[derive(Debug)]
pub(crate) struct Confirmed<W> {
    writes_per_second: u32,
    writes: PhantomData<W>,
}

impl<W> Confirmed<W> {
    /// Returns the number of writes per second.
    pub(crate) fn writes_per_second(&self) -> u32 {
        self.writes_per_second
    }
}

/// Asks the user to confirm the writes, unless `yes` confirms them. `None` if the user does not.
///
/// # Errors
/// Standard input is not a terminal, so no question is possible.
pub(crate) fn ask<W: Writes>(writes: &W, yes: bool) -> anyhow::Result<Option<Confirmed<W>>> {
    let confirmed = Confirmed {
        writes_per_second: WRITES_PER_SECOND,
        writes: PhantomData,
    };
    if yes {
        return Ok(Some(confirmed));
    }
    if !io::stdin().is_terminal() {
        bail!(
            "{} needs a confirmation, and standard input is not a terminal; add `--yes`, {}",
            writes.summary(),
            writes.plan_only()
        );
    }
    anstream::eprint!("\n{} Type the Region to confirm: ", writes.question());
    io::stderr()
        .flush()
        .context("failed to write the question")?;
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .context("failed to read the answer")?;
    Ok((answer.trim() == writes.region().as_str()).then_some(confirmed))
}
