//! A file of tests: its form, and what makes no sense in it. Every mistake is found at once, so that
//! a slip in a test is told from a failure of the policy, and has its line.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy::Problem;
use secret_replicator_core::policy::reader::{self, NodeRef};
use secret_replicator_core::secret::{KmsKey, Region, Secret};

use read::File as Reading;

/// A file of tests.
#[derive(Debug)]
pub(super) struct File {
    /// The function's settings.
    pub(super) limits: Limits,
    /// The cases.
    pub(super) tests: Vec<Case>,
}

/// One case: a secret, and what is expected of the policy.
#[derive(Debug)]
pub(super) struct Case {
    /// The case's name.
    pub(super) name: String,
    /// The line of its name.
    pub(super) line: u64,
    /// The secret.
    pub(super) secret: Secret,
    /// What is expected.
    pub(super) expect: Expected,
}

/// What is expected of the policy.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// The Regions that get a replica, each with its key if keys matter.
    pub(super) replicate: Option<BTreeMap<Region, Option<KeyName>>>,
    /// The Regions, or words of a tag, that are refused, and why.
    pub(super) refuse: Option<BTreeMap<String, String>>,
    /// Why the secret is left alone.
    pub(super) skip: Option<String>,
    /// Exactly the rules that cover the secret.
    pub(super) rules: Option<BTreeSet<String>>,
    /// The Regions in which a secret of the same name is overwritten.
    pub(super) overwrite: BTreeSet<Region>,
}

/// A key, as the policy names keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyName(String);

impl KeyName {
    /// The key as an explanation names it: the AWS managed key has one name there.
    pub(super) fn as_explained(&self) -> String {
        if KmsKey::parse(&self.0).is_ok_and(|key| key.is_aws_managed()) {
            "aws/secretsmanager".to_owned()
        } else {
            self.0.clone()
        }
    }
}

const FORM_HINT: &str = "`secret-replicator test --help` shows a file of tests";

/// Reads a file of tests.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn parse(text: &str) -> Result<File, Vec<Problem>> {
    let form = |problem| Problem {
        hint: FORM_HINT.to_owned(),
        ..problem
    };
    let root = reader::parse(text).map_err(|problem| vec![form(problem)])?;
    let mut reading = Reading::default();
    let file = reading.file(&NodeRef::of(&root));
    let problems = reading.problems(&root);
    match file {
        Ok(file) if problems.is_empty() => Ok(file),
        _ => Err(problems),
    }
}

impl Expected {
    /// What no policy can meet, or any can.
    fn contradiction(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let acts = self.replicate.is_some() || self.refuse.is_some() || !self.overwrite.is_empty();
        let is_replicated = |region: &String| {
            self.replicate
                .as_ref()
                .is_some_and(|replicas| replicas.keys().any(|named| named.as_str() == region))
        };
        let named = |region: &Region| {
            let replicas = self.replicate.as_ref();
            replicas.is_some_and(|replicas| replicas.contains_key(region))
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
