//! A file of tests: its form, and what is wrong with one.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator::limits::{Limits, RemovalLimit};
use secret_replicator::policy::{Problem, Severity};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned, UserMessageFormatter};

use super::values::{Allowed, KeyName, RegionCode, Replicas};
use crate::explain::overwrite;

/// A file of tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The function's settings.
    #[serde(default)]
    pub(super) settings: Settings,
    /// The cases.
    pub(super) tests: Vec<Case>,
}

/// The function's settings that limit a policy.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    #[serde(default)]
    allowed_replica_regions: Allowed,
    #[serde(default)]
    allow_overwrite: bool,
}

impl Settings {
    /// The settings as limits.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            fence: self.allowed_replica_regions.0.clone(),
            overwrite: overwrite(self.allow_overwrite),
            removal: RemovalLimit::Never,
        }
    }
}

/// One case: a secret, and what is expected of the policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// The case's name.
    pub(super) name: Spanned<String>,
    /// The secret.
    pub(super) secret: Subject,
    /// What is expected.
    pub(super) expect: Spanned<Expected>,
}

/// A secret that need not exist.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Subject {
    /// Its name.
    pub(super) name: Spanned<String>,
    /// Its tags by key.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    /// The Region of the primary secret.
    pub(super) primary_region: RegionCode,
    /// Its key; without one, `aws/secretsmanager`.
    pub(super) kms_key: Option<KeyName>,
}

/// What is expected of the policy.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// The Regions that get a replica.
    pub(super) replicate: Option<Replicas>,
    /// The Regions, or words of a tag, that are refused, and why.
    pub(super) refuse: Option<BTreeMap<String, String>>,
    /// Why the secret is left alone.
    pub(super) skip: Option<String>,
    /// Exactly the rules that cover the secret.
    pub(super) rules: Option<BTreeSet<String>>,
    /// The Regions in which a secret of the same name is overwritten.
    #[serde(default)]
    pub(super) overwrite: BTreeSet<RegionCode>,
}

const FORM_HINT: &str = "`secret-replicator test --help` shows a file of tests";

/// Reads a file of tests.
///
/// # Errors
/// What is wrong with it. A file of the wrong form has one problem; otherwise all are listed.
pub(super) fn parse(text: &str) -> Result<File, Vec<Problem>> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location();
        let error = error.without_snippet();
        let message = error.render_with_formatter(&UserMessageFormatter);
        let message = without_place(&message);
        vec![problem(place, "bad-test-file", message, FORM_HINT)]
    })?;
    let problems = problems(&file);
    if problems.is_empty() {
        Ok(file)
    } else {
        Err(problems)
    }
}

/// The place stands beside the message already.
fn without_place(message: &str) -> String {
    let before = message.rsplit_once(" at line ");
    before.map_or(message, |(before, _)| before).to_owned()
}

fn problem(place: Option<Location>, code: &'static str, message: String, hint: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        path: String::new(),
        line: place.map_or(1, |place| place.line()),
        column: place.map_or(1, |place| place.column()),
        code,
        message,
        hint: hint.to_owned(),
    }
}

fn problems(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    if file.tests.is_empty() {
        let message = "there are no tests".to_owned();
        problems.push(problem(None, "no-tests", message, FORM_HINT));
    }
    for case in &file.tests {
        let Case {
            name,
            secret,
            expect,
        } = case;
        if !names.insert(&name.value) {
            let message = format!("another test has the name `{}` too", name.value);
            let hint = "give each test a name of its own";
            problems.push(problem(
                Some(name.referenced),
                "duplicate-test-name",
                message,
                hint,
            ));
        }
        if secret.name.value.is_empty() {
            let message = "the secret's name is empty".to_owned();
            let place = Some(secret.name.referenced);
            problems.push(problem(place, "empty-secret-name", message, FORM_HINT));
        }
        if let Some((code, message, hint)) = expect.value.contradiction() {
            let place = Some(expect.referenced);
            problems.push(problem(place, code, message.to_owned(), hint));
        }
    }
    problems
}

impl Expected {
    /// What no policy can meet, or any can.
    fn contradiction(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let acts = self.replicate.is_some() || self.refuse.is_some() || !self.overwrite.is_empty();
        let is_replicated = |region: &String| {
            self.replicate
                .as_ref()
                .is_some_and(|replicas| replicas.0.keys().any(|named| named.as_str() == region))
        };
        let named = |region: &RegionCode| {
            let replicas = self.replicate.as_ref();
            replicas.is_some_and(|replicas| replicas.0.contains_key(&region.0))
        };
        if self.skip.is_some() && (acts || self.rules.is_some()) {
            Some((
                "contradicting-expectations",
                "`skip` stands beside another expectation",
                "a secret that is skipped has no replicas, refusals or rules; keep one of them",
            ))
        } else if self.skip.is_none() && !acts {
            Some((
                "nothing-expected",
                "neither `replicate` nor `refuse` nor `skip` is expected",
                "write `replicate: []` to expect no replica",
            ))
        } else if self
            .refuse
            .iter()
            .flat_map(BTreeMap::keys)
            .any(is_replicated)
        {
            Some((
                "contradicting-expectations",
                "`refuse` names a Region that `replicate` names too",
                "name it in one of them",
            ))
        } else if !self.overwrite.iter().all(named) {
            Some((
                "contradicting-expectations",
                "`overwrite` names a Region that `replicate` does not",
                "name the Region in both",
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
