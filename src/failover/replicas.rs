//! Lists the replicas of the function's Region that the policy covers.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_aws::{CallError, UnreadableEntry};
use secret_replicator_core::failover::covering_rules;
use secret_replicator_core::secret::{Region, Secret};
use tokio::time::Instant;

use super::Failover;

/// A replica that the policy covers.
#[derive(Clone, Debug)]
pub(super) struct Covered {
    /// The replica without its tags, which would take most of the memory.
    pub(super) replica: Secret,
    /// The names of the rules that cover its primary secret.
    pub(super) rules: BTreeSet<String>,
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
    /// Why the list ends early.
    pub(super) unlisted: Option<CallError>,
}

impl Failover<'_> {
    /// Lists the replicas of the Region, of primary secrets in `from` or in any Region. With `from`, AWS filters the
    /// list, so that each promotion makes it shorter. The list has no filter of the policy, so that the replicas which
    /// the policy does not cover are counted.
    ///
    /// # Errors
    /// [`CallError`] if AWS does not return the first page.
    pub(super) async fn list(&self, from: Option<&Region>) -> Result<ListedReplicas, CallError> {
        let client = &self.reconciler.secrets_manager;
        let mut listed = ListedReplicas::default();
        let mut token: Option<String> = None;
        loop {
            let until = self.deadlines.last_start();
            let page = client.list_replicas_here(from, token.as_deref(), until);
            let page = match page.await {
                Ok(page) => page,
                Err(error) if token.is_none() => return Err(error),
                Err(error) => {
                    listed.unlisted = Some(error);
                    return Ok(listed);
                }
            };
            for entry in page.secrets {
                match entry {
                    Ok(secret) => self.add(&mut listed, secret, from),
                    Err(entry) => listed.unreadable.push(*entry),
                }
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(listed);
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
        let rules = covering_rules(&secret, &self.reconciler.policy);
        if rules.is_empty() {
            listed.not_covered += 1;
            return;
        }
        listed.primary_regions.insert(primary_region.clone());
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
}
