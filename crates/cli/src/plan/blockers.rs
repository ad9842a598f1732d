//! What stands in the way of planned replicas: Regions that are not enabled, and keys that do not work.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::secret::{KmsKey, Region};

use crate::access::{Access, ApiError};
use crate::coverage::Coverage;
use crate::enabled_regions;
use crate::keys::{self, KeyState};
use crate::report::Blocker;
use crate::source::Target;

/// The maximum number of keys to read in one account, so that a policy with a key per secret does not use up the
/// account's quota of KMS.
const MAX_KEYS: usize = 100;

/// The Regions of planned replicas with the keys, by account.
#[derive(Debug, Default)]
pub(super) struct Planned(BTreeMap<String, BTreeMap<Region, BTreeSet<KmsKey>>>);

/// The blockers that were found, and what could not be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blockers {
    pub(super) found: Vec<Blocker>,
    /// The errors, each once.
    pub(super) unchecked: BTreeSet<String>,
}

impl Planned {
    /// Adds the planned replicas of a secret.
    pub(super) fn add(&mut self, coverage: &Coverage) {
        for cell in &coverage.regions {
            let region = cell.region.as_deref().map(Region::parse);
            let Some(Ok(region)) = region.filter(|_| cell.dry_run.requests_replica()) else {
                continue;
            };
            let account = self.0.entry(coverage.account().to_owned()).or_default();
            let keys = account.entry(region).or_default();
            let key = cell.planned_key().filter(|key| !key.is_aws_managed());
            keys.extend(key.cloned());
        }
    }

    /// Reads the Regions and the keys. Makes no call without a planned replica.
    pub(super) async fn blockers(&self, targets: &[Target]) -> Blockers {
        let mut blockers = Blockers::default();
        for (account, regions) in &self.0 {
            let is_it = |target: &&Target| {
                let id = target.account.as_ref();
                id.is_none_or(|id| id == account)
            };
            if let Some(target) = targets.iter().find(is_it) {
                blockers.check(account, &target.access, regions).await;
            }
        }
        blockers
    }
}

impl Blockers {
    async fn check(
        &mut self,
        account: &str,
        access: &Access,
        regions: &BTreeMap<Region, BTreeSet<KmsKey>>,
    ) {
        let disabled = self.disabled(access, regions.keys()).await;
        for region in &disabled {
            let problem =
                format!("the account has not enabled {region}, so no replica can be created there");
            let remediation = format!(
                "run `aws account enable-region --region-name {region}`, or exclude the Region in the policy"
            );
            self.add(account, region, problem, remediation);
        }
        let enabled = regions
            .iter()
            .filter(|(region, _)| !disabled.contains(region));
        let keys = enabled.flat_map(|(region, keys)| keys.iter().map(move |key| (region, key)));
        let count = keys.clone().count();
        if count > MAX_KEYS {
            let unchecked = format!("{} of {count} keys", count - MAX_KEYS);
            self.unchecked.insert(unchecked);
        }
        for (region, key) in keys.take(MAX_KEYS) {
            match keys::describe(&access.in_region(region), key.as_str()).await {
                Ok(found) => {
                    let state = found.as_ref().map(KeyState::from);
                    if let Some(found) =
                        keys::problem(region.as_str(), key.as_str(), state.as_ref())
                    {
                        self.add(account, region, found.problem, found.remediation);
                    }
                }
                Err(error) => self.note("the keys", &error),
            }
        }
    }

    /// Returns the Regions that the account has not enabled.
    async fn disabled<'a>(
        &mut self,
        access: &Access,
        regions: impl Iterator<Item = &'a Region>,
    ) -> BTreeSet<Region> {
        match enabled_regions::read(access).await {
            Ok(enabled) => regions
                .filter(|region| !enabled.contains(*region))
                .cloned()
                .collect(),
            Err(error) => {
                self.note("whether the account has enabled the Regions", &error);
                BTreeSet::new()
            }
        }
    }

    fn add(&mut self, account: &str, region: &Region, problem: String, remediation: String) {
        self.found.push(Blocker {
            account: account.to_owned(),
            region: region.clone(),
            problem,
            remediation,
        });
    }

    fn note(&mut self, what: &str, error: &ApiError) {
        self.unchecked.insert(format!("{what}: {error}"));
    }

    /// Formats what could not be checked, for standard error.
    pub(super) fn warnings(&self) -> String {
        let lines = self
            .unchecked
            .iter()
            .map(|what| format!("warning: failed to check {what}\n"));
        lines.collect()
    }
}
