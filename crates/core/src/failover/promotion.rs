//! Decides which replicas of a Region are promoted, and why the others are not.
//!
//! A promotion needs nothing of the primary Region. It cannot be undone by another call: `failback` says how a
//! primary Region gets its role back.

use std::collections::{BTreeMap, BTreeSet};

use crate::secret::{KmsKey, Region, RegionalSecret, Secret, SecretArn};

use super::inventory::{Entry, Inventory};
use super::{Found, has_tags};

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
    fn has_name(&self, name: &str, resource: &str) -> bool {
        let is_named = |wanted: &String| {
            wanted == name || SecretArn::parse(wanted).is_ok_and(|arn| arn.resource() == resource)
        };
        name.starts_with(&self.name) && (self.only.is_empty() || self.only.iter().any(is_named))
    }
}

/// Why a secret is not promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPromoted {
    /// The Region has no secret of the name.
    Absent,
    /// Another secret has the name.
    NameTaken,
    /// The replica is scheduled for deletion.
    ScheduledForDeletion,
    /// No version has the label `AWSCURRENT`.
    NoCurrentVersion,
    /// It is a standalone secret: it was promoted before, or was never a replica.
    AlreadyStandalone,
    /// It is a replica of a primary secret in this other Region.
    OtherPrimaryRegion(Region),
    /// It could not be read. Contains the error.
    Unreadable(String),
    /// The inventory does not contain it.
    NotInInventory,
    /// The filters do not select it.
    NotSelected,
    /// The limit is reached.
    LimitReached,
}

impl NotPromoted {
    /// Returns the code in reports.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent => "replica-missing",
            Self::NameTaken => "name-already-exists",
            Self::ScheduledForDeletion => "scheduled-for-deletion",
            Self::NoCurrentVersion => "no-current-version",
            Self::AlreadyStandalone => "already-standalone",
            Self::OtherPrimaryRegion(_) => "other-primary-region",
            Self::Unreadable(_) => "unreadable",
            Self::NotInInventory => "not-in-inventory",
            Self::NotSelected => "not-selected",
            Self::LimitReached => "limit-reached",
        }
    }

    /// Returns whether the secret should have been promoted and cannot be.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Absent
            | Self::NameTaken
            | Self::ScheduledForDeletion
            | Self::NoCurrentVersion
            | Self::Unreadable(_) => true,
            Self::AlreadyStandalone
            | Self::OtherPrimaryRegion(_)
            | Self::NotInInventory
            | Self::NotSelected
            | Self::LimitReached => false,
        }
    }

    /// Explains the code, and says what to do where there is something to do.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Absent => {
                "the Region has no secret of this name: the replica failed, was never requested, or was removed; \
                 create the secret there from a backup or from the system that issues its value"
                    .to_owned()
            }
            Self::NameTaken => {
                "another secret of this name is in the Region, with another suffix: it is not the replica"
                    .to_owned()
            }
            Self::ScheduledForDeletion => {
                "the replica is scheduled for deletion: restore it with `aws secretsmanager restore-secret`, \
                 and promote again"
                    .to_owned()
            }
            Self::NoCurrentVersion => {
                "no version of the replica has the label AWSCURRENT, so there is no value to promote: the \
                 replication failed or had not ended; wait, or create the secret from the system that issues \
                 its value"
                    .to_owned()
            }
            Self::AlreadyStandalone => "it is already a standalone secret".to_owned(),
            Self::OtherPrimaryRegion(region) => {
                format!("it is a replica of a primary secret in {region}")
            }
            Self::Unreadable(error) => format!("it could not be read: {error}; run the command again"),
            Self::NotInInventory => {
                "the inventory does not contain it: save a new one, or name it with `--only` and without \
                 `--inventory`"
                    .to_owned()
            }
            Self::NotSelected => "the filters do not select it".to_owned(),
            Self::LimitReached => "`--limit` is reached: run the command again".to_owned(),
        }
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

impl PromotionPlan {
    /// Returns whether a secret should be promoted and cannot be.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.left.iter().any(|left| left.reason.is_fault())
    }
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
                RegionalSecret::OtherSecret | RegionalSecret::Absent => {
                    absent(NotPromoted::NameTaken)
                }
                RegionalSecret::Replica { .. } => Judged::selected(found, selection),
                RegionalSecret::PromotedReplica => {
                    Judged::of(found, Err(NotPromoted::AlreadyStandalone))
                }
            },
        }
    };
    let unknown = found.iter().filter(|found| {
        found.replica_of().is_some() && !entries.contains_key(found.arn.resource())
    });
    let unknown = unknown.map(|found| Judged::of(found, Err(NotPromoted::NotInInventory)));
    entries.values().map(of_entry).chain(unknown).collect()
}

/// Judges the replicas of a Region, and the secrets that an earlier run promoted. Other standalone secrets are none
/// of the promotion's business, unless a filter names them.
fn of_region(found: &[Secret], promoted: &BTreeSet<String>, selection: &Selection) -> Vec<Judged> {
    let concerns = |found: &&Secret| {
        let is_named =
            !selection.only.is_empty() && selection.has_name(&found.name, found.arn.resource());
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
mod tests {
    use chrono::DateTime;

    use super::super::tests::{PRIMARY, THERE, region, secret};
    use super::*;

    fn replica(name: &str) -> Secret {
        secret(name, THERE, Some(PRIMARY))
    }

    fn tagged(name: &str, team: &str) -> Secret {
        let mut secret = replica(name);
        secret.tags.insert("team".to_owned(), team.to_owned());
        secret
    }

    fn inventory(names: &[&str]) -> Inventory {
        let entries = names
            .iter()
            .map(|name| Entry::of_primary(&secret(name, PRIMARY, None), None));
        let saved = DateTime::UNIX_EPOCH;
        Inventory::new(region(THERE), saved, BTreeSet::new(), entries.collect())
    }

    fn planned(
        found: &[Secret],
        inventory: Option<&Inventory>,
        selection: &Selection,
    ) -> (Vec<String>, Vec<String>) {
        let plan = plan(
            &region(THERE),
            found,
            inventory,
            &BTreeSet::new(),
            selection,
        );
        let promote = plan.promote.into_iter().map(|candidate| candidate.name);
        let left = plan.left.into_iter();
        let left = left.map(|left| format!("{} {}", left.name, left.reason.code()));
        (promote.collect(), left.collect())
    }

    #[test]
    fn without_an_inventory_the_replicas_of_the_region_are_promoted() {
        let found = [replica("b"), replica("a"), secret("own", THERE, None)];
        let (promote, left) = planned(&found, None, &Selection::default());
        assert_eq!((promote, left), (vec!["a".into(), "b".into()], vec![]));
    }

    #[test]
    fn an_inventory_names_what_is_absent_and_leaves_what_it_does_not_contain() {
        let mut empty = replica("empty");
        empty.current_version = None;
        let mut deleted = replica("deleted");
        deleted.scheduled_for_deletion = true;
        let mut taken = replica("taken");
        taken.arn = SecretArn::parse(&taken.arn.as_str().replace("AbCdEf", "Others")).unwrap();
        let found = [
            replica("a"),
            replica("new"),
            secret("done", THERE, None),
            secret("own", THERE, None),
            empty,
            deleted,
            taken,
        ];
        let inventory = inventory(&["a", "absent", "done", "empty", "deleted", "taken"]);
        let (promote, left) = planned(&found, Some(&inventory), &Selection::default());
        assert_eq!(promote, ["a"]);
        let expected = [
            "absent replica-missing",
            "deleted scheduled-for-deletion",
            "done already-standalone",
            "empty no-current-version",
            "new not-in-inventory",
            "taken name-already-exists",
            "taken not-in-inventory",
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn filters_select_and_a_limit_leaves_the_rest() {
        let found = [tagged("a/1", "x"), tagged("a/2", "x"), tagged("b", "y")];
        let selection = Selection {
            tags: vec![("team".to_owned(), Some("x".to_owned()))],
            limit: Some(1),
            ..Selection::default()
        };
        let (promote, left) = planned(&found, None, &selection);
        assert_eq!(promote, ["a/1"]);
        assert_eq!(left, ["a/2 limit-reached", "b not-selected"]);
        let named = Selection {
            only: ["b".to_owned(), "c".to_owned()].into(),
            ..Selection::default()
        };
        let (promote, left) = planned(&found, None, &named);
        assert_eq!(promote, ["b"]);
        let expected = ["a/1 not-selected", "a/2 not-selected", "c replica-missing"];
        assert_eq!(left, expected);
    }

    #[test]
    fn a_replica_of_a_region_that_works_is_not_promoted() {
        let found = [replica("a"), secret("b", THERE, Some("us-west-2"))];
        let regions = |selection: &Selection| {
            let region = region(THERE);
            let plan = plan(&region, &found, None, &BTreeSet::new(), selection);
            let regions = plan.primary_regions.into_keys();
            regions.collect::<Vec<_>>()
        };
        assert_eq!(regions(&Selection::default()).len(), 2);
        let selection = Selection {
            from: Some(region(PRIMARY)),
            ..Selection::default()
        };
        assert_eq!(regions(&selection), [region(PRIMARY)]);
        let (_, left) = planned(&found, None, &selection);
        assert_eq!(left, ["b other-primary-region"]);
    }

    #[test]
    fn an_absent_secret_whose_tag_the_inventory_lacks_is_named() {
        let selection = Selection {
            tags: vec![("team".to_owned(), None)],
            ..Selection::default()
        };
        let (_, left) = planned(&[], Some(&inventory(&["a"])), &selection);
        assert_eq!(left, ["a replica-missing"]);
    }
}
