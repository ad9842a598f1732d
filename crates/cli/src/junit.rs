//! `--output junit`: one test case per secret and Region.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::coverage::{Cell, Coverage, State};
use crate::report::Gap;

/// Formats one test case per secret and Region, in a suite per account and primary Region. The states in
/// `failures` fail. What could not be read is an error. `command` names the report. Each suite has the properties.
///
/// # Errors
/// The writer fails.
pub(crate) fn junit(
    command: &str,
    secrets: &[Coverage],
    failures: &BTreeSet<State>,
    properties: &[(&str, String)],
    gaps: &[Gap<'_>],
) -> anyhow::Result<String> {
    let mut suites: BTreeMap<String, TestSuite> = BTreeMap::new();
    // A report of several accounts names the account of each gap.
    let of_credentials = secrets.first().map(Coverage::account);
    for secret in secrets {
        let name = format!("{}.{}", secret.account(), secret.primary_region());
        let suite = suites
            .entry(name.clone())
            .or_insert_with(|| suite(&name, properties));
        for cell in &secret.regions {
            let mut case = case(secret, cell, failures);
            case.set_classname(name.clone());
            suite.add_test_case(case);
        }
    }
    for gap in gaps {
        let name = match gap.account.or(of_credentials) {
            Some(account) => format!("{account}.{}", gap.primary_region),
            None => gap.primary_region.to_string(),
        };
        let suite = suites
            .entry(name.clone())
            .or_insert_with(|| suite(&name, properties));
        let mut case = unread(gap);
        case.set_classname(name);
        suite.add_test_case(case);
    }
    let mut report = Report::new(format!("secret-replicator {command}"));
    report.add_test_suites(suites.into_values());
    report.to_string().context("failed to write JUnit XML")
}

fn suite(name: &str, properties: &[(&str, String)]) -> TestSuite {
    let mut suite = TestSuite::new(name);
    for (name, value) in properties {
        suite.add_property((*name, value.as_str()));
    }
    suite
}

/// Returns the test case of a Region that could not be read.
fn unread(gap: &Gap<'_>) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("unread");
    status.set_message(gap.error);
    TestCase::new(format!("the secrets in {}", gap.region), status)
}

fn case(secret: &Coverage, cell: &Cell, failures: &BTreeSet<State>) -> TestCase {
    let name = match &cell.region {
        Some(region) => format!("{} in {region}", secret.name),
        None => secret.name.clone(),
    };
    let state = cell.state.name();
    let mut status = if failures.contains(&cell.state) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(state.clone());
        let texts = [cell.detail(), cell.remediation()];
        let texts: Vec<&str> = texts.into_iter().flatten().collect();
        status.set_description(texts.join("\n"));
        status
    } else if cell.state == State::NotCovered {
        TestCaseStatus::skipped()
    } else {
        TestCaseStatus::success()
    };
    if !matches!(status, TestCaseStatus::Success { .. }) {
        status.set_message(match cell.reason {
            Some(reason) => format!("{state}: {reason}"),
            None => state,
        });
    }
    TestCase::new(name, status)
}
