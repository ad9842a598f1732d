//! Reads the secrets of a primary Region and of its replica Regions. Never writes.
//!
//! | module | content |
//! |---|---|
//! | `clients` | one client per Region of an account |
//! | `lists` | the lists of the Regions, compared page by page |
//! | `describe` | describes the secrets that the lists do not show in sync |

mod clients;
mod describe;
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::Reader;
use secret_replicator_core::comparison::{Comparison, listed_regions};
use secret_replicator_core::limits::Limits;
use secret_replicator_core::plan::{decide, removes};
use secret_replicator_core::policy::Policy;
use secret_replicator_core::secret::{Region, RegionalSecret, Secret};
use serde::Serialize;
use tokio::time::Instant;

use crate::access::ApiError;
use crate::coverage::{Coverage, Found, There};
use crate::progress::Progress;
pub(crate) use clients::Clients;
use lists::{ComparedPage, Lists};

/// The timeout of one call with its retries.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);

/// The number of secrets of one primary Region that are described concurrently.
const DESCRIBED_AT_ONCE: usize = 32;

/// What to read, and how to judge it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The policy.
    pub(crate) policy: &'a Policy,
    /// The limits from the function's settings.
    pub(crate) limits: &'a Limits,
    /// Whether to describe every covered secret, as a thorough sweep does.
    pub(crate) thorough: bool,
    /// Whether to read secrets that the policy cannot cover, too.
    pub(crate) all_secrets: bool,
    /// The text with which the names begin. Empty for every name.
    pub(crate) name_prefix: &'a str,
}

/// A Region's list that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ListTime {
    /// The account.
    pub(crate) account: Option<String>,
    /// The primary Region for which the list was read.
    pub(crate) primary_region: Region,
    /// The Region of the list.
    pub(crate) region: Region,
    /// The time of the first page.
    pub(crate) started: DateTime<Utc>,
    /// The time of the last page.
    pub(crate) ended: DateTime<Utc>,
    /// Why the list is incomplete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// The survey of one primary Region.
#[derive(Debug)]
pub(crate) struct Survey<'a> {
    pub(crate) clients: &'a Clients,
    pub(crate) primary_region: &'a Region,
    pub(crate) scope: Scope<'a>,
    pub(crate) progress: &'a Progress,
}

impl Survey<'_> {
    /// Reads every secret. Calls `on_secret` for each one that the policy may cover, with its tags. Returns the
    /// times of the lists.
    ///
    /// # Errors
    /// The primary Region's list cannot be read.
    pub(crate) async fn run(
        &self,
        on_secret: impl Fn(&Secret, Coverage),
    ) -> Result<Vec<ListTime>, ApiError> {
        let mut lists = Lists::new(self, self.regions());
        while let Some(page) = lists.next_page().await? {
            self.progress.add(page.secrets.len());
            let works = page
                .secrets
                .iter()
                .enumerate()
                .map(|(index, secret)| self.cover(secret, &page, index));
            let mut covered = stream::iter(works).buffered(DESCRIBED_AT_ONCE);
            while let Some(done) = covered.next().await {
                if let Some((secret, coverage)) = done {
                    on_secret(&secret, coverage);
                }
            }
        }
        Ok(lists.times())
    }

    /// Returns the Regions whose lists are compared. Empty if no list can be chosen in advance.
    fn regions(&self) -> BTreeSet<Region> {
        let Scope { policy, limits, .. } = self.scope;
        listed_regions(policy, limits, self.primary_region).unwrap_or_default()
    }

    fn client(&self) -> Reader {
        self.clients.in_region(self.primary_region)
    }

    /// Returns whether a Region that should have no replica may have a failed or a former one. Only the primary secret
    /// shows whether another secret of its name has made a replication fail.
    fn may_remove(&self, found: &Found) -> bool {
        let Scope { policy, limits, .. } = self.scope;
        let is_taken = |found: &RegionalSecret| {
            matches!(
                found,
                RegionalSecret::OtherSecret
                    | RegionalSecret::ReplicaOfAnotherRegion
                    | RegionalSecret::PromotedReplica
            )
        };
        removes(policy, limits) && found.values().any(is_taken)
    }

    /// Returns the coverage of a listed secret. `None` for a replica.
    async fn cover(
        &self,
        listed: &Secret,
        page: &ComparedPage,
        index: usize,
    ) -> Option<(Secret, Coverage)> {
        let Scope { policy, limits, .. } = self.scope;
        let found = page.found.get(index)?;
        match page.comparisons.get(index)? {
            Comparison::InSync(regions) if !self.scope.thorough && !self.may_remove(found) => {
                let coverage = Coverage::in_sync(listed, regions, policy, limits);
                Some((listed.clone(), coverage))
            }
            Comparison::NotCovered => {
                let decision = decide(listed, policy, limits);
                let there = There {
                    found: found.clone(),
                    ..There::default()
                };
                let coverage = Coverage::of(listed, decision, &there)?;
                Some((listed.clone(), coverage))
            }
            Comparison::InSync(_) | Comparison::Differs(_) => {
                self.describe(listed, found, &page.listed).await
            }
        }
    }
}

/// Classifies what the lists show under the name of a secret.
fn found(listed: &Secret, named: &BTreeMap<&Region, &Secret>) -> Found {
    let found = named.iter().map(|(region, entry)| {
        let found = RegionalSecret::of(&listed.arn, entry, None);
        ((*region).clone(), found)
    });
    found.collect()
}

fn deadline() -> Instant {
    Instant::now() + CALL_TIMEOUT
}
