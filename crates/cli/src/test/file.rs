//! Defines and parses test files. Parsing reports all problems at once, each with its line, so that a
//! mistake in a test does not look like a failure of the policy.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::limits::Limits;
use secret_replicator_core::policy::reader::{self, NodeRef};
use secret_replicator_core::policy::{Problem, Severity};
use secret_replicator_core::secret::{KmsKey, Region, Secret};

use read::TestFileReader;

/// A test file.
#[derive(Debug)]
pub(super) struct TestFile {
    /// The function's settings.
    pub(super) limits: Limits,
    /// The warnings about the file: Regions that are not known.
    pub(super) warnings: Vec<Problem>,
    /// The cases.
    pub(super) tests: Vec<Case>,
}

/// One case: a secret and the expected decision.
#[derive(Debug)]
pub(super) struct Case {
    /// The case's name.
    pub(super) name: String,
    /// The line of its name.
    pub(super) line: u64,
    /// The secret.
    pub(super) secret: Secret,
    /// The expectations.
    pub(super) expect: Expected,
}

/// The expected decision.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// The Regions that get a replica. A Region without a key means any key.
    pub(super) replicate: Option<BTreeMap<Region, Option<KeyName>>>,
    /// The refused Regions, or tokens of a tag, with the reasons.
    pub(super) refuse: Option<BTreeMap<String, String>>,
    /// The reason for skipping the secret.
    pub(super) skip: Option<String>,
    /// All rules that cover the secret.
    pub(super) rules: Option<BTreeSet<String>>,
    /// The Regions in which a secret of the same name is overwritten.
    pub(super) overwrite: BTreeSet<Region>,
}

/// A key in a form that a policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyName(String);

impl KeyName {
    /// Returns the key's name in an explanation, which has only one name for the AWS managed key.
    pub(super) fn as_explained(&self) -> String {
        if KmsKey::parse(&self.0).is_ok_and(|key| key.is_aws_managed()) {
            "aws/secretsmanager".to_owned()
        } else {
            self.0.clone()
        }
    }
}

const FORM_HINT: &str = "`secret-replicator test --help` shows an example of a test file";

/// Parses a test file.
///
/// # Errors
/// All problems of the file.
pub(super) fn parse(text: &str) -> Result<TestFile, Vec<Problem>> {
    let root = reader::parse(text).map_err(|problem| vec![problem])?;
    let mut reader = TestFileReader::default();
    let file = reader.file(&NodeRef::of(&root));
    let problems = reader.problems(&root);
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    match file {
        Ok(file) if !problems.iter().any(is_error) => Ok(TestFile {
            warnings: problems,
            ..file
        }),
        _ => Err(problems),
    }
}

impl Expected {
    /// Returns the code, message and hint for expectations that no policy or every policy can meet.
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
                "`skip` cannot be combined with other expectations",
                "a skipped secret has no replicas, refusals or rules; remove one side",
            ))
        } else if self.skip.is_none() && !acts {
            Some((
                "nothing-expected",
                "must contain at least one of `replicate`, `refuse` and `skip`",
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
                "`replicate` and `refuse` name the same Region",
                "name the Region in only one of them",
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
