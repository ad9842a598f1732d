//! `secret-replicator check`: shows every problem of a policy, with its line and a hint.

use clap::{Args, ValueHint};
use secret_replicator_core::environment;
use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::policy::{self, Checked, Problem, Severity};
use serde::Serialize;

use crate::diagnostic;
use crate::document::{Document, STANDARD_INPUT};
use crate::options::{Format, LimitsOptions};
use crate::output::{CommandOutput, Exit, json};
use crate::terminal::{SUCCESS, count, paint};

/// The options of `check`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator check policy.yaml
  secret-replicator check policies/*.yaml
  secret-replicator check policy.yaml --strict --allowed-replica-regions \"eu-west-1 us-west-2\"
  cat policy.yaml | secret-replicator check - --output json

Exit codes:
  0  no errors
  1  warnings, with --strict
  2  errors, or an unreadable file")]
pub(crate) struct Arguments {
    /// The policy files, YAML or JSON; `-` reads standard input
    #[arg(required = true, value_name = "POLICY", value_hint = ValueHint::FilePath)]
    policies: Vec<String>,
    #[command(flatten)]
    limits: LimitsOptions,
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
    pub(crate) problems: Vec<Problem>,
    /// The number of rules. `None` if the policy has errors.
    pub(crate) rules: Option<usize>,
}

/// Checks policies.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let standard_input = |path: &&String| *path == STANDARD_INPUT;
    anyhow::ensure!(
        arguments.policies.iter().filter(standard_input).count() <= 1,
        "only one policy can come from standard input; name a file for the others"
    );
    let documents = arguments.policies.iter().map(|path| Document::read(path));
    let documents: Vec<Document> = documents.collect::<Result<_, _>>()?;
    let limits = arguments.limits.get();
    let note = arguments.limits.note();
    let reports: Vec<CheckReport<'_>> = documents
        .iter()
        .map(|document| check(document, &limits))
        .collect();
    let stdout = match arguments.output {
        Format::Text => documents
            .iter()
            .zip(&reports)
            .map(|(document, report)| text(document, report))
            .collect(),
        Format::Json => json(&reports)?,
    };
    let has_warnings = !note.is_empty() || has(&reports, Severity::Warning);
    let exit = if has(&reports, Severity::Error) {
        Exit::Failure
    } else if arguments.strict && has_warnings {
        Exit::Findings
    } else {
        Exit::Success
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr: note,
        exit,
    })
}

fn check<'a>(document: &'a Document, limits: &Limits) -> CheckReport<'a> {
    let (problems, rules) = match policy::check_with_limits(&document.text, limits) {
        Ok(Checked { policy, warnings }) => {
            let too_large = too_large(&document.text, &limits.allowed_regions);
            let problems = warnings.into_iter().chain(too_large).collect();
            (problems, Some(policy.rules().len()))
        }
        Err(invalid) => (invalid.problems, None),
    };
    CheckReport {
        file: &document.name,
        problems,
        rules,
    }
}

fn has(reports: &[CheckReport<'_>], severity: Severity) -> bool {
    let mut problems = reports.iter().flat_map(|report| &report.problems);
    problems.any(|problem| problem.severity == severity)
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

fn text(document: &Document, report: &CheckReport<'_>) -> String {
    let shown = diagnostic::render(document, &report.problems);
    let mut summary = diagnostic::summary(&report.problems);
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
