//! Runs one test case and compares the decision with the expectations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secret_replicator_core::explain::{Explanation, explain};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy::{Policy, Subject};
use secret_replicator_core::reason::Refusal;
use serde::Serialize;

use super::file::{Case, Expected, KeyName};
use super::intended;

/// The result of one case.
#[derive(Debug, Serialize)]
pub(super) struct CaseResult {
    /// The case's name.
    pub(super) name: String,
    /// The line in the test file.
    pub(super) line: u64,
    /// Whether the decision meets the expectations.
    pub(super) passed: bool,
    /// The differences.
    pub(super) differences: Vec<Difference>,
    /// The expectations that the decision meets, in the form of the test file, if the case failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) intended: Option<String>,
    /// The explanation of the decision, if the case failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<Explanation>,
}

/// A difference between an expectation and the decision.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// The subject: a Region, a token of a tag, `secret`, or `rules`.
    pub(super) about: String,
    /// The expectation.
    pub(super) expected: String,
    /// The decision.
    pub(super) actual: String,
}

/// The expected or actual decision about one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RegionDecision {
    /// The Region gets a replica. An expectation without a key means any key.
    Replica {
        key: Option<String>,
        overwrite: bool,
    },
    /// The Region is refused for this reason.
    Refused(String),
    /// The Region is not named.
    Nothing,
}

/// Decides about the case's secret and compares the decision with the expectations.
pub(super) fn run(case: &Case, policy: &Policy, limits: &Limits) -> CaseResult {
    let explanation = explain(&case.secret, policy, limits);
    let rules = policy.evaluate(&Subject::from(&case.secret)).rules;
    let differences = compare(&case.expect, &explanation, &rules);
    let passed = differences.is_empty();
    CaseResult {
        name: case.name.clone(),
        line: case.line,
        passed,
        differences,
        intended: (!passed).then(|| intended::expectations(&case.expect, &explanation, &rules)),
        explanation: (!passed).then_some(explanation),
    }
}

fn difference(about: &str, expected: &dyn fmt::Display, actual: &dyn fmt::Display) -> Difference {
    Difference {
        about: about.to_owned(),
        expected: expected.to_string(),
        actual: actual.to_string(),
    }
}

fn compare(
    expected: &Expected,
    explanation: &Explanation,
    rules: &BTreeSet<String>,
) -> Vec<Difference> {
    let skipped = explanation.skipped.as_ref().map(|skipped| skipped.reason);
    if expected.skip.as_deref() != skipped {
        let said = |skip: Option<&str>| match skip {
            Some(reason) => format!("skipped ({reason})"),
            None => "covered".to_owned(),
        };
        let (expected, actual) = (said(expected.skip.as_deref()), said(skipped));
        return vec![difference("secret", &expected, &actual)];
    }
    let mut differences = compare_regions(expected, explanation);
    if let Some(wanted) = &expected.rules
        && wanted != rules
    {
        differences.push(difference("rules", &list(wanted), &list(rules)));
    }
    differences
}

fn compare_regions(expected: &Expected, explanation: &Explanation) -> Vec<Difference> {
    let (expected, actual) = (expected_decisions(expected), actual_decisions(explanation));
    let regions: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let decision = |decisions: &BTreeMap<String, RegionDecision>, region| {
        decisions
            .get(region)
            .cloned()
            .unwrap_or(RegionDecision::Nothing)
    };
    regions
        .into_iter()
        .map(|region| {
            (
                region,
                decision(&expected, region),
                decision(&actual, region),
            )
        })
        .filter(|(_, expected, actual)| !expected.is_met_by(actual))
        .map(|(region, expected, actual)| difference(region, &expected, &actual))
        .collect()
}

fn expected_decisions(expected: &Expected) -> BTreeMap<String, RegionDecision> {
    let replicas = expected.replicate.iter().flatten();
    let replicas = replicas.map(|(region, key)| {
        let decision = RegionDecision::Replica {
            key: key.as_ref().map(KeyName::as_explained),
            overwrite: expected.overwrite.contains(region),
        };
        (region.to_string(), decision)
    });
    let refused = expected.refuse.iter().flatten();
    let refused =
        refused.map(|(region, reason)| (region.clone(), RegionDecision::Refused(reason.clone())));
    replicas.chain(refused).collect()
}

fn actual_decisions(explanation: &Explanation) -> BTreeMap<String, RegionDecision> {
    let regions = explanation.regions.iter().map(|region| {
        let decision = match region.action {
            "refuse" => RegionDecision::Refused(region.reason.unwrap_or_default().to_owned()),
            _ => RegionDecision::Replica {
                key: region.kms_key.clone(),
                overwrite: region.may_overwrite,
            },
        };
        (region.region.clone(), decision)
    });
    regions.collect()
}

impl RegionDecision {
    /// Returns whether the actual decision meets this expectation. The refusal of the primary Region
    /// needs no expectation, because it is the wanted state.
    fn is_met_by(&self, actual: &Self) -> bool {
        match (self, actual) {
            (
                Self::Replica {
                    key: None,
                    overwrite,
                },
                Self::Replica {
                    overwrite: actual, ..
                },
            ) => overwrite == actual,
            (Self::Nothing, Self::Refused(reason)) => reason == Refusal::PrimaryRegion.code(),
            _ => self == actual,
        }
    }
}

impl fmt::Display for RegionDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica { key, overwrite } => {
                let key = key.as_deref().unwrap_or("any key");
                write!(f, "a replica with {key}")?;
                if *overwrite {
                    f.write_str(", overwriting")?;
                }
                Ok(())
            }
            Self::Refused(reason) => write!(f, "refused ({reason})"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

fn list(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    format!("[{}]", names.join(", "))
}
