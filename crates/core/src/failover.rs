//! Decides about a failover: the day on which a primary Region is unavailable, and its replicas have to become
//! primary secrets.
//!
//! Pure, like every decision of this crate: the command-line tool and the function make the calls.
//!
//! | module | decision |
//! |---|---|
//! | [`inventory`] | which secrets a failover Region should have; kept in a file before the failover |
//! | [`drill`] | whether each of them could be promoted, and what stands in the way |
//! | [`promotion`] | which replicas are promoted, and why the others are not |
//! | [`nothing`] | why a drill or a promotion has covered nothing |
//! | [`aftermath`] | what changes for a promoted secret |
//! | [`failback`] | what stands where afterwards, which value is newer, and the calls that lead back |
//!
//! A promotion (`StopReplicationToReplica`) keeps the name and the six-character suffix of the secret (Secrets
//! Manager user guide, "Promote a replica secret to a standalone secret"). A secret with the same suffix that is not
//! a replica is therefore a promoted one, and no decision of this module promotes it again.

pub mod aftermath;
pub mod drill;
pub mod failback;
pub mod inventory;
pub mod nothing;
pub mod promotion;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::policy::{Policy, Subject};
use crate::secret::Secret;

/// The rotation of a primary secret. It stays with the primary secret: a replica has none, and neither has a
/// promoted one (Secrets Manager user guide, "Rotation").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The ARN of the function that rotates. `None` for a managed rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The number of days between two rotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_days: Option<i64>,
    /// The schedule, for instance `rate(10 days)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The length of the rotation window, for instance `3h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}

impl Rotation {
    /// Formats the rules for people.
    #[must_use]
    pub fn rules(&self) -> String {
        let schedule = match (&self.schedule, self.after_days) {
            (Some(schedule), _) => schedule.clone(),
            (None, Some(days)) => format!("every {days} days"),
            (None, None) => "without a schedule".to_owned(),
        };
        let window = self.window.as_ref();
        let window = window.map_or_else(String::new, |window| format!(", window {window}"));
        match &self.function {
            Some(function) => format!("{schedule}{window}, by {function}"),
            None => format!("{schedule}{window}"),
        }
    }
}

/// Returns the primary secret that a replica shows: the same metadata under the ARN of the primary Region. A policy
/// that covers the primary secret covers it, because tags are replicated. A secret that is not a replica is returned
/// unchanged.
#[must_use]
pub fn primary_of(replica: &Secret) -> Secret {
    let mut primary = replica.clone();
    if let Some(region) = replica.replica_of() {
        primary.arn = replica.arn.in_region(region);
    }
    primary
}

/// Returns the names of the rules that cover the primary secret of a replica. Empty if none does, or if an AWS service
/// manages the secret. A stack in the replica's Region judges by its own policy, which need not name its own Region.
#[must_use]
pub fn covering_rules(replica: &Secret, policy: &Policy) -> BTreeSet<String> {
    let primary = primary_of(replica);
    if primary.managed_by().is_some() {
        return BTreeSet::new();
    }
    policy.evaluate(&Subject::from(&primary)).rules
}

/// Returns whether a secret with these tags has all wanted ones, each with its value or with any value.
pub fn has_tags<'a>(
    tags: &BTreeMap<String, String>,
    wanted: impl IntoIterator<Item = &'a (String, Option<String>)>,
) -> bool {
    wanted.into_iter().all(|(key, value)| {
        let found = tags.get(key);
        found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
    })
}

/// The secrets of one Region, found by their resource (name and suffix) and by name.
#[derive(Debug, Default)]
pub struct Found<'a> {
    by_resource: BTreeMap<&'a str, &'a Secret>,
    by_name: BTreeMap<&'a str, &'a Secret>,
}

impl<'a> Found<'a> {
    /// Indexes the secrets of a Region.
    #[must_use]
    pub fn new(secrets: &'a [Secret]) -> Self {
        let by_resource = secrets.iter().map(|secret| (secret.arn.resource(), secret));
        let by_name = secrets.iter().map(|secret| (secret.name.as_str(), secret));
        Self {
            by_resource: by_resource.collect(),
            by_name: by_name.collect(),
        }
    }

    /// Returns the secret with this resource, otherwise one of the same name.
    #[must_use]
    pub fn get(&self, resource: &str, name: &str) -> Option<&'a Secret> {
        let found = self.by_resource.get(resource);
        found.or_else(|| self.by_name.get(name)).copied()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::limits::AllowedRegions;
    use crate::secret::{Encryption, Region, SecretArn};

    pub(crate) const PRIMARY: &str = "us-east-1";
    pub(crate) const THERE: &str = "eu-west-1";

    pub(crate) fn region(code: &str) -> Region {
        Region::parse(code).unwrap()
    }

    /// Returns a secret with a value in a Region. `primary_region` makes it a replica.
    pub(crate) fn secret(name: &str, in_region: &str, primary_region: Option<&str>) -> Secret {
        let arn = format!("arn:aws:secretsmanager:{in_region}:123456789012:secret:{name}-AbCdEf");
        Secret {
            arn: SecretArn::parse(&arn).unwrap(),
            name: name.to_owned(),
            tags: BTreeMap::new(),
            encryption: Encryption::AwsManagedKey,
            primary_region: primary_region.map(region),
            owning_service: None,
            scheduled_for_deletion: false,
            current_version: Some("v1".to_owned()),
            last_changed: None,
            replicas: BTreeMap::new(),
            probed: BTreeMap::new(),
        }
    }

    #[test]
    fn a_replica_shows_its_primary_secret() {
        let replica = secret("db", THERE, Some(PRIMARY));
        let primary = primary_of(&replica);
        assert_eq!(primary.replica_of(), None);
        assert_eq!(primary.arn.region(), &region(PRIMARY));
        assert_eq!(primary.arn.resource(), replica.arn.resource());
    }

    #[test]
    fn a_policy_covers_a_replica_as_it_covers_the_primary_secret() {
        let text = format!(
            "version: 1\nrules:\n  - {{name: a, when: {{tags: {{tier: '1'}}, primary-region: {PRIMARY}}}, \
             replicate-to: us-west-2}}\n"
        );
        let policy = crate::policy::check(&text, &AllowedRegions::Any)
            .unwrap()
            .policy;
        let mut replica = secret("db", THERE, Some(PRIMARY));
        assert!(covering_rules(&replica, &policy).is_empty());
        replica.tags.insert("tier".to_owned(), "1".to_owned());
        assert_eq!(covering_rules(&replica, &policy), ["a".to_owned()].into());
        replica.owning_service = Some("rds".to_owned());
        assert!(covering_rules(&replica, &policy).is_empty());
    }

    #[test]
    fn a_secret_is_found_by_its_suffix_before_its_name() {
        let replica = secret("db", THERE, Some(PRIMARY));
        let mut other = secret("db", THERE, None);
        other.arn = SecretArn::parse(&other.arn.as_str().replace("AbCdEf", "Others")).unwrap();
        let secrets = [replica.clone(), other.clone()];
        let found = Found::new(&secrets);
        assert_eq!(found.get("db-AbCdEf", "db"), Some(&replica));
        assert_eq!(found.get("db-Others", "db"), Some(&other));
        assert!(found.get("db-Absent", "db").is_some());
        assert_eq!(found.get("da-Absent", "da"), None);
    }

    #[test]
    fn the_rules_of_a_rotation_are_readable() {
        let rotation = Rotation {
            function: Some("arn:aws:lambda:us-east-1:123456789012:function:rotate".to_owned()),
            after_days: Some(30),
            ..Rotation::default()
        };
        assert_eq!(
            rotation.rules(),
            "every 30 days, by arn:aws:lambda:us-east-1:123456789012:function:rotate"
        );
        let managed = Rotation {
            schedule: Some("rate(7 days)".to_owned()),
            window: Some("3h".to_owned()),
            ..Rotation::default()
        };
        assert_eq!(managed.rules(), "rate(7 days), window 3h");
    }
}
