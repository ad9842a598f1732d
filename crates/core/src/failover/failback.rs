//! Decides what stands where after a failover, which of two values is newer, and the calls that make the former
//! primary Region the primary Region again.
//!
//! No decision reads or moves a value. Equal version IDs mean an equal value, because versions are immutable and a
//! replica has the version IDs of its primary secret (recorded for one pair). Different IDs only mean different
//! versions: their order follows from the versions that each side keeps, and not from `LastChangedDate`, which a
//! changed tag updates as well.

mod steps;

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::secret::{Region, Secret, SecretArn};
pub use steps::Step;
use steps::{again, note, replicate, replicate_again, steps};

/// A version of a secret, without its value (`ListSecretVersionIds`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The ID.
    pub id: String,
    /// The staging labels. Empty for a deprecated version.
    pub labels: BTreeSet<String>,
    /// The time of its creation.
    pub created: Option<DateTime<Utc>>,
}

/// One side of a failed-over secret.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The secret.
    pub secret: &'a Secret,
    /// Its versions, deprecated ones included.
    pub versions: &'a [Version],
}

impl Side<'_> {
    fn current(&self) -> Option<&str> {
        self.secret.current_version.as_deref()
    }

    fn has_had(&self, version: &str) -> bool {
        self.versions.iter().any(|own| own.id == version)
    }

    fn created(&self, version: Option<&str>) -> Option<DateTime<Utc>> {
        let mut versions = self.versions.iter();
        versions
            .find(|own| Some(own.id.as_str()) == version)?
            .created
    }
}

/// Which value is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Newer {
    /// Both sides have the same version, hence the same value.
    Same,
    /// The promoted secret's.
    Promoted,
    /// The old primary secret's.
    OldPrimary,
    /// Both sides got a value of their own, or the versions do not show the order.
    Unknown,
}

/// How the two sides stand to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Standing {
    /// The old primary secret is the primary again: the other side is its replica.
    Restored,
    /// The other side became the primary: the old primary Region has its replica.
    Reversed,
    /// Both sides are standalone secrets.
    Apart {
        /// Which value is newer.
        newer: Newer,
    },
    /// The old primary Region has no such secret.
    NoOldPrimary,
    /// The failover Region has no such secret.
    NoPromoted,
    /// A side is scheduled for deletion.
    ScheduledForDeletion,
    /// Another secret has the name in the old primary Region.
    NameTaken,
}

/// The way back of one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// How the sides stand.
    pub standing: Standing,
    /// Why the order of the values is known, or why it is not.
    pub evidence: String,
    /// The steps, in order. Empty if there is nothing to do.
    pub steps: Vec<Step>,
}

/// Compares the two sides of a secret. `arn` is the ARN of the old primary secret, `from` the failover Region.
/// `at_promotion` is the version at the time of the promotion, if a state file has it.
#[must_use]
pub fn way_back(
    arn: &SecretArn,
    from: &Region,
    old_primary: Option<Side<'_>>,
    promoted: Option<Side<'_>>,
    at_promotion: Option<&str>,
) -> WayBack {
    let (old, new) = match (old_primary, promoted) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(_)) => return no_old_primary(arn, from),
        (old, None) => return no_promoted(arn, from, old),
    };
    if old.secret.arn.resource() != arn.resource() {
        return WayBack {
            standing: Standing::NameTaken,
            evidence: "the old primary Region has another secret of this name, with another suffix"
                .to_owned(),
            steps: vec![note(format!(
                "Decide which secret keeps the name in {}. Delete or rename nothing before its readers are known.",
                arn.region()
            ))],
        };
    }
    let standing = standing(old, new, at_promotion);
    WayBack {
        evidence: evidence(&standing, old, new, at_promotion),
        steps: steps(&standing, arn, from, old, new),
        standing,
    }
}

fn standing(old: Side<'_>, new: Side<'_>, at_promotion: Option<&str>) -> Standing {
    if new.secret.replica_of() == Some(old.secret.arn.region()) {
        Standing::Restored
    } else if old.secret.replica_of() == Some(new.secret.arn.region()) {
        Standing::Reversed
    } else if old.secret.scheduled_for_deletion || new.secret.scheduled_for_deletion {
        Standing::ScheduledForDeletion
    } else {
        let newer = newer(old, new, at_promotion);
        Standing::Apart { newer }
    }
}

/// Returns which value is newer. A side that keeps the other side's current version in its own history has replaced
/// it, and is newer. The version at the promotion is history of both sides.
fn newer(old: Side<'_>, new: Side<'_>, at_promotion: Option<&str>) -> Newer {
    let (Some(old_version), Some(new_version)) = (old.current(), new.current()) else {
        return match (old.current(), new.current()) {
            (None, Some(_)) => Newer::Promoted,
            (Some(_), None) => Newer::OldPrimary,
            _ => Newer::Unknown,
        };
    };
    if old_version == new_version {
        // A labeled version that only the promoted secret has, for instance of a rotation in progress, would be lost.
        let is_safe = |version: &Version| version.labels.is_empty() || old.has_had(&version.id);
        return if new.versions.iter().all(is_safe) {
            Newer::Same
        } else {
            Newer::Unknown
        };
    }
    let promoted_follows = new.has_had(old_version) || at_promotion == Some(old_version);
    let old_follows = old.has_had(new_version) || at_promotion == Some(new_version);
    match (promoted_follows, old_follows) {
        (true, false) => Newer::Promoted,
        (false, true) => Newer::OldPrimary,
        _ => Newer::Unknown,
    }
}

fn evidence(
    standing: &Standing,
    old: Side<'_>,
    new: Side<'_>,
    at_promotion: Option<&str>,
) -> String {
    let Standing::Apart { newer } = standing else {
        return String::new();
    };
    match newer {
        Newer::Same => {
            "both sides have the same current version; versions are immutable, so the value is the same"
                .to_owned()
        }
        Newer::Promoted => {
            "the old primary secret's current version is one that the promoted secret has replaced".to_owned()
        }
        Newer::OldPrimary => {
            "the promoted secret's current version is one that the old primary secret has replaced: the last \
             value before the failover did not reach the failover Region, or an owner changed the old primary \
             secret afterwards"
                .to_owned()
        }
        Newer::Unknown if old.current() == new.current() && old.current().is_some() => {
            "both sides have the same current version, but the promoted secret has another version with a label, for \
             instance of a rotation in progress, which the old primary secret lacks"
                .to_owned()
        }
        Newer::Unknown => {
            let time = |side: Side<'_>| {
                let created = side.created(side.current());
                created.map_or("an unknown time".to_owned(), |created| {
                    created.to_rfc3339_opts(SecondsFormat::Secs, true)
                })
            };
            let since = match at_promotion {
                Some(_) => "both sides changed after the promotion",
                None => "neither side keeps the other's current version",
            };
            format!(
                "{since}; the current version was created at {} in the old primary Region and at {} in the \
                 failover Region, but the later one is not always the right one",
                time(old),
                time(new)
            )
        }
    }
}

/// The secret exists in the failover Region only, so it can be replicated to the old primary Region.
fn no_old_primary(arn: &SecretArn, from: &Region) -> WayBack {
    let to = arn.region();
    let there = arn.in_region(from);
    WayBack {
        standing: Standing::NoOldPrimary,
        evidence: format!("{to} has no secret of this name; the only value is in {from}"),
        steps: vec![
            Step {
                text: format!("Replicate the secret to {to}. {from} is its primary Region then."),
                command: Some(replicate(&there, to)),
                destroys: false,
            },
            Step {
                text: format!(
                    "To make {to} the primary Region, promote the replica there. The two sides are apart again \
                     then, with the same version."
                ),
                command: Some(format!(
                    "secret-replicator promote --to {to} --from {from} --only '{arn}'"
                )),
                destroys: false,
            },
            again(),
        ],
    }
}

/// The secret exists in the old primary Region only.
fn no_promoted(arn: &SecretArn, from: &Region, old: Option<Side<'_>>) -> WayBack {
    WayBack {
        standing: Standing::NoPromoted,
        evidence: format!(
            "{from} has no secret of this name; the only value is in {}",
            arn.region()
        ),
        steps: replicate_again(arn, from, old),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PRIMARY, THERE, region, secret};
    use super::*;
    use crate::secret::{Replica, ReplicaStatus};

    fn versions(ids: &[&str]) -> Vec<Version> {
        let version = |id: &&str| Version {
            id: (*id).to_owned(),
            labels: BTreeSet::new(),
            created: None,
        };
        ids.iter().map(version).collect()
    }

    fn with_version(in_region: &str, id: &str) -> Secret {
        let mut secret = secret("db", in_region, None);
        secret.current_version = Some(id.to_owned());
        secret
    }

    /// Compares secrets of which the last version is the current one.
    fn compared(old: &[&str], new: &[&str], at_promotion: Option<&str>) -> WayBack {
        let arn = secret("db", PRIMARY, None).arn;
        let (old_secret, new_secret) = (
            with_version(PRIMARY, old.last().unwrap()),
            with_version(THERE, new.last().unwrap()),
        );
        let (old, new) = (versions(old), versions(new));
        let old = Side {
            secret: &old_secret,
            versions: &old,
        };
        let new = Side {
            secret: &new_secret,
            versions: &new,
        };
        way_back(&arn, &region(THERE), Some(old), Some(new), at_promotion)
    }

    fn newer_of(old: &[&str], new: &[&str], at_promotion: Option<&str>) -> Newer {
        match compared(old, new, at_promotion).standing {
            Standing::Apart { newer } => newer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_versions_of_both_sides_show_which_value_is_newer() {
        assert_eq!(newer_of(&["v1"], &["v1"], None), Newer::Same);
        assert_eq!(newer_of(&["v1"], &["v1", "v2"], None), Newer::Promoted);
        assert_eq!(newer_of(&["v1", "v2"], &["v1"], None), Newer::OldPrimary);
        assert_eq!(newer_of(&["v1", "v2"], &["v1", "v3"], None), Newer::Unknown);
        // AWS deletes old versions. The state file remembers the one at the promotion.
        assert_eq!(newer_of(&["v1"], &["v3"], None), Newer::Unknown);
        assert_eq!(newer_of(&["v1"], &["v3"], Some("v1")), Newer::Promoted);
        assert_eq!(newer_of(&["v3"], &["v1"], Some("v1")), Newer::OldPrimary);
        assert_eq!(newer_of(&["v2"], &["v3"], Some("v1")), Newer::Unknown);
        // An owner returned to an older version on each side.
        assert_eq!(newer_of(&["v2", "v1"], &["v1", "v2"], None), Newer::Unknown);
    }

    #[test]
    fn a_labeled_version_that_only_the_promoted_secret_has_is_not_lost() {
        let arn = secret("db", PRIMARY, None).arn;
        let (old, new) = (with_version(PRIMARY, "v1"), with_version(THERE, "v1"));
        let of_old = versions(&["v1"]);
        let deprecated = versions(&["v1", "v2"]);
        let mut pending = deprecated.clone();
        pending[1].labels.insert("AWSPENDING".to_owned());
        let way = |of_new: &[Version]| {
            let old = Side {
                secret: &old,
                versions: &of_old,
            };
            let new = Side {
                secret: &new,
                versions: of_new,
            };
            way_back(&arn, &region(THERE), Some(old), Some(new), None)
        };
        let unknown = way(&pending);
        let newer = Newer::Unknown;
        assert_eq!(unknown.standing, Standing::Apart { newer });
        assert!(unknown.steps.iter().all(|step| !step.destroys));
        assert!(way(&deprecated).steps.iter().any(|step| step.destroys));
    }

    #[test]
    fn during_the_recovery_window_the_next_step_is_the_replication() {
        fn side(secret: &Secret) -> Side<'_> {
            Side {
                secret,
                versions: &[],
            }
        }
        let arn = secret("db", PRIMARY, None).arn;
        let old = with_version(PRIMARY, "v1");
        let command = |version| {
            let mut new = with_version(THERE, version);
            new.scheduled_for_deletion = true;
            let way = way_back(
                &arn,
                &region(THERE),
                Some(side(&old)),
                Some(side(&new)),
                None,
            );
            assert_eq!(way.standing, Standing::ScheduledForDeletion);
            way.steps[0].command.clone().unwrap()
        };
        assert!(command("v1").contains("replicate-secret-to-regions"));
        assert!(command("v2").contains("restore-secret"));
    }

    #[test]
    fn a_newer_value_moves_before_anything_is_deleted() {
        for (old, new) in [(&["v1"][..], &["v1", "v2"][..]), (&["v2"], &["v3"])] {
            let way = compared(old, new, None);
            assert!(way.steps.iter().all(|step| !step.destroys), "{way:?}");
            let commands: Vec<&str> = way
                .steps
                .iter()
                .filter_map(|step| step.command.as_deref())
                .collect();
            assert!(
                commands[0].contains("put-secret-value --region us-east-1"),
                "{commands:?}"
            );
        }
        let way = compared(&["v1"], &["v1"], None);
        let destroys: Vec<bool> = way.steps.iter().map(|step| step.destroys).collect();
        assert_eq!(destroys, [false, true, false]);
    }

    #[test]
    fn an_entry_of_the_old_primary_secret_is_removed_only_after_the_promoted_secret() {
        let arn = secret("db", PRIMARY, None).arn;
        let there = region(THERE);
        let (mut old, new) = (secret("db", PRIMARY, None), secret("db", THERE, None));
        let entry = Replica {
            status: ReplicaStatus::InSync,
            message: None,
            kms_key: None,
        };
        old.replicas.insert(there.clone(), entry);
        let side = |secret| Side {
            secret,
            versions: &[],
        };
        let calls = |promoted| {
            let way = way_back(&arn, &there, Some(side(&old)), promoted, None);
            let commands = way.steps.into_iter().filter_map(|step| step.command);
            let call = |command: String| command.split(' ').nth(2).map(str::to_owned);
            commands.filter_map(call).collect::<Vec<_>>()
        };
        let again = [
            "remove-regions-from-replication",
            "replicate-secret-to-regions",
        ];
        let apart = calls(Some(side(&new)));
        assert_eq!(apart[0], "delete-secret");
        assert_eq!(apart[1..], again);
        assert_eq!(calls(None), again);
    }

    #[test]
    fn a_side_that_is_a_replica_again_needs_nothing() {
        let arn = secret("db", PRIMARY, None).arn;
        let (old, new) = (
            secret("db", PRIMARY, None),
            secret("db", THERE, Some(PRIMARY)),
        );
        let side = |secret| Side {
            secret,
            versions: &[],
        };
        let (there, standalone) = (region(THERE), secret("db", THERE, None));
        let way = way_back(&arn, &there, Some(side(&old)), Some(side(&new)), None);
        assert_eq!((way.standing, way.steps), (Standing::Restored, vec![]));
        let way = way_back(&arn, &there, None, Some(side(&standalone)), None);
        assert_eq!(way.standing, Standing::NoOldPrimary);
        assert!(way.steps.iter().all(|step| !step.destroys));
        let way = way_back(&arn, &there, Some(side(&old)), None, None);
        assert_eq!(way.standing, Standing::NoPromoted);
    }
}
