//! The settings of the deployed function, read from its environment with the code of the function's core.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::policy::{self, DEFAULT_POLICY, Policy};
use secret_replicator_core::secret::Region;

use crate::options::{allowed_regions, limits};

/// The settings in force.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The policy. `None` if a file that the tool cannot read contains it.
    pub(crate) policy: Option<Policy>,
    /// The limits on the policy.
    pub(crate) limits: Limits,
    /// Whether the function may promote replicas.
    pub(crate) allow_promotion: bool,
    /// Whether the function writes nothing.
    pub(crate) dry_run: bool,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// All problems. The function does not start with any of them.
    pub(crate) fn read(environment: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let value = |name: &str| environment.get(name).map_or("", |text| text.trim());
        let mut switch = |name: &str| match value(name).to_ascii_lowercase().as_str() {
            "" | "false" => false,
            "true" => true,
            other => {
                problems.push(format!("{name} must be true or false, found `{other}`"));
                false
            }
        };
        let overwrite = switch("ALLOW_OVERWRITE");
        let removal = switch("ALLOW_REMOVAL");
        let allow_promotion = switch("ALLOW_PROMOTION");
        let dry_run = switch("DRY_RUN");
        let allowed = allowed_regions(value("ALLOWED_REPLICA_REGIONS")).unwrap_or_else(|error| {
            problems.push(format!("ALLOWED_REPLICA_REGIONS: {error}"));
            AllowedRegions::Any
        });
        let limits = limits(allowed, overwrite, removal);
        let policy = match (
            value("REPLICATION_POLICY"),
            value("REPLICATION_POLICY_FILE"),
        ) {
            ("", file) if !file.is_empty() => None,
            ("", _) => Some(DEFAULT_POLICY),
            (text, _) => Some(text),
        };
        let policy = policy.and_then(|text| match policy::check_with_limits(text, &limits) {
            Ok(checked) => Some(checked.policy),
            Err(invalid) => {
                problems.push(format!("REPLICATION_POLICY: {invalid}"));
                None
            }
        });
        if problems.is_empty() {
            Ok(Self {
                policy,
                limits,
                allow_promotion,
                dry_run,
            })
        } else {
            Err(problems)
        }
    }

    /// Returns the Regions that may get replicas: the allowed Regions or, without these, the Regions that the
    /// policy names. The stack's own Region never gets one.
    pub(crate) fn replica_regions(&self, home: &Region) -> BTreeSet<Region> {
        let mut regions = self.limits.allowed_regions.named_regions();
        if let (AllowedRegions::Any, Some(policy)) = (&self.limits.allowed_regions, &self.policy) {
            regions = policy.named_regions();
        }
        regions.remove(home);
        regions
    }
}
