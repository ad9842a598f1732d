//! `secret-replicator test`: runs the test cases of a policy.

mod case;
mod file;
mod report;

use clap::Args;
use secret_replicator_core::policy::Problem;
use serde::Serialize;

use crate::diagnostic;
use crate::document::{Document, STANDARD_INPUT};
use crate::options::Format;
use crate::outcome::{Exit, Outcome, json};
use crate::policy;

/// The options of `test`.
#[derive(Args)]
#[command(after_long_help = "\
Example of a file of tests:
  settings:                                  # optional: the function's settings
    allowed-replica-regions: [eu-west-1, us-west-2]
    allow-overwrite: false
  tests:
    - name: tier 1 goes to the disaster recovery Region
      secret:
        name: prod/db
        primary-region: us-east-1
        tags: { tier: \"1\" }                  # optional
        kms-key: alias/app                   # optional
      expect:
        replicate: { us-west-2: alias/secrets }  # or [us-west-2], whatever the key
        refuse: { ap-south-1: forbidden-by-policy }  # a Region, or a word in a tag: the reason
        rules: [tier-1]                      # optional: exactly the rules that cover the secret
        overwrite: []                        # optional: the Regions that are overwritten
    - name: other secrets are left alone
      secret: { name: dev/db, primary-region: us-east-1 }
      expect: { skip: no-rule-matched }

Examples:
  secret-replicator test policy.yaml tests.yaml
  secret-replicator test policy.yaml tests.yaml --output json

Exit codes:
  0  every case passed
  1  a case failed
  2  a policy or a file of tests that cannot be used")]
pub(crate) struct Arguments {
    /// The policy, YAML or JSON; `-` reads standard input
    policy: String,
    /// The test cases, YAML or JSON; `-` reads standard input
    tests: String,
    /// How to answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Runs the test cases of a policy.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let both = [&arguments.policy, &arguments.tests];
    anyhow::ensure!(
        both.iter().any(|path| *path != STANDARD_INPUT),
        "the policy and the tests cannot both come from standard input; name a file for one of them"
    );
    let document = Document::read(&arguments.policy)?;
    let tests = Document::read(&arguments.tests)?;
    let file = match file::parse(&tests.text) {
        Ok(file) => file,
        Err(problems) => return unusable(&tests, &problems, arguments.output),
    };
    let limits = file.limits;
    let loaded = match policy::load(document, &limits.allowed_regions) {
        Ok(loaded) => loaded,
        Err(rejected) => return rejected.outcome(arguments.output),
    };
    let cases = file.tests.iter();
    let results: Vec<_> = cases
        .map(|case| case::run(case, &loaded.policy, &limits))
        .collect();
    let report = report::Report::new(&tests.name, &loaded.name, results);
    let stdout = match arguments.output {
        Format::Text => report.text(),
        Format::Json => json(&report)?,
    };
    let exit = if report.failed == 0 {
        Exit::Success
    } else {
        Exit::Findings
    };
    Ok(Outcome {
        stdout,
        stderr: loaded.note(),
        exit,
    })
}

/// The answer to a file of tests that cannot be used, as `--output json` shows it.
#[derive(Serialize)]
struct Unusable<'a> {
    file: &'a str,
    problems: &'a [Problem],
}

fn unusable(document: &Document, problems: &[Problem], format: Format) -> anyhow::Result<Outcome> {
    let file = &document.name;
    let (stdout, stderr) = match format {
        Format::Json => (json(&Unusable { file, problems })?, String::new()),
        Format::Text => {
            let shown = diagnostic::render(document, problems);
            let summary = diagnostic::summary(problems);
            (String::new(), format!("{shown}{file}: {summary}\n"))
        }
    };
    Ok(Outcome {
        stdout,
        stderr,
        exit: Exit::Failure,
    })
}
