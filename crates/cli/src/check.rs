//! `secret-replicator check`: every problem of a policy, each with its line and a hint.

use clap::Args;
use secret_replicator_core::policy::{self, Checked, Problem, Severity};
use serde::Serialize;

use crate::diagnostic;
use crate::document::Document;
use crate::options::{AllowedRegionsOption, Format};
use crate::outcome::{Exit, Outcome, json};
use crate::words::{GOOD, count, paint};

/// The options of `check`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator check policy.yaml
  secret-replicator check policy.yaml --strict --allowed-replica-regions \"eu-west-1 us-west-2\"
  cat policy.yaml | secret-replicator check - --output json

Exit codes:
  0  no errors
  1  warnings, with --strict
  2  errors, or a file that cannot be read")]
pub(crate) struct Arguments {
    /// The policy, YAML or JSON; `-` reads standard input
    policy: String,
    #[command(flatten)]
    allowed: AllowedRegionsOption,
    /// Fail on warnings, too
    #[arg(long)]
    strict: bool,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// What was found in a document, as `--output json` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    /// The document's name.
    pub(crate) file: &'a str,
    /// The problems, in the order of the document.
    pub(crate) problems: &'a [Problem],
    /// How many rules the policy has; nothing if it cannot be used.
    pub(crate) rules: Option<usize>,
}

/// Checks a policy.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let document = Document::read(&arguments.policy)?;
    let (problems, rules) = match policy::check(&document.text, &arguments.allowed.get()) {
        Ok(Checked { policy, warnings }) => (warnings, Some(policy.rules().len())),
        Err(invalid) => (invalid.problems, None),
    };
    let report = Report {
        file: &document.name,
        problems: &problems,
        rules,
    };
    let text = match arguments.output {
        Format::Text => text(&document, &report),
        Format::Json => json(&report)?,
    };
    Ok(Outcome::printed(text, exit(&report, arguments.strict)))
}

fn exit(report: &Report<'_>, strict: bool) -> Exit {
    let most_severe = report.problems.iter().map(|problem| problem.severity).min();
    match most_severe {
        Some(Severity::Error) => Exit::Failure,
        Some(Severity::Warning) if strict => Exit::Findings,
        _ => Exit::Success,
    }
}

fn text(document: &Document, report: &Report<'_>) -> String {
    let shown = diagnostic::render(document, report.problems);
    let mut summary = diagnostic::summary(report.problems);
    if report.problems.is_empty() {
        summary = paint(GOOD, summary);
    }
    let rules = report
        .rules
        .map(|rules| format!("{}, ", count(rules, "rule")));
    format!(
        "{shown}{}: {}{summary}\n",
        report.file,
        rules.unwrap_or_default()
    )
}
