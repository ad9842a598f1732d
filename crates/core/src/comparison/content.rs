use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::limits::Limits;
use crate::plan::{Decision, Plan, Step, decide};
use crate::policy::Policy;
use crate::secret::{Region, Replica, ReplicaStatus, Secret};

/// The age of a change from which the lists show it everywhere. A list can be five minutes old (Secrets
/// Manager API reference, `ListSecrets`), and a replication takes seconds.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The result of comparing a secret in the primary Region's list with the lists of other Regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The policy does not cover the secret.
    NotCovered,
    /// These Regions, all that the policy wants, show a replica with the content of the secret, and no
    /// Region that was read shows an unwanted one.
    InSync(BTreeSet<Region>),
    /// The lists do not show that the secret is in sync.
    Differs(Differences),
}

/// What keeps the lists from showing that a secret is in sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// A reason that concerns the secret itself.
    pub secret: Option<SecretDifference>,
    /// The reasons by Region.
    pub regions: BTreeMap<Region, RegionDifference>,
}

impl Differences {
    /// Returns whether a Region shows no replica, or one with another version than the secret has had for some
    /// time. The primary secret may nevertheless report a replica in sync there.
    #[must_use]
    pub fn may_contradict_status(&self) -> bool {
        let contradicts = |difference: &RegionDifference| {
            matches!(
                difference,
                RegionDifference::OtherVersion | RegionDifference::Missing
            )
        };
        self.secret != Some(SecretDifference::Young) && self.regions.values().any(contradicts)
    }
}

/// Why the lists cannot show that a secret is in sync, in whichever Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretDifference {
    /// The secret changed less than ten minutes ago, or at an unknown time.
    Young,
    /// The list shows no version with the label `AWSCURRENT`.
    NoCurrentVersion,
    /// A tag of the secret contains a token that is not a Region.
    BadToken,
}

/// Why a Region's list does not show a replica in sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionDifference {
    /// The list shows no replica of the secret.
    Missing,
    /// The list was not read.
    Unread,
    /// The replica has another current version.
    OtherVersion,
    /// The list does not show the replica's current version.
    UnknownVersion,
    /// The replica has other tags.
    OtherTags,
    /// The policy does not want the replica.
    Unwanted,
    /// The policy or the settings refuse the Region, or the replica's key.
    Refused,
}

/// What a Region's list shows of a secret.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown<'a> {
    /// The replica.
    Replica(&'a Secret),
    /// Nothing.
    Nothing,
    /// Nothing, because a part of the list could not be read.
    Unreadable,
}

impl Comparison {
    /// Returns whether a list that was read does not show a replica that the policy wants in the Region.
    pub(super) fn is_missing_in(&self, region: &Region) -> bool {
        matches!(
            self,
            Self::Differs(differences)
                if differences.regions.get(region) == Some(&RegionDifference::Missing)
        )
    }
}

/// Compares a secret with what the lists of other Regions show of it.
pub(super) fn compare(
    secret: &Secret,
    shown: &BTreeMap<&Region, Shown<'_>>,
    policy: &Policy,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Comparison {
    let replicas = replicas(secret, shown);
    let Decision::Act(plan) = decide(&with_replicas(secret, &replicas), policy, limits) else {
        return Comparison::NotCovered;
    };
    let differs = |(region, step): (&Region, &Step)| {
        let difference = difference(secret, step, replicas.get(region).copied())?;
        let is_unread = matches!(shown.get(region), None | Some(Shown::Unreadable));
        let difference = match difference {
            RegionDifference::Missing if is_unread => RegionDifference::Unread,
            difference => difference,
        };
        Some((region.clone(), difference))
    };
    let differences = Differences {
        secret: secret_difference(secret, &plan, now),
        regions: plan.steps.iter().filter_map(differs).collect(),
    };
    if differences == Differences::default() {
        let kept = |(region, step): (&Region, &Step)| {
            matches!(step, Step::Keep(_)).then(|| region.clone())
        };
        return Comparison::InSync(plan.steps.iter().filter_map(kept).collect());
    }
    Comparison::Differs(differences)
}

/// Returns the entries that are replicas of the secret, by Region.
fn replicas<'a>(
    secret: &Secret,
    shown: &BTreeMap<&'a Region, Shown<'a>>,
) -> BTreeMap<&'a Region, &'a Secret> {
    let replica = |(region, shown): (&&'a Region, &Shown<'a>)| match *shown {
        Shown::Replica(entry)
            if entry.replica_of() == Some(secret.arn.region())
                && entry.arn.region() == *region
                && entry.arn.resource() == secret.arn.resource()
                && !entry.scheduled_for_deletion =>
        {
            Some((*region, entry))
        }
        _ => None,
    };
    shown.iter().filter_map(replica).collect()
}

/// Returns the secret as `DescribeSecret` would return it if all replicas in the lists were in sync.
fn with_replicas(secret: &Secret, replicas: &BTreeMap<&Region, &Secret>) -> Secret {
    let in_sync = |(region, entry): (&&Region, &&Secret)| {
        let replica = Replica {
            status: ReplicaStatus::InSync,
            message: None,
            kms_key: Some(entry.encryption.key().to_string()),
        };
        ((*region).clone(), replica)
    };
    Secret {
        replicas: replicas.iter().map(in_sync).collect(),
        ..secret.clone()
    }
}

fn secret_difference(secret: &Secret, plan: &Plan, now: DateTime<Utc>) -> Option<SecretDifference> {
    let is_settled = |changed: DateTime<Utc>| now - changed > SETTLED_AFTER;
    if !secret.last_changed.is_some_and(is_settled) {
        Some(SecretDifference::Young)
    } else if !secret.has_value() {
        Some(SecretDifference::NoCurrentVersion)
    } else {
        (!plan.bad_tokens.is_empty()).then_some(SecretDifference::BadToken)
    }
}

/// Returns why the step shows that the Region is not in the wanted state. `None` if it is.
fn difference(secret: &Secret, step: &Step, entry: Option<&Secret>) -> Option<RegionDifference> {
    match step {
        Step::Keep(_) => content_difference(secret, entry?),
        Step::Replicate(_) | Step::Retry(_) => Some(RegionDifference::Missing),
        Step::Refuse(refusal, existing) => {
            (!refusal.is_intended(existing.as_ref())).then_some(RegionDifference::Refused)
        }
        Step::ReportFailure(..) => Some(RegionDifference::Refused),
        Step::Remove(..) | Step::AwaitRemoval(..) | Step::Retain(..) => {
            Some(RegionDifference::Unwanted)
        }
    }
}

/// Versions are immutable, and a replica has the version IDs of its primary secret, so equal IDs show
/// that the value has arrived.
fn content_difference(secret: &Secret, replica: &Secret) -> Option<RegionDifference> {
    match &replica.current_version {
        None => Some(RegionDifference::UnknownVersion),
        version if *version != secret.current_version => Some(RegionDifference::OtherVersion),
        _ => (!own_tags(secret).eq(own_tags(replica))).then_some(RegionDifference::OtherTags),
    }
}

/// Returns the tags without those of AWS services, which are not replicated.
fn own_tags(secret: &Secret) -> impl Iterator<Item = (&String, &String)> {
    secret
        .tags
        .iter()
        .filter(|(key, _)| !key.starts_with("aws:"))
}
