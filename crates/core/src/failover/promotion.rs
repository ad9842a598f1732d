//! Decides which replicas of a Region are promoted, and why the others are not.
//!
//! A promotion needs nothing of the primary Region. It cannot be undone by another call: `failback` says how a
//! primary Region gets its role back.

mod reason;

use std::collections::{BTreeMap, BTreeSet};

use crate::secret::{KmsKey, Region, RegionalSecret, Secret, SecretArn};

use super::inventory::{Entry, Inventory};
use super::{Found, has_tags};
pub use reason::NotPromoted;

/// Selects replicas.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The primary Region whose replicas are selected. `None` for every one.
    pub from: Option<Region>,
    /// The names or ARNs of the secrets. Empty for all.
    pub only: BTreeSet<String>,
    /// The text with which the names begin.
    pub name: String,
    /// The tags, each with its value or with any value.
    pub tags: Vec<(String, Option<String>)>,
    /// The maximum number of promotions. `None` for no limit.
    pub limit: Option<usize>,
}

impl Selection {
    /// Returns whether `only` contains a secret.
    fn names(&self, name: &str, resource: &str) -> bool {
        let is_named = |wanted: &String| {
            wanted == name || SecretArn::parse(wanted).is_ok_and(|arn| arn.resource() == resource)
        };
        self.only.iter().any(is_named)
    }

    fn has_name(&self, name: &str, resource: &str) -> bool {
        name.starts_with(&self.name) && (self.only.is_empty() || self.names(name, resource))
    }
}

/// A replica to promote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The name.
    pub name: String,
    /// The ARN in the failover Region.
    pub arn: SecretArn,
    /// The Region of its primary secret.
    pub primary_region: Region,
    /// The version with the label `AWSCURRENT`.
    pub version_id: String,
    /// The customer managed key. `None` is the AWS managed key.
    pub kms_key: Option<KmsKey>,
}

/// A secret that is not promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The name.
    pub name: String,
    /// The ARN in the failover Region. `None` if only a name is known.
    pub arn: Option<SecretArn>,
    /// Why.
    pub reason: NotPromoted,
}

/// What a promotion would do in a Region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromotionPlan {
    /// The replicas to promote, by name.
    pub promote: Vec<Candidate>,
    /// The other secrets, by name.
    pub left: Vec<Left>,
    /// The numbers of selected replicas by the Region of their primary secrets, those above the limit included. More
    /// than one Region needs a decision of the operator: the replication from a Region that works would end.
    pub primary_regions: BTreeMap<Region, usize>,
}

/// Judges one secret that the Region shows, immediately before its promotion too. `from` is the primary Region whose
/// replicas are promoted; `None` for every one.
///
/// # Errors
/// Why the secret must not be promoted.
pub fn judge(found: &Secret, from: Option<&Region>) -> Result<Candidate, NotPromoted> {
    let primary_region = found.replica_of().ok_or(NotPromoted::AlreadyStandalone)?;
    if from.is_some_and(|from| from != primary_region) {
        return Err(NotPromoted::OtherPrimaryRegion(primary_region.clone()));
    }
    if found.scheduled_for_deletion {
        return Err(NotPromoted::ScheduledForDeletion);
    }
    let version = found.current_version.as_ref();
    Ok(Candidate {
        name: found.name.clone(),
        arn: found.arn.clone(),
        primary_region: primary_region.clone(),
        version_id: version.ok_or(NotPromoted::NoCurrentVersion)?.clone(),
        kms_key: found.encryption.customer_key().cloned(),
    })
}

/// Returns whether a read shows a promoted secret that can be read: standalone, with a current version.
#[must_use]
pub fn is_promoted(found: &Secret) -> bool {
    found.replica_of().is_none() && found.has_value()
}

/// Plans the promotions in a Region. `found` is what the Region shows. `promoted` are the resources (name and suffix)
/// that an earlier run promoted.
///
/// With an inventory, exactly its secrets are promoted, and absent ones are named. Without one, the replicas that the
/// Region shows are promoted, and absent secrets are unknown.
#[must_use]
pub fn plan(
    region: &Region,
    found: &[Secret],
    inventory: Option<&Inventory>,
    promoted: &BTreeSet<String>,
    selection: &Selection,
) -> PromotionPlan {
    let mut judged = match inventory {
        Some(inventory) => of_inventory(region, found, inventory, selection),
        None => of_region(found, promoted, selection),
    };
    judged.extend(absent_names(&judged, found, selection));
    judged.sort_by(|one, other| one.name.cmp(&other.name));
    let mut plan = PromotionPlan::default();
    let limit = selection.limit.unwrap_or(usize::MAX);
    for Judged { name, arn, result } in judged {
        if let Ok(candidate) = &result {
            let region = candidate.primary_region.clone();
            *plan.primary_regions.entry(region).or_default() += 1;
        }
        let reason = match result {
            Ok(candidate) if plan.promote.len() < limit => {
                plan.promote.push(candidate);
                continue;
            }
            Ok(_) => NotPromoted::LimitReached,
            Err(reason) => reason,
        };
        plan.left.push(Left { name, arn, reason });
    }
    plan
}

/// A secret with its judgment.
struct Judged {
    name: String,
    arn: Option<SecretArn>,
    result: Result<Candidate, NotPromoted>,
}

impl Judged {
    fn of(found: &Secret, result: Result<Candidate, NotPromoted>) -> Self {
        Self {
            name: found.name.clone(),
            arn: Some(found.arn.clone()),
            result,
        }
    }

    /// Judges a secret by the filters first.
    fn selected(found: &Secret, selection: &Selection) -> Self {
        let is_selected = selection.has_name(&found.name, found.arn.resource())
            && has_tags(&found.tags, &selection.tags);
        let result = if is_selected {
            judge(found, selection.from.as_ref())
        } else {
            Err(NotPromoted::NotSelected)
        };
        Self::of(found, result)
    }
}

/// Judges the secrets of an inventory, and names the replicas that it does not contain.
fn of_inventory(
    region: &Region,
    found: &[Secret],
    inventory: &Inventory,
    selection: &Selection,
) -> Vec<Judged> {
    let entries = inventory.by_resource();
    let there = Found::new(found);
    let of_entry = |entry: &&Entry| {
        let absent = |reason| Judged {
            name: entry.name.clone(),
            arn: Some(entry.arn.in_region(region)),
            result: Err(reason),
        };
        if !selection.has_name(&entry.name, entry.arn.resource())
            || !inventory.may_have_tags(entry, &selection.tags)
        {
            return absent(NotPromoted::NotSelected);
        }
        let other_region = selection
            .from
            .as_ref()
            .filter(|from| *from != entry.arn.region());
        if other_region.is_some() {
            return absent(NotPromoted::OtherPrimaryRegion(entry.arn.region().clone()));
        }
        match there.get(entry.arn.resource(), &entry.name) {
            None => absent(NotPromoted::Absent),
            Some(found) => match RegionalSecret::of(&entry.arn, found, None) {
                RegionalSecret::ReplicaOfAnotherRegion
                | RegionalSecret::OtherSecret
                | RegionalSecret::Absent => absent(NotPromoted::NameTaken),
                RegionalSecret::Replica { .. } => Judged::selected(found, selection),
                RegionalSecret::PromotedReplica => {
                    Judged::of(found, Err(NotPromoted::AlreadyStandalone))
                }
            },
        }
    };
    let unknown = found.iter().filter_map(|found| {
        let is_named = selection.names(&found.name, found.arn.resource());
        let concerns = found.replica_of().is_some() || is_named;
        let is_unknown = concerns && !entries.contains_key(found.arn.resource());
        let reason = NotPromoted::NotInInventory { is_named };
        is_unknown.then(|| Judged::of(found, Err(reason)))
    });
    entries.values().map(of_entry).chain(unknown).collect()
}

/// Judges the replicas of a Region, and the secrets that an earlier run promoted. Other standalone secrets are none
/// of the promotion's business, unless a filter names them.
fn of_region(found: &[Secret], promoted: &BTreeSet<String>, selection: &Selection) -> Vec<Judged> {
    let concerns = |found: &&Secret| {
        let is_named = selection.names(&found.name, found.arn.resource());
        found.replica_of().is_some() || promoted.contains(found.arn.resource()) || is_named
    };
    let concerned = found.iter().filter(concerns);
    concerned
        .map(|found| Judged::selected(found, selection))
        .collect()
}

/// Returns the names and ARNs of the selection that no secret has.
fn absent_names(judged: &[Judged], found: &[Secret], selection: &Selection) -> Vec<Judged> {
    let is_known = |wanted: &&String| {
        let wanted_arn = SecretArn::parse(wanted).ok();
        let resource = wanted_arn.as_ref().map(SecretArn::resource);
        let names = |name: &str, arn: Option<&SecretArn>| {
            name == wanted.as_str()
                || (resource.is_some() && resource == arn.map(SecretArn::resource))
        };
        found
            .iter()
            .any(|found| names(&found.name, Some(&found.arn)))
            || judged
                .iter()
                .any(|judged| names(&judged.name, judged.arn.as_ref()))
    };
    let absent = selection.only.iter().filter(|wanted| !is_known(wanted));
    let judged = absent.map(|wanted| Judged {
        name: wanted.clone(),
        arn: SecretArn::parse(wanted).ok(),
        result: Err(NotPromoted::Absent),
    });
    judged.collect()
}

#[cfg(test)]
mod tests;
