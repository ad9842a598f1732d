//! `secret-replicator check`: shows every problem of a policy, with its line and a hint.

use clap::Args;
use secret_replicator_core::environment;
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Checked, Problem, Severity};
use serde::Serialize;

use crate::diagnostic;
use crate::document::Document;
use crate::options::{AllowedRegionsOption, Format};
use crate::output::{CommandOutput, Exit, json};
use crate::terminal::{SUCCESS, count, paint};

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
  2  errors, or an unreadable file")]
pub(crate) struct Arguments {
    /// The policy file, YAML or JSON; `-` reads standard input
    policy: String,
    #[command(flatten)]
    allowed: AllowedRegionsOption,
    /// Exit with code 1 on warnings
    #[arg(long)]
    strict: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// The problems of a document, in the form of `--output json`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckReport<'a> {
    /// The document's name.
    pub(crate) file: &'a str,
    /// The problems, in the order of the document.
    pub(crate) problems: &'a [Problem],
    /// The number of rules. `None` if the policy has errors.
    pub(crate) rules: Option<usize>,
}

/// Checks a policy.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let document = Document::read(&arguments.policy)?;
    let allowed = arguments.allowed.get();
    let (problems, rules) = match policy::check(&document.text, &allowed) {
        Ok(Checked { policy, warnings }) => {
            let too_large = too_large(&document.text, &allowed);
            let problems = warnings.into_iter().chain(too_large).collect();
            (problems, Some(policy.rules().len()))
        }
        Err(invalid) => (invalid.problems, None),
    };
    let report = CheckReport {
        file: &document.name,
        problems: &problems,
        rules,
    };
    let text = match arguments.output {
        Format::Text => text(&document, &report),
        Format::Json => json(&report)?,
    };
    Ok(CommandOutput::to_stdout(
        text,
        exit(&report, arguments.strict),
    ))
}

/// Warns about a policy that does not fit the function's environment.
fn too_large(policy: &str, allowed: &AllowedRegions) -> Option<Problem> {
    let allowed = match allowed {
        AllowedRegions::Any => String::new(),
        AllowedRegions::Only(_) => allowed.to_string(),
    };
    let size = environment::size_with_policy(policy, &allowed);
    (size > environment::MAX_SIZE).then(|| Problem {
        severity: Severity::Warning,
        path: String::new(),
        line: 1,
        column: 1,
        code: "environment-too-large",
        message: format!(
            "with this policy, the environment variables of the function take {size} bytes, and \
             Lambda allows {}",
            environment::MAX_SIZE
        ),
        hint: environment::REMEDIATION.to_owned(),
        count: 1,
    })
}

fn exit(report: &CheckReport<'_>, strict: bool) -> Exit {
    let most_severe = report.problems.iter().map(|problem| problem.severity).min();
    match most_severe {
        Some(Severity::Error) => Exit::Failure,
        Some(Severity::Warning) if strict => Exit::Findings,
        _ => Exit::Success,
    }
}

fn text(document: &Document, report: &CheckReport<'_>) -> String {
    let shown = diagnostic::render(document, report.problems);
    let mut summary = diagnostic::summary(report.problems);
    if report.problems.is_empty() {
        summary = paint(SUCCESS, summary);
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
