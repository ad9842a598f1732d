use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use secret_replicator_aws::{DeletedSecrets, ListedSecret};
use secret_replicator_core::failover::drill::{Expectation, ReplicaRequest, expectation};
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::failover::primary_of;
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::secret::{Region, Secret};

use super::Drill;
use crate::access::ApiError;
use crate::listing::{self, Listing};
use crate::report::Unread;
use crate::survey::ListTime;

/// The time for a page of a primary Region, which may be unavailable.
const PRIMARY_TIMEOUT: Duration = Duration::from_secs(15);

/// The rule of a secret that only the inventory names.
const OF_INVENTORY: &str = "(inventory)";

/// What says that a secret should be there.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) entry: Entry,
    /// The rules that cover it.
    pub(super) rules: BTreeSet<String>,
    /// The primary secret, if its Region answered.
    pub(super) primary: Option<Secret>,
    /// What the function does if the Region has no replica.
    pub(super) request: ReplicaRequest,
}

/// The secrets that the failover Region should have.
#[derive(Debug, Default)]
pub(super) struct AllExpected {
    pub(super) secrets: Vec<Expected>,
    /// The lists of the primary Regions.
    pub(super) lists: Vec<ListTime>,
    /// The primary Regions that did not answer.
    pub(super) unasked: Vec<Unread>,
    /// The primary Regions for which nothing but the replicas says which secrets should be there.
    pub(super) without_basis: BTreeSet<Region>,
    /// The entries of the inventory that the lists of the primary Regions do not show covered.
    pub(super) not_shown: Vec<Entry>,
}

/// Finds the secrets that the failover Region should have. `there` are the secrets that it has.
pub(super) async fn find(drill: &Drill<'_>, there: &[Secret]) -> AllExpected {
    let lists = drill
        .primary_regions
        .iter()
        .map(|region| read(drill, region));
    let lists = join_all(lists).await;
    let mut all = AllExpected::default();
    for (region, list) in drill.primary_regions.iter().zip(lists) {
        match list {
            Ok(listing) => all.add_primary(drill, region, listing),
            Err(error) => {
                all.unasked.push(Unread {
                    account: None,
                    region: region.clone(),
                    error: error.to_string(),
                });
                all.add_without_primary(drill, region, there);
            }
        }
    }
    all
}

async fn read(drill: &Drill<'_>, region: &Region) -> Result<Listing, ApiError> {
    let reader = drill.access.impatient().in_region(region).reader();
    let filter = filter(drill);
    listing::read(
        &reader,
        region,
        filter.as_ref(),
        DeletedSecrets::Omitted,
        PRIMARY_TIMEOUT,
        &drill.progress,
    )
    .await
}

fn filter(drill: &Drill<'_>) -> Option<ListFilter> {
    let by_prefix = listing::by_prefix(drill.select.name_prefix());
    by_prefix.or_else(|| drill.source.policy.list_filter())
}

impl AllExpected {
    fn add_primary(&mut self, drill: &Drill<'_>, region: &Region, listing: Listing) {
        let mut found = BTreeSet::new();
        for ListedSecret { secret, rotation } in listing.secrets {
            let Some(Expectation { rules, request }) = expects(drill, &secret) else {
                continue;
            };
            found.insert(secret.arn.resource().to_owned());
            if !drill.select.selects(&secret.name, &secret.tags) {
                continue;
            }
            self.secrets.push(Expected {
                entry: Entry::of_primary(&secret, rotation),
                rules,
                primary: Some(secret),
                request,
            });
        }
        let not_shown = entries(drill, region);
        let not_shown = not_shown.filter(|entry| !found.contains(entry.arn.resource()));
        self.not_shown.extend(not_shown.cloned());
        self.lists.push(listing.time);
    }

    fn add_without_primary(&mut self, drill: &Drill<'_>, region: &Region, there: &[Secret]) {
        if drill.inventory.is_some() {
            self.secrets
                .extend(entries(drill, region).map(|entry| Expected {
                    entry: entry.clone(),
                    rules: [OF_INVENTORY.to_owned()].into(),
                    primary: None,
                    request: ReplicaRequest::Unknown,
                }));
            return;
        }
        self.without_basis.insert(region.clone());
        let replicas = there.iter().filter(|secret| {
            secret.replica_of() == Some(region) && drill.select.selects(&secret.name, &secret.tags)
        });
        self.secrets.extend(replicas.filter_map(|replica| {
            let Expectation { rules, .. } = expects(drill, &primary_of(replica))?;
            Some(Expected {
                entry: Entry::of_replica(replica)?,
                rules,
                primary: None,
                request: ReplicaRequest::Unknown,
            })
        }));
    }
}

fn expects(drill: &Drill<'_>, primary: &Secret) -> Option<Expectation> {
    expectation(
        primary,
        &drill.source.policy,
        &drill.source.limits,
        drill.to,
    )
}

/// Returns the selected entries of the inventory whose primary secret is in this Region.
fn entries<'a>(drill: &Drill<'a>, region: &Region) -> impl Iterator<Item = &'a Entry> {
    let (select, region) = (drill.select, region.clone());
    let inventory = drill.inventory.into_iter();
    let entries = inventory.flat_map(|inventory| {
        let entries = inventory.secrets.iter();
        entries.map(move |entry| (inventory, entry))
    });
    entries.filter_map(move |(inventory, entry)| {
        let is_selected = *entry.arn.region() == region
            && entry.name.starts_with(&select.name)
            && inventory.may_have_tags(entry, &select.tag);
        is_selected.then_some(entry)
    })
}
