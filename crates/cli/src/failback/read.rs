use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures_util::future::{join, try_join};
use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallErrorKind, Reader};
use secret_replicator_core::failover::failback::{Side, Version, WayBack, way_back};
use secret_replicator_core::secret::{Region, Secret, SecretArn, SecretId};
use tokio::time::Instant;

use super::{Arguments, Row, SideRow};
use crate::access::{Access, ApiError};
use crate::listing;
use crate::progress::Progress;
use crate::promotion_state::{PromotedSecret, PromotionState};

/// The timeout of a call with its retries.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The number of secrets that are read concurrently.
const AT_ONCE: usize = 8;

/// A secret to read on both sides.
struct Subject {
    name: String,
    /// The ARN of the old primary secret.
    arn: SecretArn,
    promoted: Option<PromotedSecret>,
}

/// A secret with its versions.
type Read = Option<(Secret, Vec<Version>)>;

/// Reads both sides of each secret of the state file, or of each secret that stands apart in both Regions.
///
/// # Errors
/// A Region cannot be read: the order of the calls would rest on a guess.
pub(super) async fn read(
    access: &Access,
    arguments: &Arguments,
    state: &PromotionState,
) -> anyhow::Result<Vec<Row>> {
    let Arguments {
        to, from, select, ..
    } = arguments;
    let old = access.in_region(to).reader();
    let new = access.in_region(from).reader();
    let mut subjects = of_lists(access, arguments).await?;
    for promoted in state.secrets() {
        if promoted.primary_arn.region() == to && promoted.name.starts_with(&select.name) {
            let resource = promoted.arn.resource().to_owned();
            subjects.insert(
                resource,
                Subject {
                    name: promoted.name.clone(),
                    arn: promoted.primary_arn.clone(),
                    promoted: Some(promoted.clone()),
                },
            );
        }
    }
    let rows = subjects
        .into_values()
        .map(|subject| row(&old, &new, from, subject));
    let mut rows = stream::iter(rows).buffered(AT_ONCE);
    let mut read = Vec::new();
    while let Some(row) = rows.next().await {
        read.push(row?);
    }
    read.sort_by(|one: &Row, other| one.name.cmp(&other.name));
    Ok(read)
}

/// Returns the secrets that both Regions have with the same suffix and that are not replicas of each other.
async fn of_lists(
    access: &Access,
    arguments: &Arguments,
) -> anyhow::Result<BTreeMap<String, Subject>> {
    let Arguments {
        to, from, select, ..
    } = arguments;
    // A Region that does not answer ends the command soon.
    let access = access.impatient();
    let old = access.in_region(to).reader();
    let new = access.in_region(from).reader();
    let progress = Progress::start();
    let filter = listing::by_prefix(select.name_prefix());
    let lists = join(
        listing::read(&old, to, filter.as_ref(), TIMEOUT, &progress),
        listing::read(&new, from, filter.as_ref(), TIMEOUT, &progress),
    )
    .await;
    progress.end();
    let failed = |region: &Region| {
        format!("failed to read {region}; a way back needs both Regions, so wait until it works")
    };
    let (there, _) = lists.0.with_context(|| failed(to))?.into_secrets();
    let (here, _) = lists.1.with_context(|| failed(from))?.into_secrets();
    let resources: BTreeSet<&str> = there.iter().map(|secret| secret.arn.resource()).collect();
    let apart = here.iter().filter(|secret| {
        resources.contains(secret.arn.resource())
            && secret.replica_of() != Some(to)
            && select.selects(&secret.name, &secret.tags)
    });
    let subjects = apart.map(|secret| {
        let subject = Subject {
            name: secret.name.clone(),
            arn: secret.arn.in_region(to),
            promoted: None,
        };
        (secret.arn.resource().to_owned(), subject)
    });
    Ok(subjects.collect())
}

async fn row(old: &Reader, new: &Reader, from: &Region, subject: Subject) -> anyhow::Result<Row> {
    let Subject {
        name,
        arn,
        promoted,
    } = subject;
    let there = SecretId::Name(name.clone());
    let here = SecretId::Arn(arn.in_region(from));
    let (old, new) = try_join(side(old, &there), side(new, &here)).await?;
    let version = promoted
        .as_ref()
        .map(|promoted| promoted.version_id.as_str());
    let WayBack {
        standing,
        evidence,
        steps,
    } = way_back(&arn, from, as_side(&old), as_side(&new), version);
    Ok(Row {
        name,
        standing,
        evidence,
        old_primary: old.as_ref().map(side_row),
        promoted: new.as_ref().map(side_row),
        version_at_promotion: version.map(str::to_owned),
        promoted_at: promoted.and_then(|promoted| promoted.promoted),
        steps,
    })
}

/// Reads a secret and its versions. `None` if the Region does not have it.
async fn side(reader: &Reader, id: &SecretId) -> anyhow::Result<Read> {
    let until = Instant::now() + TIMEOUT;
    let secret = match reader.describe(id, until).await {
        Ok(secret) => secret,
        Err(error) if error.kind == CallErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ApiError::from(&error).into()),
    };
    let versions = reader.versions(id, until).await;
    let versions = versions.map_err(|error| ApiError::from(&error))?;
    Ok(Some((secret, versions)))
}

fn as_side(read: &Read) -> Option<Side<'_>> {
    let (secret, versions) = read.as_ref()?;
    Some(Side { secret, versions })
}

fn side_row((secret, versions): &(Secret, Vec<Version>)) -> SideRow {
    let created = |version: &String| -> Option<DateTime<Utc>> {
        let mut versions = versions.iter();
        versions.find(|own| own.id == *version)?.created
    };
    SideRow {
        arn: secret.arn.to_string(),
        role: match secret.replica_of() {
            Some(_) => "replica",
            None if secret.replicas.is_empty() => "standalone",
            None => "primary",
        },
        version_created: secret.current_version.as_ref().and_then(created),
        version_id: secret.current_version.clone(),
        last_changed: secret.last_changed,
    }
}
