use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallErrorKind, DeletedSecrets, Reader};
use secret_replicator_core::failover::promotion::{NotPromoted, PromotionPlan, plan};
use secret_replicator_core::secret::{Region, Secret, SecretArn, SecretId};
use tokio::time::Instant;

use super::{Planned, Promotion};
use crate::access::ApiError;
use crate::listing;
use crate::progress::Progress;
use crate::promotion_state::{Known, PromotionState};

/// The timeout of a call with its retries.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The number of secrets that are described concurrently.
const DESCRIBED_AT_ONCE: usize = 16;

/// Reads the failover Region and the state file, and plans the promotions. Describes each secret that the list shows
/// absent or not fit: a list can be five minutes old, and does not contain secrets that are scheduled for deletion.
///
/// # Errors
/// The failover Region or the state file cannot be read.
pub(super) async fn read(promotion: &Promotion<'_>) -> anyhow::Result<Planned> {
    let reader = promotion.access.reader();
    let progress = Progress::start();
    let filter = listing::by_prefix(promotion.prefix);
    let listed = listing::read(
        &reader,
        promotion.to,
        filter.as_ref(),
        DeletedSecrets::Omitted,
        TIMEOUT,
        &progress,
    )
    .await;
    progress.end();
    let listed = listed.with_context(|| format!("failed to read the Region {}", promotion.to))?;
    let (mut found, time) = listed.into_secrets();
    let path = promotion.state.path(&known(promotion, &found))?;
    let state = promotion.state.read(path.as_deref())?;
    let first = planned(promotion, &found, &state);
    let (described, unreadable) = describe(&reader, &first).await;
    if !described.is_empty() {
        let is_described = |secret: &Secret| {
            let mut described = described.iter();
            described.any(|described| described.arn == secret.arn)
        };
        found.retain(|secret| !is_described(secret));
        found.extend(described);
    }
    let mut plan = planned(promotion, &found, &state);
    for left in &mut plan.left {
        if let Some(error) = unreadable.get(&left.name)
            && left.reason.is_fault()
        {
            left.reason = NotPromoted::Unreadable(error.clone());
        }
    }
    let path = match (path, plan.promote.first()) {
        // The replicas of the Region have several primary Regions, and those of the plan have one.
        (None, Some(candidate)) => promotion.state.path(&Known {
            account: Some(candidate.arn.account()),
            primary: Some(&candidate.primary_region),
        })?,
        (path, _) => path,
    };
    Ok(Planned {
        is_unsettled: !state.unsettled(&plan).is_empty(),
        plan,
        found,
        incomplete: time.error,
        path,
    })
}

/// Returns what the options, the secrets of the Region and the inventory say about the account and the primary
/// Region.
fn known<'a>(promotion: &'a Promotion<'_>, found: &'a [Secret]) -> Known<'a> {
    let entries = promotion.inventory.into_iter();
    let entries = entries.flat_map(|inventory| &inventory.secrets);
    let of_entries: BTreeSet<&Region> = entries.clone().map(|entry| entry.arn.region()).collect();
    let of_replicas = found.iter().filter_map(Secret::replica_of);
    let regions: BTreeSet<&Region> = match &promotion.selection.from {
        Some(from) => [from].into(),
        None => of_replicas.chain(of_entries).collect(),
    };
    let mut arns = found
        .iter()
        .map(|secret| &secret.arn)
        .chain(entries.map(|entry| &entry.arn));
    Known {
        account: arns.next().map(SecretArn::account),
        primary: regions.first().copied().filter(|_| regions.len() == 1),
    }
}

fn planned(promotion: &Promotion<'_>, found: &[Secret], state: &PromotionState) -> PromotionPlan {
    let Promotion {
        to,
        inventory,
        selection,
        ..
    } = promotion;
    plan(to, found, *inventory, &state.resources(), selection)
}

/// Describes the secrets that should be promoted and cannot be. Returns those that exist, and the errors of those that
/// could not be read, by name: one secret must not stop the others.
async fn describe(
    reader: &Reader,
    plan: &PromotionPlan,
) -> (Vec<Secret>, BTreeMap<String, String>) {
    let faults = plan.left.iter().filter(|left| left.reason.is_fault());
    let reads = faults.map(|left| async move {
        let id = SecretId::Name(left.name.clone());
        (
            &left.name,
            reader.describe(&id, Instant::now() + TIMEOUT).await,
        )
    });
    let mut reads = stream::iter(reads).buffer_unordered(DESCRIBED_AT_ONCE);
    let (mut described, mut unreadable) = (Vec::new(), BTreeMap::new());
    while let Some((name, read)) = reads.next().await {
        match read {
            Ok(secret) => described.push(secret),
            Err(error) if error.kind == CallErrorKind::NotFound => {}
            Err(error) => {
                unreadable.insert(name.clone(), ApiError::from(&error).to_string());
            }
        }
    }
    (described, unreadable)
}
