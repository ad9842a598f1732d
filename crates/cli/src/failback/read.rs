use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::{join, try_join};
use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallErrorKind, DeletedSecrets, Reader};
use secret_replicator_core::failover::failback::{AtPromotion, Side, Version, WayBack, way_back};
use secret_replicator_core::secret::{KmsKey, Region, Secret, SecretArn, SecretId};
use tokio::time::Instant;

use super::Arguments;
use super::report::Row;
use crate::access::{Access, ApiError};
use crate::listing;
use crate::progress::Progress;
use crate::promotion_state::{PromotedSecret, PromotionState};
use crate::select::SelectOptions;

/// The timeout of a call with its retries.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The number of secrets that are read concurrently.
const AT_ONCE: usize = 8;

/// A secret to read on both sides.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    /// The ARN of the old primary secret.
    arn: SecretArn,
    /// What the state file knows.
    pub(super) promoted: Option<PromotedSecret>,
}

/// A secret with its versions. `None` if the Region does not have it.
pub(super) type Read = Option<(Secret, Vec<Version>)>;

/// Both sides of a secret, with the way back.
#[derive(Debug)]
pub(super) struct Both {
    pub(super) old: Read,
    pub(super) new: Read,
    pub(super) way: WayBack,
}

impl Both {
    /// Returns whether a side has the tags of `--tag`. A secret that neither Region has may have had them.
    fn may_have_tags(&self, select: &SelectOptions) -> bool {
        let mut sides = [&self.old, &self.new].into_iter().flatten().peekable();
        let has_tags = |(secret, _): &(Secret, _)| select.selects(&secret.name, &secret.tags);
        sides.peek().is_none() || sides.any(has_tags)
    }
}

/// The readers of both Regions.
pub(super) struct Sides {
    pub(super) from: Region,
    pub(super) to: Region,
    old: Reader,
    new: Reader,
}

impl Sides {
    pub(super) fn new(access: &Access, to: &Region, from: &Region) -> Self {
        Self {
            from: from.clone(),
            to: to.clone(),
            old: access.in_region(to).reader(),
            new: access.in_region(from).reader(),
        }
    }

    /// Reads both sides of a secret by its name, so that another secret of the name is found, too.
    ///
    /// # Errors
    /// A side cannot be read: the order of the calls would rest on a guess.
    pub(super) async fn read(&self, subject: &Subject) -> anyhow::Result<Both> {
        let id = SecretId::Name(subject.name.clone());
        let (old, new) = try_join(side(&self.old, &id), side(&self.new, &id)).await?;
        let at_promotion = subject.promoted.as_ref().map(at_promotion);
        let way = way_back(
            &subject.arn,
            &self.from,
            as_side(&old),
            as_side(&new),
            at_promotion.as_ref(),
        );
        Ok(Both { old, new, way })
    }

    /// Returns the reader of one of the two Regions.
    pub(super) fn reader(&self, region: &Region) -> &Reader {
        if *region == self.to {
            &self.old
        } else {
            &self.new
        }
    }
}

/// The lists of both Regions.
pub(super) struct Lists {
    old: Vec<Secret>,
    new: Vec<Secret>,
}

impl Lists {
    /// Returns the account of the secrets, if there is one.
    pub(super) fn account(&self) -> Option<&str> {
        let secret = self.old.first().or(self.new.first())?;
        Some(secret.arn.account())
    }

    /// Returns whether the failover Region has selected replicas of the old primary Region.
    pub(super) fn has_replicas(&self, arguments: &Arguments) -> bool {
        let Arguments { to, select, .. } = arguments;
        self.new.iter().any(|secret| {
            secret.replica_of() == Some(to) && select.selects(&secret.name, &secret.tags)
        })
    }

    /// Returns the selected secrets that both Regions have with the same suffix and that are not replicas of each
    /// other.
    fn subjects(&self, arguments: &Arguments) -> BTreeMap<String, Subject> {
        let Arguments { to, select, .. } = arguments;
        let old = self.old.iter().map(|secret| secret.arn.resource());
        let old: BTreeSet<&str> = old.collect();
        let apart = self.new.iter().filter(|secret| {
            old.contains(secret.arn.resource())
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
        subjects.collect()
    }
}

/// Reads the lists of both Regions.
///
/// # Errors
/// A Region cannot be read.
pub(super) async fn lists(access: &Access, arguments: &Arguments) -> anyhow::Result<Lists> {
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
        listing::read(
            &old,
            to,
            filter.as_ref(),
            DeletedSecrets::Included,
            TIMEOUT,
            &progress,
        ),
        listing::read(
            &new,
            from,
            filter.as_ref(),
            DeletedSecrets::Included,
            TIMEOUT,
            &progress,
        ),
    )
    .await;
    progress.end();
    let failed = |region: &Region| {
        format!("failed to read {region}; a way back needs both Regions, so wait until it works")
    };
    let (old, _) = lists.0.with_context(|| failed(to))?.into_secrets();
    let (new, _) = lists.1.with_context(|| failed(from))?.into_secrets();
    Ok(Lists { old, new })
}

/// Reads both sides of each secret of the state file, and of each secret that stands apart in both Regions.
///
/// # Errors
/// A Region cannot be read.
pub(super) async fn rows(
    sides: &Sides,
    lists: &Lists,
    arguments: &Arguments,
    state: &PromotionState,
) -> anyhow::Result<Vec<Row>> {
    let Arguments { to, select, .. } = arguments;
    let mut subjects = lists.subjects(arguments);
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
    let reads = subjects.into_values().map(|subject| async move {
        let both = sides.read(&subject).await?;
        let is_selected = both.may_have_tags(select);
        anyhow::Ok(is_selected.then(|| Row::new(subject, &both)))
    });
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    let mut rows = Vec::new();
    while let Some(row) = reads.next().await {
        rows.extend(row?);
    }
    rows.sort_by(|one: &Row, other| one.name.cmp(&other.name));
    Ok(rows)
}

/// Reads a secret and its versions.
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

fn at_promotion(promoted: &PromotedSecret) -> AtPromotion {
    AtPromotion {
        version: promoted.version_id.clone(),
        kms_key: promoted.kms_key.as_deref().map(KmsKey::new),
    }
}
