//! `secret-replicator failback`: shows what stands where after a failover, and the calls that lead back. Never writes,
//! and never reads a value.

mod read;
mod text;

use std::path::PathBuf;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, ValueHint};
use secret_replicator_core::failover::failback::{Standing, Step};
use secret_replicator_core::secret::Region;
use serde::Serialize;

use crate::access::{Access, AccessOptions, run_async};
use crate::options::{self, Format};
use crate::output::{CommandOutput, Exit, json};
use crate::promotion_state::PromotionState;
use crate::select::SelectOptions;

/// The options of `failback`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator failback --to us-east-1 --from eu-west-1
  secret-replicator failback --to us-east-1 --from eu-west-1 --name shop/ --output json

Exit codes:
  0  the old primary Region is the primary Region of each secret again
  2  a secret needs steps, which the report names
  1  an error: an unreadable file, a wrong option, or AWS rejects the calls")]
pub(crate) struct Arguments {
    /// The old primary Region, which becomes the primary Region again
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    to: Region,
    /// The failover Region, whose secrets were promoted
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    from: Region,
    /// The state file of `promote`; without this option, `promotion-REGION.json` in this directory, if it exists
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    state: Option<PathBuf>,
    #[command(flatten)]
    select: SelectOptions,
    #[command(flatten)]
    access: AccessOptions,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// The report, in the form of `--output json`.
#[derive(Debug, Serialize)]
struct Report {
    /// The old primary Region.
    to: Region,
    /// The failover Region.
    from: Region,
    /// The start, in RFC 3339.
    started: String,
    /// The file that says what was promoted. `None` if the report rests on the lists of both Regions.
    state_file: Option<String>,
    secrets: Vec<Row>,
}

/// One secret.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    #[serde(flatten)]
    standing: Standing,
    /// Why the order of the values is known, or why it is not.
    evidence: String,
    old_primary: Option<SideRow>,
    promoted: Option<SideRow>,
    /// The version at the time of the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_at_promotion: Option<String>,
    /// The time of the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    promoted_at: Option<DateTime<Utc>>,
    steps: Vec<Step>,
}

/// One side of a secret.
#[derive(Debug, Serialize)]
struct SideRow {
    arn: String,
    /// `primary` with replicas, `standalone`, or `replica`.
    role: &'static str,
    /// The version with the label `AWSCURRENT`.
    version_id: Option<String>,
    /// The time at which that version was created.
    version_created: Option<DateTime<Utc>>,
    /// The last change, of the value or of anything else.
    last_changed: Option<DateTime<Utc>>,
}

/// Shows the way back.
///
/// # Errors
/// An option or the state file is invalid, or AWS rejects the calls.
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
    let state = PromotionState::load(arguments.state.as_deref(), from)?;
    if arguments.state.is_some() && state.is_empty() {
        bail!(
            "the state file `{}` does not exist, or names no secret",
            state.name()
        );
    }
    let access = Access::load(&arguments.access, Some(to)).await;
    let started = Utc::now();
    let secrets = read::read(&access, arguments, &state).await?;
    let report = Report {
        to: to.clone(),
        from: from.clone(),
        started: started.to_rfc3339_opts(SecondsFormat::Secs, true),
        state_file: (!state.is_empty()).then(|| state.name()),
        secrets,
    };
    let is_done = |row: &Row| row.standing == Standing::Restored;
    let exit = if report.secrets.iter().all(is_done) {
        Exit::Success
    } else {
        Exit::Findings
    };
    let stdout = match arguments.output {
        Format::Text => text::text(&report),
        Format::Json => json(&report)?,
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr: String::new(),
        exit,
    })
}
