//! Decides whether a secret could be promoted in a failover Region, and what stands in the way.
//!
//! A drill rests on reads alone. Where the primary Region does not answer, the version cannot be compared with the
//! primary secret's, and the drill says so instead of guessing.

mod evidence;
mod expectation;
mod finding;

use crate::secret::{RegionalSecret, Secret};

use super::inventory::Entry;
pub use evidence::{Evidence, KeyCheck, ReaderCheck, There};
pub use expectation::{Expectation, ReplicaRequest, expectation};
pub use finding::DrillFinding;

/// How the version in the failover Region compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionCheck {
    /// It is the primary secret's current version.
    Current,
    /// It is not the primary secret's current version.
    Behind,
    /// The primary Region was not asked. It is the version of the inventory.
    AsInInventory,
    /// The primary Region was not asked. It is not the version of the inventory, so one of them is newer.
    OtherThanInventory,
    /// Neither the primary Region nor an inventory says which version is current, or the Region has no version.
    Unknown,
}

impl VersionCheck {
    /// Returns the word of reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Behind => "behind",
            Self::AsInInventory => "as-in-inventory",
            Self::OtherThanInventory => "other-than-inventory",
            Self::Unknown => "unknown",
        }
    }

    fn of(entry: &Entry, primary: Option<&Secret>, replica: &Secret) -> Self {
        let Some(version) = replica.current_version.as_ref() else {
            return Self::Unknown;
        };
        match (primary, &entry.version_id) {
            (Some(primary), _) if primary.current_version.as_ref() == Some(version) => {
                Self::Current
            }
            (Some(_), _) => Self::Behind,
            (None, Some(saved)) if saved == version => Self::AsInInventory,
            (None, Some(_)) => Self::OtherThanInventory,
            (None, None) => Self::Unknown,
        }
    }
}

/// The result of a drill for one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drilled {
    /// The findings, from the gravest to the mildest. Empty if the secret could be promoted.
    pub findings: Vec<DrillFinding>,
    /// How the version compares.
    pub version: VersionCheck,
}

impl Drilled {
    /// Returns whether the secret could be promoted and read after a promotion, as far as the drill can know.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Judges one secret.
#[must_use]
pub fn assess(entry: &Entry, evidence: &Evidence<'_>) -> Drilled {
    let only = |finding| Drilled {
        findings: vec![finding],
        version: VersionCheck::Unknown,
    };
    let found = match &evidence.there {
        There::Unreadable(error) => return only(DrillFinding::Unreadable(error.clone())),
        There::Absent => {
            return only(DrillFinding::NoReplica {
                request: evidence.request.clone(),
                status: status(evidence),
            });
        }
        There::Found(found) => *found,
    };
    match RegionalSecret::of(&entry.arn, found, None) {
        RegionalSecret::ReplicaOfAnotherRegion
        | RegionalSecret::OtherSecret
        | RegionalSecret::Absent => only(DrillFinding::NameTaken),
        RegionalSecret::PromotedReplica => only(DrillFinding::AlreadyPromoted),
        RegionalSecret::Replica { .. } => {
            let version = VersionCheck::of(entry, evidence.primary, found);
            Drilled {
                findings: replica_findings(found, version, evidence),
                version,
            }
        }
    }
}

/// Returns what the primary Region says about a missing replica.
fn status(evidence: &Evidence<'_>) -> Option<String> {
    let replica = evidence.primary?.replicas.get(evidence.region)?;
    let message = replica.message.as_deref().unwrap_or("without a message");
    Some(format!(
        "the primary secret reports {}: {message}",
        replica.status
    ))
}

fn replica_findings(
    replica: &Secret,
    version: VersionCheck,
    evidence: &Evidence<'_>,
) -> Vec<DrillFinding> {
    let deleted = replica
        .scheduled_for_deletion
        .then_some(DrillFinding::ScheduledForDeletion);
    let value = if replica.has_value() {
        (version == VersionCheck::Behind).then_some(DrillFinding::VersionBehind)
    } else {
        Some(DrillFinding::NoCurrentVersion)
    };
    let key = match &evidence.key {
        KeyCheck::Usable => None,
        KeyCheck::Unusable {
            problem,
            remediation,
        } => Some(DrillFinding::KeyUnusable {
            problem: problem.clone(),
            remediation: remediation.clone(),
        }),
        KeyCheck::Unchecked(error) => Some(DrillFinding::KeyUnchecked(error.clone())),
    };
    let reader = match &evidence.reader {
        ReaderCheck::NotAsked | ReaderCheck::Allowed => None,
        ReaderCheck::Denied(actions) => Some(DrillFinding::ReaderDenied(actions.clone())),
        ReaderCheck::Unchecked(reason) => Some(DrillFinding::ReaderUnchecked(reason.clone())),
    };
    [deleted, value, key, reader]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PRIMARY, THERE, region, secret};
    use super::*;
    use crate::reason::Refusal;
    use crate::secret::{KmsKey, Replica, ReplicaStatus, SecretArn};

    /// Returns the result for a replica, of which `change` changes the evidence.
    fn assessed(there: Option<&Secret>, change: impl FnOnce(&mut Evidence<'_>)) -> Drilled {
        let primary = secret("db", PRIMARY, None);
        let there = there.map_or(There::Absent, There::Found);
        let region = region(THERE);
        let mut evidence = Evidence {
            region: &region,
            there,
            primary: Some(&primary),
            request: ReplicaRequest::Unknown,
            key: KeyCheck::Usable,
            reader: ReaderCheck::NotAsked,
        };
        change(&mut evidence);
        assess(&Entry::of_primary(&primary, None), &evidence)
    }

    /// Returns the codes and the version check.
    fn drilled(
        there: Option<&Secret>,
        change: impl FnOnce(&mut Evidence<'_>),
    ) -> (Vec<&'static str>, VersionCheck) {
        let drilled = assessed(there, change);
        let codes = drilled.findings.iter().map(DrillFinding::code).collect();
        (codes, drilled.version)
    }

    fn replica() -> Secret {
        secret("db", THERE, Some(PRIMARY))
    }

    #[test]
    fn a_replica_that_the_function_refuses_gets_its_remediation_and_not_the_call_that_bypasses_it()
    {
        let request = ReplicaRequest::Refused(Refusal::RegionNotAllowed);
        let drilled = assessed(None, |evidence| evidence.request = request.clone());
        let finding = DrillFinding::NoReplica {
            request: request.clone(),
            status: None,
        };
        assert_eq!(drilled.findings, std::slice::from_ref(&finding));

        assert_eq!(finding.code(), "replica-missing");
        let detail = finding.detail();
        assert!(
            detail.ends_with("refuses to request it (region-not-allowed)"),
            "{detail}"
        );
        let entry = Entry::of_primary(&secret("db", PRIMARY, None), None);
        let remediation = finding.remediation(&entry, &region(THERE));
        assert_eq!(
            Some(remediation),
            Refusal::RegionNotAllowed.remediation(None)
        );
    }

    #[test]
    fn a_replica_with_the_current_version_and_a_working_key_is_ready() {
        let ready = (vec![], VersionCheck::Current);
        assert_eq!(drilled(Some(&replica()), |_| ()), ready);
        let allowed = |evidence: &mut Evidence<'_>| evidence.reader = ReaderCheck::Allowed;
        assert_eq!(drilled(Some(&replica()), allowed), ready);
    }

    #[test]
    fn each_fault_has_its_code() {
        let codes = |there: Option<&Secret>| drilled(there, |_| ()).0;
        assert_eq!(codes(None), ["replica-missing"]);
        assert_eq!(
            codes(Some(&secret("db", THERE, None))),
            ["promoted-replica"]
        );
        let mut other = replica();
        other.arn = SecretArn::parse(&other.arn.as_str().replace("AbCdEf", "Others")).unwrap();
        assert_eq!(codes(Some(&other)), ["name-already-exists"]);
        let deleted = Secret {
            scheduled_for_deletion: true,
            ..replica()
        };
        assert_eq!(codes(Some(&deleted)), ["scheduled-for-deletion"]);
        let empty = Secret {
            current_version: None,
            ..replica()
        };
        assert_eq!(codes(Some(&empty)), ["no-current-version"]);
        let behind = Secret {
            current_version: Some("v0".to_owned()),
            ..replica()
        };
        assert_eq!(codes(Some(&behind)), ["version-behind"]);
        let (codes, _) = drilled(Some(&replica()), |evidence| {
            evidence.key = KeyCheck::Unusable {
                problem: "disabled".to_owned(),
                remediation: "enable it".to_owned(),
            };
            evidence.reader = ReaderCheck::Denied(vec!["kms:Decrypt".to_owned()]);
        });
        assert_eq!(codes, ["kms-key-unavailable", "reader-denied"]);
    }

    #[test]
    fn without_the_primary_region_the_inventory_says_what_it_can() {
        let version = |there: &Secret| drilled(Some(there), |evidence| evidence.primary = None);
        assert_eq!(version(&replica()), (vec![], VersionCheck::AsInInventory));
        let other = Secret {
            current_version: Some("v2".to_owned()),
            ..replica()
        };
        // The inventory may be older than the last rotation.
        let unknown = (vec![], VersionCheck::OtherThanInventory);
        assert_eq!(version(&other), unknown);
    }

    #[test]
    fn the_call_for_a_missing_replica_has_the_key_of_the_policy() {
        let primary = secret("db", PRIMARY, None);
        let remediation = |request| {
            let drilled = assessed(None, |evidence| evidence.request = request);
            let entry = Entry::of_primary(&primary, None);
            drilled.findings[0].remediation(&entry, &region(THERE))
        };
        let with_key = remediation(ReplicaRequest::WithKey(Some(KmsKey::new("alias/app"))));
        assert!(
            with_key.contains(&format!("Region={THERE},KmsKeyId=alias/app")),
            "{with_key}"
        );
        assert!(with_key.contains("--region us-east-1"), "{with_key}");
        let default = remediation(ReplicaRequest::WithKey(None));
        assert!(default.contains(&format!("Region={THERE}`")), "{default}");
        // A call without the key of the policy would make the replica weaker.
        let unknown = remediation(ReplicaRequest::Unknown);
        assert!(!unknown.contains("replicate-secret"), "{unknown}");
        assert!(unknown.contains(PRIMARY), "{unknown}");
    }

    #[test]
    fn a_missing_replica_names_what_the_primary_region_says() {
        let region = region(THERE);
        let mut primary = secret("db", PRIMARY, None);
        let failed = Replica {
            status: ReplicaStatus::Failed,
            message: Some("Replication failed".to_owned()),
            kms_key: None,
        };
        primary.replicas.insert(region.clone(), failed);
        let evidence = Evidence {
            region: &region,
            there: There::Absent,
            primary: Some(&primary),
            request: ReplicaRequest::Unknown,
            key: KeyCheck::Usable,
            reader: ReaderCheck::NotAsked,
        };
        let entry = Entry::of_primary(&primary, None);
        let drilled = assess(&entry, &evidence);
        let [finding] = &drilled.findings[..] else {
            panic!("{drilled:?}")
        };
        let detail = finding.detail();
        assert!(
            detail.contains("reports Failed: Replication failed"),
            "{detail}"
        );
        let remediation = finding.remediation(&entry, &region);
        assert_eq!(remediation, "reconcile the secret in us-east-1");
    }
}
