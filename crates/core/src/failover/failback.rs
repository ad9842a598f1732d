//! Decides what stands where after a failover, which of two values is newer, and the calls that make the former
//! primary Region the primary Region again.
//!
//! No decision reads or moves a value. Equal version IDs mean an equal value, because versions are immutable and a
//! replica has the version IDs of its primary secret (recorded for one pair). Different IDs only mean different
//! versions: their order follows from the versions that each side keeps, and not from `LastChangedDate`, which a
//! changed tag updates as well.
//!
//! | module | content |
//! |---|---|
//! | `compare` | which value is newer, and by which evidence |
//! | `step` | [`Step`]: a call that destroys nothing, or a step of a person |
//! | `steps` | the steps for each standing, in order |
//! | `commands` | the steps of people, with their commands |

mod commands;
mod compare;
mod step;
mod steps;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::secret::{KmsKey, Region, Secret, SecretArn};
pub(super) use commands::replicate;
pub use step::{Replication, Restoration, SafeCall, Step};

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

/// What a state file knows about a replica at the time of its promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtPromotion {
    /// The version with the label `AWSCURRENT`.
    pub version: String,
    /// The customer managed key. `None` is the AWS managed key.
    pub kms_key: Option<KmsKey>,
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
    /// Neither Region has such a secret.
    Gone,
    /// A side is scheduled for deletion.
    ScheduledForDeletion,
    /// Another secret has the name in one of the Regions.
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

impl WayBack {
    /// Returns the call that may be made now. `None` if a person's step comes first, or if no step is left: a later
    /// call rests on the steps before it.
    #[must_use]
    pub fn next_call(&self) -> Option<&SafeCall> {
        self.steps.first()?.call()
    }
}

/// Compares the two sides of a secret. `arn` is the ARN of the old primary secret, `from` the failover Region.
/// `at_promotion` is what a state file knows about the promotion.
#[must_use]
pub fn way_back(
    arn: &SecretArn,
    from: &Region,
    old_primary: Option<Side<'_>>,
    promoted: Option<Side<'_>>,
    at_promotion: Option<&AtPromotion>,
) -> WayBack {
    let to = arn.region();
    let mut sides = [old_primary, promoted].into_iter().flatten();
    let other = sides.find(|side| side.secret.arn.resource() != arn.resource());
    if let Some(other) = other {
        return name_taken(other.secret.arn.region());
    }
    let (standing, evidence) = match (old_primary, promoted) {
        (None, None) => (
            Standing::Gone,
            "neither Region has a secret of this name".to_owned(),
        ),
        (None, Some(_)) => (
            Standing::NoOldPrimary,
            format!("{to} has no secret of this name; the only value is in {from}"),
        ),
        (Some(_), None) => (
            Standing::NoPromoted,
            format!("{from} has no secret of this name; the only value is in {to}"),
        ),
        (Some(old), Some(new)) => {
            let standing = standing(old, new, at_promotion);
            let evidence = compare::evidence(&standing, old, new, at_promotion);
            (standing, evidence)
        }
    };
    let sides = steps::Sides {
        arn,
        from,
        old: old_primary,
        new: promoted,
        at_promotion,
    };
    WayBack {
        steps: sides.steps(&standing),
        standing,
        evidence,
    }
}

fn name_taken(region: &Region) -> WayBack {
    WayBack {
        standing: Standing::NameTaken,
        evidence: format!("{region} has another secret of this name, with another suffix"),
        steps: vec![commands::note(format!(
            "Decide which secret keeps the name in {region}. Delete or rename nothing before its readers are known."
        ))],
    }
}

fn standing(old: Side<'_>, new: Side<'_>, at_promotion: Option<&AtPromotion>) -> Standing {
    if new.secret.replica_of() == Some(old.secret.arn.region()) {
        Standing::Restored
    } else if old.secret.replica_of() == Some(new.secret.arn.region()) {
        Standing::Reversed
    } else if old.secret.scheduled_for_deletion || new.secret.scheduled_for_deletion {
        Standing::ScheduledForDeletion
    } else {
        let newer = compare::newer(old, new, at_promotion);
        Standing::Apart { newer }
    }
}

#[cfg(test)]
mod tests;
