//! A part of the names of many secrets, for a report that fits on a screen.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::policy::escape_control;
use secret_replicator_core::secret::Region;

use crate::coverage::Coverage;

/// Secrets that have something in common.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The number of secrets.
    pub(crate) count: usize,
    limit: usize,
    first: BTreeSet<Named>,
}

/// A secret. Another account or primary Region can have the same name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    name: String,
    account: String,
    primary_region: Region,
}

impl Default for Sample {
    /// Creates a sample with the names that fit beside other text.
    fn default() -> Self {
        Self::with_limit(5)
    }
}

impl Sample {
    /// Creates a sample that keeps the names of all secrets.
    pub(crate) fn of_all() -> Self {
        Self::with_limit(usize::MAX)
    }

    fn with_limit(limit: usize) -> Self {
        Self {
            count: 0,
            limit,
            first: BTreeSet::new(),
        }
    }

    /// Adds a secret. The sample keeps the first names in alphabetical order.
    pub(crate) fn add(&mut self, secret: &Coverage) {
        self.count += 1;
        self.first.insert(Named {
            name: secret.name.clone(),
            account: secret.account().to_owned(),
            primary_region: secret.primary_region().clone(),
        });
        if self.first.len() > self.limit {
            self.first.pop_last();
        }
    }

    /// Formats the names and the number of the others. A name that occurs more than once is followed by account and
    /// primary Region.
    pub(crate) fn text(&self) -> String {
        let mut of_name: BTreeMap<&str, usize> = BTreeMap::new();
        for secret in &self.first {
            *of_name.entry(&secret.name).or_default() += 1;
        }
        let label = |secret: &Named| {
            let is_unique = of_name.get(secret.name.as_str()) == Some(&1);
            secret.label(is_unique)
        };
        let names: Vec<String> = self.first.iter().map(label).collect();
        let names = names.join(", ");
        match self.count.saturating_sub(self.first.len()) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

impl Named {
    fn label(&self, is_unique: bool) -> String {
        let name = escape_control(&self.name);
        if is_unique {
            name
        } else {
            format!("{name} ({} in {})", self.account, self.primary_region)
        }
    }
}

#[cfg(test)]
mod tests {
    use secret_replicator_core::secret::SecretArn;

    use super::*;

    fn secret(name: &str, region: &str) -> Coverage {
        let arn = format!("arn:aws:secretsmanager:{region}:123456789012:secret:{name}-AbCdEf");
        Coverage {
            name: name.to_owned(),
            arn: SecretArn::parse(&arn).unwrap(),
            rules: [].into(),
            regions: Vec::new(),
        }
    }

    #[test]
    fn a_sample_has_the_first_names_and_the_number_of_the_others() {
        let mut sample = Sample::with_limit(3);
        for name in ["c", "a", "d", "b"] {
            sample.add(&secret(name, "us-east-1"));
        }
        assert_eq!(sample.text(), "a, b, c and 1 more");
    }

    #[test]
    fn secrets_of_the_same_name_are_told_apart() {
        let mut sample = Sample::of_all();
        for region in ["us-east-1", "eu-west-1"] {
            sample.add(&secret("db", region));
        }
        sample.add(&secret("app", "us-east-1"));
        assert_eq!(
            sample.text(),
            "app, db (123456789012 in eu-west-1), db (123456789012 in us-east-1)"
        );
    }
}
