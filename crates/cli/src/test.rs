//! `secret-replicator test`: runs the test cases of a policy.

mod case;
mod file;
mod intended;
mod report;

use clap::Args;
use secret_replicator_core::policy::{Policy, Problem, Rule, Severity, escape_control};
use secret_replicator_core::spelling::did_you_mean;
use serde::Serialize;

use crate::diagnostic;
use crate::document::{Document, STANDARD_INPUT};
use crate::options::Format;
use crate::output::{CommandOutput, Exit, json};
use crate::policy;

/// The options of `test`.
#[derive(Args)]
#[command(after_long_help = "\
Example of a test file:
  settings:                                  # optional: settings of the function
    allowed-replica-regions: [eu-west-1, us-west-2]
    allow-overwrite: false
    allow-removal: false
  tests:
    - name: tier 1 goes to the disaster recovery Region
      secret:
        name: prod/db
        primary-region: us-east-1
        tags: { tier: \"1\" }                  # optional
        kms-key: alias/app                   # optional
      expect:
        replicate: { us-west-2: alias/secrets }  # or [us-west-2] for any key
        refuse: { ap-south-1: forbidden-by-policy }  # Region, or token of a tag: reason
        rules: [tier-1]                      # optional: all rules that cover the secret
        overwrite: []                        # optional: Regions in which a secret is overwritten
    - name: other secrets are skipped
      secret: { name: dev/db, primary-region: us-east-1 }
      expect: { skip: no-rule-matched }

Examples:
  secret-replicator test policy.yaml tests.yaml
  secret-replicator test policy.yaml tests.yaml --output json

Exit codes:
  0  every case passed
  1  a case failed
  2  an invalid policy or test file")]
pub(crate) struct Arguments {
    /// The policy file, YAML or JSON; `-` reads standard input
    policy: String,
    /// The test file, YAML or JSON; `-` reads standard input
    tests: String,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Runs the test cases of a policy.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let both = [&arguments.policy, &arguments.tests];
    anyhow::ensure!(
        both.iter().any(|path| *path != STANDARD_INPUT),
        "the policy and the tests cannot both come from standard input; name a file for one of them"
    );
    let document = Document::read(&arguments.policy)?;
    let tests = Document::read(&arguments.tests)?;
    let file = match file::parse(&tests.text) {
        Ok(file) => file,
        Err(_) if file::parse(&document.text).is_ok() => return Err(swapped(arguments)),
        Err(problems) => return invalid_tests(&tests, &problems, arguments.output),
    };
    let warnings = if file.warnings.is_empty() {
        String::new()
    } else {
        diagnostic::render(&tests, &file.warnings)
    };
    let limits = file.limits;
    let loaded = match policy::load(document, &limits) {
        Ok(loaded) => loaded,
        Err(rejected) => return rejected.output(arguments.output),
    };
    let unknown = unknown_rules(&file.tests, &loaded.policy);
    if !unknown.is_empty() {
        return invalid_tests(&tests, &unknown, arguments.output);
    }
    let cases = file.tests.iter();
    let results: Vec<_> = cases
        .map(|case| case::run(case, &loaded.policy, &limits))
        .collect();
    let report = report::TestReport::new(&tests.name, &loaded.name, results);
    let stdout = match arguments.output {
        Format::Text => report.text(),
        Format::Json => json(&report)?,
    };
    let exit = if report.failed == 0 {
        Exit::Success
    } else {
        Exit::Findings
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr: warnings + &loaded.note(),
        exit,
    })
}

/// Returns the error for a policy and its tests in the wrong order.
fn swapped(Arguments { policy, tests, .. }: &Arguments) -> anyhow::Error {
    anyhow::anyhow!(
        "{policy} contains tests, not a policy; name the policy first: `secret-replicator test {tests} {policy}`"
    )
}

/// Reports expected rules that the policy does not have, at the names of their tests.
fn unknown_rules(cases: &[file::Case], policy: &Policy) -> Vec<Problem> {
    let known: Vec<&str> = policy.rules().iter().map(Rule::name).collect();
    let expected = cases.iter().flat_map(|case| {
        let rules = case.expect.rules.iter().flatten();
        rules.map(move |rule| (case, rule))
    });
    let unknown = expected.filter(|(_, rule)| !known.contains(&rule.as_str()));
    unknown
        .map(|(case, rule)| Problem {
            severity: Severity::Error,
            path: String::new(),
            line: case.line,
            column: 1,
            code: "unknown-rule",
            message: escape_control(&format!(
                "the test `{}` expects the rule `{rule}`, which the policy does not have",
                case.name
            )),
            hint: did_you_mean(rule, known.iter().copied()).map_or_else(
                || "check the name of the rule in the policy".to_owned(),
                |name| format!("did you mean `{name}`?"),
            ),
            count: 1,
        })
        .collect()
}

/// The problems of an invalid test file, in the form of `--output json`.
#[derive(Serialize)]
struct InvalidTests<'a> {
    file: &'a str,
    problems: &'a [Problem],
}

fn invalid_tests(
    document: &Document,
    problems: &[Problem],
    format: Format,
) -> anyhow::Result<CommandOutput> {
    let file = &document.name;
    let (stdout, stderr) = match format {
        Format::Json => (json(&InvalidTests { file, problems })?, String::new()),
        Format::Text => {
            let shown = diagnostic::render(document, problems);
            let summary = diagnostic::summary(problems);
            (String::new(), format!("{shown}{file}: {summary}\n"))
        }
    };
    Ok(CommandOutput {
        stdout: stdout.into(),
        stderr,
        exit: Exit::Failure,
    })
}
