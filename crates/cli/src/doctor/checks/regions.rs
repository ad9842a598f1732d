//! The replica Regions: enabled in the account, and reachable.

use std::collections::BTreeSet;

use secret_replicator_core::secret::Region;

use super::super::facts::Chain;
use super::super::finding::{Finding, Findings, Link, Symptom};
use super::super::settings::Settings;
use super::{list, unread};

/// Checks that the account has enabled the allowed Regions.
pub(super) fn check_enabled(chain: &Chain) -> Option<Finding> {
    let enabled = match &chain.enabled_regions {
        Ok(enabled) => enabled,
        Err(error) => return Some(unread(Link::Regions, "the Regions of the account", error)),
    };
    let disabled: Vec<Region> = allowed(chain).difference(enabled).cloned().collect();
    let first = disabled.first()?;
    Some(
        Finding::error(
            Link::Regions,
            format!(
                "the account has not enabled {}, so no replica can be created there",
                list(&disabled)
            ),
            format!(
                "run `aws account enable-region --region-name {first}`, or remove the Region from \
                 AllowedReplicaRegions"
            ),
        )
        .explaining(&[Symptom::NoEndpoint]),
    )
}

/// Checks that Secrets Manager answers in the other Regions. The answer to this tool shows that the endpoint
/// works, not that the function reaches it.
pub(super) fn check_endpoints(chain: &Chain, findings: &Findings) -> Option<Finding> {
    let (region, error) = chain.unreachable.first_key_value()?;
    if findings.explain(Symptom::NoEndpoint) {
        return None;
    }
    let regions = list(chain.unreachable.keys());
    Some(Finding::error(
        Link::Endpoints,
        format!("Secrets Manager did not answer in {regions}: {error}"),
        format!("check the AWS Health Dashboard for {region}, and the network of this computer"),
    ))
}

fn allowed(chain: &Chain) -> BTreeSet<Region> {
    let Ok(Some(function)) = &chain.function else {
        return BTreeSet::new();
    };
    Settings::read(&function.environment)
        .map(|settings| settings.limits.allowed_regions.named_regions())
        .unwrap_or_default()
}
