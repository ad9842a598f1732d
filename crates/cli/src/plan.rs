//! `secret-replicator plan`: shows what the function would change, and what that costs.

mod blockers;
mod groups;
mod summary;
mod text;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use secret_replicator_core::secret::Secret;
use serde::Serialize;

use crate::access::run_async;
use crate::coverage::Coverage;
use crate::html::{Facts, HtmlOptions, HtmlReport, Kind};
use crate::options::Format;
use crate::output::{CommandOutput, Exit, Stdout};
use crate::prices::Cost;
use crate::report::{self, Blocker, Reading};
use crate::source::{Source, SourceOptions};
use crate::survey::Scope;
use crate::table;
use blockers::{Blockers, Planned};
use groups::Groups;
use summary::Summary;

/// The options of `plan`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator plan --region us-east-1
  secret-replicator plan policy.yaml --region us-east-1,eu-central-1 \\
      --allowed-replica-regions \"eu-west-1 us-west-2\"
  secret-replicator plan --from-stack secret-replicator --region us-east-1 --output json
  secret-replicator plan policy.yaml --region us-east-1 --html plan.html
  secret-replicator plan policy.yaml --accounts accounts.txt --role-name SecretReplicatorReader

Exit codes:
  0  nothing to do
  2  changes to make, refused Regions or failures, or a part of the report is missing
  1  an error: an invalid policy, an unreadable file, a wrong option, or AWS rejects the calls")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    html: HtmlOptions,
    /// Show every secret that changes
    #[arg(long)]
    all: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: PlanFormat,
}

/// The output format of `plan`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
    /// One row per secret and Region that differs from the wanted state
    Csv,
}

/// The plan, in the form of `--output json`.
#[derive(Debug, Serialize)]
struct PlanReport {
    #[serde(flatten)]
    reading: Reading,
    summary: Summary,
    cost: Cost,
    /// What stands in the way of planned replicas, besides other secrets of the same names.
    blockers: Vec<Blocker>,
    /// What could not be checked, with the error.
    unchecked: BTreeSet<String>,
    /// The secrets with a Region that differs from the wanted state.
    secrets: Vec<Coverage>,
}

/// What the secrets are collected into.
struct Collected {
    summary: Summary,
    groups: Groups,
    planned: Planned,
    /// The secrets themselves, if the output needs them.
    secrets: Option<Vec<Coverage>>,
    /// The page of `--html`.
    page: Option<HtmlReport>,
}

impl PlanFormat {
    /// Returns the format of the problems of an invalid policy.
    fn of_problems(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Text | Self::Csv => Format::Text,
        }
    }
}

impl Collected {
    fn new(arguments: &Arguments, page: Option<HtmlReport>) -> Self {
        Self {
            summary: Summary::default(),
            groups: Groups::new(arguments.all),
            planned: Planned::default(),
            secrets: (arguments.output != PlanFormat::Text).then(Vec::new),
            page,
        }
    }

    fn add(&mut self, coverage: Coverage) {
        self.summary.add(&coverage);
        if let Some(page) = self.page.as_mut().filter(|_| coverage.is_covered()) {
            page.add(&coverage);
        }
        if !summary::is_noteworthy(&coverage) {
            return;
        }
        self.groups.add(&coverage);
        self.planned.add(&coverage);
        if let Some(secrets) = &mut self.secrets {
            push(secrets, coverage);
        }
    }
}

/// Adds a secret. Most secrets have the rules of the one before, so they share them.
fn push(secrets: &mut Vec<Coverage>, mut coverage: Coverage) {
    if let Some(last) = secrets.last().filter(|last| last.rules == coverage.rules) {
        coverage.rules = Arc::clone(&last.rules);
    }
    secrets.push(coverage);
}

/// Plans.
///
/// # Errors
/// The policy or an option is invalid, or AWS rejects the calls.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    run_async(plan(arguments))
}

async fn plan(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let page = arguments.html.start(Kind::Plan)?;
    let source = match arguments.source.load().await {
        Ok(source) => source,
        Err(missing) => return missing.output(arguments.output.of_problems()),
    };
    let scope = Scope {
        policy: &source.policy,
        limits: &source.limits,
        thorough: arguments.source.thorough,
        all_secrets: false,
        name_prefix: "",
    };
    let collected = RefCell::new(Collected::new(arguments, page));
    let on_secret = |_: &Secret, coverage| {
        collected.borrow_mut().add(coverage);
        true
    };
    let reading = match report::read(&source, scope, on_secret).await {
        Ok(reading) => reading,
        Err(error) => return Ok(CommandOutput::failure(&source.note, &error)),
    };
    let collected = collected.into_inner();
    let blockers = collected.planned.blockers(&source.targets).await;
    output(arguments, &source, collected, reading, blockers)
}

/// Formats the plan, and writes its page.
///
/// # Errors
/// The page cannot be written.
fn output(
    arguments: &Arguments,
    source: &Source,
    collected: Collected,
    reading: Reading,
    blockers: Blockers,
) -> anyhow::Result<CommandOutput> {
    let Collected {
        summary,
        groups,
        secrets,
        page,
        ..
    } = collected;
    let mut secrets = secrets.unwrap_or_default();
    table::sort(&mut secrets);
    let cost = Cost::new(
        summary.replicas_today,
        summary.replicas_after,
        reading.swept.iter().copied(),
    );
    let written = page.map(|page| {
        page.write(&Facts {
            reading: &reading,
            policy: &arguments.source.policy_name(),
            limits: &source.limits,
            selection: None,
            cost: Some(cost),
            blockers: &blockers.found,
            unchecked: &blockers.unchecked,
        })
    });
    let written = written.transpose()?.unwrap_or_default();
    let exit = if summary.is_settled() && !reading.is_incomplete() {
        Exit::Success
    } else {
        Exit::Findings
    };
    let stderr = format!(
        "{}{}{}{}{written}",
        source.note,
        reading.note(),
        nothing_covered(&reading, &summary),
        blockers.warnings()
    );
    let stdout = match arguments.output {
        PlanFormat::Text => text::text(&summary, &groups, &blockers.found, cost, &reading).into(),
        PlanFormat::Json => Stdout::json(PlanReport {
            reading,
            summary,
            cost,
            blockers: blockers.found,
            unchecked: blockers.unchecked,
            secrets,
        }),
        PlanFormat::Csv => table::csv(secrets),
    };
    Ok(CommandOutput {
        stdout,
        stderr,
        exit,
    })
}

/// Formats that the policy covers no secret, for standard error. A typo in a policy must not pass for nothing to do.
fn nothing_covered(reading: &Reading, summary: &Summary) -> String {
    if summary.covered > 0 || reading.is_incomplete() {
        return String::new();
    }
    format!(
        "note: the policy covers no secret of {}; check the policy, the account and the Regions\n",
        reading.primary_regions()
    )
}
