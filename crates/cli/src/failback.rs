//! `secret-replicator failback`: shows what stands where after a failover, and the calls that lead back. With
//! `--perform`, it makes those that destroy nothing. It never reads a value, and never deletes or overwrites.
//!
//! | module | content |
//! |---|---|
//! | `read` | reads both sides of each secret |
//! | `perform` | makes the calls that destroy nothing, a few at a time, and verifies each |
//! | `report` | the result as JSON |
//! | `text` | the result for people |

mod perform;
mod read;
mod report;
mod text;

use std::path::PathBuf;

use anyhow::bail;
use chrono::Utc;
use clap::{Args, ValueHint};
use secret_replicator_core::secret::Region;

use crate::access::{Access, AccessOptions, run_async};
use crate::confirm::{self, SafeCalls};
use crate::interrupt;
use crate::options::{self, Format};
use crate::output::{CommandOutput, Exit, json};
use crate::promotion_state::{Known, PromotionState, StateFile};
use crate::select::SelectOptions;
use read::Sides;
use report::Report;

/// The options of `failback`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator failback --to us-east-1 --from eu-west-1
  secret-replicator failback --to us-east-1 --from eu-west-1 --name shop/ --output json
  secret-replicator failback --to us-east-1 --from eu-west-1 --perform

Exit codes:
  0  the old primary Region is the primary Region of each secret again
  2  a secret needs steps, which the report names, or no secret was selected
  1  an error: an unreadable file, a wrong option, no confirmation, or AWS rejects the calls
  130  interrupted: the calls in progress ended

`--perform` makes only ReplicateSecretToRegions into a Region in which the name is free, without overwriting, and
RestoreSecret for a secret in its recovery window. It makes a call only if no step of a person comes before it.")]
pub(crate) struct Arguments {
    /// The old primary Region, which becomes the primary Region again
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    to: Region,
    /// The failover Region, whose secrets were promoted
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    from: Region,
    /// The state file of `promote`; without this option, `promotion-ACCOUNT-TO-FROM.jsonl` in this directory, if it
    /// exists
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    state: Option<PathBuf>,
    /// Make the calls that destroy nothing, after showing them
    #[arg(long)]
    perform: bool,
    /// Make them without asking
    #[arg(long, requires = "perform")]
    yes: bool,
    #[command(flatten)]
    select: SelectOptions,
    #[command(flatten)]
    access: AccessOptions,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Shows the way back, and goes the first steps of it on request.
///
/// # Errors
/// An option or the state file is invalid, the calls are not confirmed, or AWS rejects the calls.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    run_async(failback(arguments))
}

async fn failback(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let Arguments { to, from, .. } = arguments;
    if from == to {
        bail!(
            "`--from` and `--to` are both {to}; `--to` is the old primary Region, `--from` the failover Region"
        );
    }
    if let Some(path) = &arguments.state
        && PromotionState::read(path, from)?.is_empty()
    {
        let name = path.display();
        bail!("the state file `{name}` does not exist, or names no secret");
    }
    let access = Access::load(&arguments.access, Some(to)).await?;
    let started = Utc::now();
    let sides = Sides::new(&access, to, from);
    let lists = read::lists(&access, arguments).await?;
    let file = StateFile::new(arguments.state.as_deref(), from);
    let path = file.path(&Known {
        account: lists.account(),
        primary: Some(to),
    })?;
    let state = file.read(path.as_deref())?;
    if state.is_empty() {
        check_direction(arguments, lists.account())?;
    }
    let rows = read::rows(&sides, &lists, arguments, &state).await?;
    let path = path.filter(|_| !state.is_empty());
    let mut report = Report::new(arguments, started, path.as_deref(), rows);
    if arguments.perform {
        perform(arguments, &access, &sides, &mut report).await?;
    }
    output(arguments, &report, lists.has_replicas(arguments))
}

/// Checks that no state file records the promotion in the other direction: two standalone secrets do not show which of
/// them was promoted, and the steps delete the promoted one.
///
/// # Errors
/// A state file records the other direction.
fn check_direction(arguments: &Arguments, account: Option<&str>) -> anyhow::Result<()> {
    let Arguments { to, from, .. } = arguments;
    let known = Known {
        account,
        primary: Some(from),
    };
    let other = StateFile::new(None, to);
    let path = other.path(&known)?.filter(|path| path.exists());
    if let Some(path) = path
        && !other.read(Some(&path))?.is_empty()
    {
        bail!(
            "`{}` records a promotion from {from} to {to}, so the old primary Region is {from}; use `--to {from} --from \
             {to}`, or name the state file of a later promotion with `--state`",
            path.display()
        );
    }
    Ok(())
}

/// Makes the calls that destroy nothing and that no person's step precedes, and reads their secrets again.
async fn perform(
    arguments: &Arguments,
    access: &Access,
    sides: &Sides,
    report: &mut Report,
) -> anyhow::Result<()> {
    let number = report.calls().len();
    if number == 0 {
        return Ok(());
    }
    anstream::eprint!("{}", text::plan(report));
    let calls = SafeCalls {
        number,
        to: arguments.to.clone(),
    };
    let Some(confirmed) = confirm::ask(&calls, arguments.yes)? else {
        bail!("not confirmed; the account is unchanged");
    };
    interrupt::begin_writes();
    let clients = perform::Clients::new(access, &confirmed, sides);
    perform::all(&clients, report).await;
    report.interrupted = interrupt::is_requested();
    Ok(())
}

/// Formats the report. `has_replicas` says whether the failover Region has selected replicas of the old primary Region:
/// without one, a report without a secret must not pass for a complete way back.
fn output(
    arguments: &Arguments,
    report: &Report,
    has_replicas: bool,
) -> anyhow::Result<CommandOutput> {
    let is_nothing = report.secrets.is_empty() && !has_replicas;
    let exit = if report.interrupted {
        Exit::Interrupted
    } else if report.is_done() && !is_nothing {
        Exit::Success
    } else {
        Exit::Findings
    };
    let nothing = is_nothing.then(|| {
        format!(
            "note: {} has neither a promoted secret nor a replica of {}; check `--to`, `--from`, the filters and the \
             account\n",
            arguments.from, arguments.to
        )
    });
    let stdout = match arguments.output {
        Format::Text => text::text(report),
        Format::Json => json(report)?,
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr: nothing.unwrap_or_default(),
        exit,
    })
}
