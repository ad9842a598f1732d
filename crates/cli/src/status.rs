//! `secret-replicator status`: shows the state of each secret in each Region.

mod filter;
mod summary;
mod text;

use std::cell::RefCell;
use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use secret_replicator_core::reason::{NO_VALUE_REMEDIATION, NO_VALUE_YET};
use secret_replicator_core::secret::Secret;
use serde::Serialize;

use crate::access::run_async;
use crate::coverage::{Coverage, State};
use crate::html::{Facts, HtmlOptions, HtmlReport, Kind};
use crate::junit::junit;
use crate::options::Format;
use crate::output::{CommandOutput, Exit, Stdout};
use crate::report::{self, Gap, Reading};
use crate::source::{Source, SourceOptions};
use crate::survey::Scope;
use crate::table;
use filter::FilterOptions;
use summary::Summary;

/// The remediation of a missing replica. The tool does not know whether the primary Region has a stack.
const MISSING: &str = "deploy a stack in the primary Region, or wait for its next sweep, which requests the replica; \
                       `secret-replicator plan` shows what stands in the way, and `secret-replicator doctor` why a \
                       stack did not";

/// The options of `status`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator status --region us-east-1
  secret-replicator status policy.yaml --region us-east-1,eu-central-1 --only failed,missing
  secret-replicator status --from-stack secret-replicator --fail-on failed,behind --output junit
  secret-replicator status policy.yaml --region us-east-1 --html coverage.html
  secret-replicator status policy.yaml --name prod/ --tag team=payments --output csv

Exit codes:
  0  success
  2  a state of --fail-on, or a part of the report is missing
  1  an error: an invalid policy, an unreadable file, a wrong option, or AWS rejects the calls")]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    filter: FilterOptions,
    #[command(flatten)]
    html: HtmlOptions,
    /// Exit with code 2 if a secret has one of these states in a Region
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATES")]
    fail_on: Vec<State>,
    /// Show every row
    #[arg(long)]
    all: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: StatusFormat,
}

/// The output format of `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum StatusFormat {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
    /// One row per secret and Region
    Csv,
    /// One test case per secret and Region, for pipelines
    Junit,
}

/// The coverage, in the form of `--output json`.
#[derive(Debug, Serialize)]
struct StatusReport {
    #[serde(flatten)]
    reading: Reading,
    summary: Summary,
    secrets: Vec<Coverage>,
}

impl StatusFormat {
    /// Returns the format of the problems of an invalid policy.
    fn of_problems(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Text | Self::Csv | Self::Junit => Format::Text,
        }
    }
}

impl Arguments {
    /// Returns whether the report has every secret, and not only those with a problem.
    fn keeps_all(&self) -> bool {
        self.all || self.filter.get().has_states() || self.output != StatusFormat::Text
    }
}

/// What the secrets are collected into.
struct Collected {
    summary: Summary,
    /// The secrets of the report. Text without every row needs only those with a problem.
    secrets: Vec<Coverage>,
    /// The page of `--html`.
    page: Option<HtmlReport>,
    /// The number of secrets that name and tags select.
    selected: u64,
    /// Whether one of them has a state of `--fail-on`, also if `--only` hides it.
    fails: bool,
}

/// Shows the coverage.
///
/// # Errors
/// The policy or an option is invalid, or AWS rejects the calls.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    run_async(status(arguments))
}

async fn status(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let page = arguments.html.start(Kind::Status)?;
    let source = match arguments.source.load().await {
        Ok(source) => source,
        Err(missing) => return missing.output(arguments.output.of_problems()),
    };
    let filter = arguments.filter.get();
    let scope = Scope {
        policy: &source.policy,
        limits: &source.limits,
        thorough: arguments.source.thorough,
        all_secrets: true,
        name_prefix: filter.name_prefix(),
    };
    let keeps_all = arguments.keeps_all();
    let collected = RefCell::new(Collected {
        summary: Summary::default(),
        secrets: Vec::new(),
        page,
        selected: 0,
        fails: false,
    });
    let on_secret = |secret: &Secret, mut coverage: Coverage| {
        if !filter.selects(secret) {
            return false;
        }
        coverage.name_exclusion();
        let mut collected = collected.borrow_mut();
        collected.selected += 1;
        collected.fails |= has_state(&coverage, |state| arguments.fail_on.contains(&state));
        if let Some(mut coverage) = filter.with_states(coverage) {
            explain_missing(secret, &mut coverage);
            collected.summary.add(&coverage);
            if let Some(page) = &mut collected.page {
                page.add(&coverage);
            }
            if keeps_all || has_state(&coverage, State::is_problem) {
                collected.secrets.push(coverage);
            }
        }
        true
    };
    let reading = match report::read(&source, scope, on_secret).await {
        Ok(reading) => reading,
        Err(error) => return Ok(CommandOutput::failure(&source.note, &error)),
    };
    output(arguments, &source, collected.into_inner(), reading)
}

/// Formats the coverage, and writes its page.
///
/// # Errors
/// The page cannot be written.
fn output(
    arguments: &Arguments,
    source: &Source,
    collected: Collected,
    reading: Reading,
) -> anyhow::Result<CommandOutput> {
    let Collected {
        summary,
        mut secrets,
        page,
        selected,
        fails,
    } = collected;
    table::sort(&mut secrets);
    let written = page.map(|page| {
        page.write(&Facts {
            reading: &reading,
            policy: &arguments.source.policy_name(),
            limits: &source.limits,
            selection: arguments.filter.get().selection(),
            cost: None,
            blockers: &[],
            unchecked: &BTreeSet::new(),
        })
    });
    let written = written.transpose()?.unwrap_or_default();
    let exit = if fails || reading.is_incomplete() {
        Exit::Findings
    } else {
        Exit::Success
    };
    let mut note = reading.note();
    if selected == 0 && !reading.is_incomplete() {
        note += &nothing_selected(&reading);
    }
    if fails && !summary.has_any(&arguments.fail_on) {
        note += "note: secrets that `--only` hides have a state of `--fail-on`\n";
    }
    let stderr = format!("{}{note}{written}", source.note);
    let stdout = match arguments.output {
        StatusFormat::Text => {
            let is_complete = exit == Exit::Success;
            text::text(&summary, &secrets, arguments.keeps_all(), is_complete).into()
        }
        StatusFormat::Json => Stdout::json(StatusReport {
            reading,
            summary,
            secrets,
        }),
        StatusFormat::Csv => table::csv(secrets),
        StatusFormat::Junit => {
            let failures = failures(&arguments.fail_on);
            let gaps: Vec<Gap<'_>> = reading.gaps().collect();
            junit("status", &secrets, &failures, &[], &gaps)?.into()
        }
    };
    Ok(CommandOutput {
        stdout,
        stderr,
        exit,
    })
}

/// Adds the remediation of missing replicas. In a plan, they are changes of the function and need none.
fn explain_missing(secret: &Secret, coverage: &mut Coverage) {
    let missing = coverage
        .regions
        .iter_mut()
        .filter(|cell| cell.state == State::Missing);
    for cell in missing {
        if secret.has_value() {
            cell.remedy(MISSING);
        } else {
            cell.reason.get_or_insert(NO_VALUE_YET);
            cell.remedy(NO_VALUE_REMEDIATION);
        }
    }
}

/// Returns the states that are failures of a test case.
fn failures(fail_on: &[State]) -> BTreeSet<State> {
    if fail_on.is_empty() {
        return State::problems();
    }
    fail_on.iter().copied().collect()
}

fn has_state(coverage: &Coverage, is_it: impl Fn(State) -> bool) -> bool {
    let mut cells = coverage.regions.iter();
    cells.any(|cell| is_it(cell.state))
}

/// Formats that the report contains no secret, for standard error. A typo in a filter must not pass for good coverage.
fn nothing_selected(reading: &Reading) -> String {
    format!(
        "note: the report contains no secret of {}; check the account, the Regions and the filters\n",
        reading.primary_regions()
    )
}
