//! One test case: what is expected, what is decided, and where they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secret_replicator_core::explain::{Explanation, explain};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy::{Policy, Subject};
use secret_replicator_core::reason::Refusal;
use serde::Serialize;

use super::file::{Case, Expected, KeyName};

/// What became of one case.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// The case's name.
    pub(super) name: String,
    /// The line of the file of tests.
    pub(super) line: u64,
    /// Whether what is decided is what was expected.
    pub(super) passed: bool,
    /// Where they differ.
    pub(super) differences: Vec<Difference>,
    /// Why it was decided so, if the case failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<Explanation>,
}

/// Something that was expected to be otherwise.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// What differs: a Region, a word of a tag, the secret, or its rules.
    pub(super) about: String,
    /// What was expected.
    pub(super) expected: String,
    /// What is decided.
    pub(super) actual: String,
}

/// What becomes of one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// It gets a replica. Without a key, any key is meant.
    Replica {
        key: Option<String>,
        overwrite: bool,
    },
    /// It is refused.
    Refused(String),
    /// It is not named at all.
    Nothing,
}

/// Decides about the case's secret, and compares.
pub(super) fn run(case: &Case, policy: &Policy, limits: &Limits) -> Outcome {
    let explanation = explain(&case.secret, policy, limits);
    let rules = policy.evaluate(&Subject::from(&case.secret)).rules;
    let differences = compare(&case.expect, &explanation, &rules);
    let passed = differences.is_empty();
    Outcome {
        name: case.name.clone(),
        line: case.line,
        passed,
        differences,
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
    let mut differences = fates(expected, explanation);
    if let Some(wanted) = &expected.rules
        && wanted != rules
    {
        differences.push(difference("rules", &list(wanted), &list(rules)));
    }
    differences
}

fn fates(expected: &Expected, explanation: &Explanation) -> Vec<Difference> {
    let (expected, actual) = (expected_fates(expected), actual_fates(explanation));
    let regions: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let fate = |fates: &BTreeMap<String, Fate>, region| {
        fates.get(region).cloned().unwrap_or(Fate::Nothing)
    };
    regions
        .into_iter()
        .map(|region| (region, fate(&expected, region), fate(&actual, region)))
        .filter(|(_, expected, actual)| !expected.is_met_by(actual))
        .map(|(region, expected, actual)| difference(region, &expected, &actual))
        .collect()
}

fn expected_fates(expected: &Expected) -> BTreeMap<String, Fate> {
    let replicas = expected.replicate.iter().flatten();
    let replicas = replicas.map(|(region, key)| {
        let fate = Fate::Replica {
            key: key.as_ref().map(KeyName::as_explained),
            overwrite: expected.overwrite.contains(region),
        };
        (region.to_string(), fate)
    });
    let refused = expected.refuse.iter().flatten();
    let refused = refused.map(|(region, reason)| (region.clone(), Fate::Refused(reason.clone())));
    replicas.chain(refused).collect()
}

fn actual_fates(explanation: &Explanation) -> BTreeMap<String, Fate> {
    let overwritten: BTreeSet<&str> = explanation
        .calls
        .iter()
        .filter(|call| call.force_overwrite_replica_secret)
        .flat_map(|call| &call.add_replica_regions)
        .map(|replica| replica.region.as_str())
        .collect();
    let regions = explanation.regions.iter().map(|region| {
        let fate = match region.action {
            "refuse" => Fate::Refused(region.reason.unwrap_or_default().to_owned()),
            _ => Fate::Replica {
                key: region.kms_key.clone(),
                overwrite: overwritten.contains(region.region.as_str()),
            },
        };
        (region.region.clone(), fate)
    });
    regions.collect()
}

impl Fate {
    /// The primary secret's own Region is no refusal of the secret, so nobody needs to expect it.
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

impl fmt::Display for Fate {
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
