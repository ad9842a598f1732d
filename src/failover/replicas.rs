//! Lists the replicas of the function's Region that the policy covers.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_aws::{CallError, UnreadableEntry};
use secret_replicator_core::failover::aftermath::{StackAfter, policy_after};
use secret_replicator_core::failover::covering_rules;
use secret_replicator_core::failover::nothing::Rest;
use secret_replicator_core::failover::promotion::judge;
use secret_replicator_core::secret::{Region, Secret};
use tokio::time::Instant;

use super::{Failover, ReplicaOutcome, ReplicaState};
use crate::reconcile::Reconciler;

/// A replica that the policy covers.
#[derive(Clone, Debug)]
pub(super) struct Covered {
    /// The replica without its tags, which would take most of the memory.
    pub(super) replica: Secret,
    /// The names of the rules that cover its primary secret.
    pub(super) rules: BTreeSet<String>,
}

impl Covered {
    /// Returns the outcome of a replica that is not reached.
    pub(super) fn into_not_reached(self) -> ReplicaOutcome {
        let Self {
            replica: secret,
            rules,
        } = self;
        ReplicaOutcome {
            secret,
            rules,
            state: ReplicaState::NotReached,
        }
    }
}

/// The replicas that the list of the Region shows.
#[derive(Debug, Default)]
pub(super) struct ListedReplicas {
    pub(super) covered: Vec<Covered>,
    /// The number of replicas that the policy does not cover.
    pub(super) not_covered: u64,
    /// The entries that cannot be parsed. Each may be a replica.
    pub(super) unreadable: Vec<UnreadableEntry>,
    /// The primary Regions of the covered replicas.
    pub(super) primary_regions: BTreeSet<Region>,
    /// What this function does with the replicas after their promotion, of those that can be promoted.
    pub(super) after_promotion: StackAfter,
    /// Why the list ends early.
    pub(super) unlisted: Option<CallError>,
}

impl Failover<'_> {
    /// Lists the replicas of the Region, of primary secrets in `from` or in any Region. With `from`, AWS filters the
    /// list, so that each promotion makes it shorter. The list has no filter of the policy, so that the replicas which
    /// the policy does not cover are counted. It ends early at `until`.
    ///
    /// # Errors
    /// [`CallError`] if AWS does not return the first page.
    pub(super) async fn list(
        &self,
        from: Option<&Region>,
        until: Instant,
    ) -> Result<ListedReplicas, CallError> {
        let mut listed = ListedReplicas::default();
        let end = self.each_entry(from, until, |entry| match entry {
            Ok(secret) => self.add(&mut listed, secret, from),
            Err(entry) => listed.unreadable.push(*entry),
        });
        listed.unlisted = end.await?;
        Ok(listed)
    }

    /// Lists what the Region has besides the replicas of primary secrets in `from`, and returns why the list ends
    /// early.
    ///
    /// # Errors
    /// [`CallError`] if AWS does not return the first page.
    pub(super) async fn rest(
        &self,
        from: Option<&Region>,
    ) -> Result<(Rest, Option<CallError>), CallError> {
        let mut rest = Rest::default();
        let policy = &self.reconciler.policy;
        let end = self.each_entry(None, self.last_start(), |entry| {
            // An unreadable replica from `from` is in the first list, too.
            if let Ok(secret) = entry {
                rest.add(&secret, from, policy);
            }
        });
        let end = end.await?;
        Ok((rest, end))
    }

    /// Passes each entry of the Region's list to `visit`, with `from` only the replicas of its primary secrets. Returns
    /// why the list ends early.
    ///
    /// # Errors
    /// [`CallError`] if AWS does not return the first page.
    async fn each_entry(
        &self,
        from: Option<&Region>,
        until: Instant,
        mut visit: impl FnMut(Result<Secret, Box<UnreadableEntry>>),
    ) -> Result<Option<CallError>, CallError> {
        let client = &self.reconciler.secrets_manager;
        let mut token: Option<String> = None;
        loop {
            let page = client.list_replicas_here(from, token.as_deref(), until);
            let page = match page.await {
                Ok(page) => page,
                Err(error) if token.is_none() => return Err(error),
                Err(error) => return Ok(Some(error)),
            };
            page.secrets.into_iter().for_each(&mut visit);
            token = page.next_token;
            if token.is_none() {
                return Ok(None);
            }
        }
    }

    /// Adds a listed secret, if it is a replica from the Region.
    fn add(&self, listed: &mut ListedReplicas, secret: Secret, from: Option<&Region>) {
        let Some(primary_region) = secret.replica_of() else {
            return;
        };
        // AWS's filter compares the beginning of the Region's code.
        if from.is_some_and(|from| from != primary_region) {
            return;
        }
        let Reconciler { policy, limits, .. } = &self.reconciler;
        let rules = covering_rules(&secret, policy);
        if rules.is_empty() {
            listed.not_covered += 1;
            return;
        }
        listed.primary_regions.insert(primary_region.clone());
        if judge(&secret, None).is_ok() {
            let after = policy_after(&secret, policy, limits);
            listed.after_promotion.add(&after);
        }
        listed.covered.push(Covered {
            replica: Secret {
                tags: BTreeMap::new(),
                ..secret
            },
            rules,
        });
    }

    /// Returns the end of the time for new work.
    pub(super) fn last_start(&self) -> Instant {
        self.deadlines.last_start()
    }

    /// Returns whether the time for new work has ended.
    pub(super) fn is_too_late(&self) -> bool {
        self.deadlines.is_too_late_for_more()
    }
}
