//! Lints: warnings about parts of a valid policy that may not mean what the author intended.
//!
//! Each lint checks one rule, group or key. Lints are sound but incomplete: they report no false
//! positives. They do not compare rules with one another. The plan refuses conflicts per secret, and an
//! explanation shows them.

use std::collections::BTreeSet;

use super::ReplicateTo;
use super::reader::{Entry, NodeReader, NodeRef};
use crate::limits::AllowedRegions;
use crate::secret::Region;

/// Reports Regions that the settings do not allow.
pub(super) fn regions_not_allowed<'a>(
    reader: &mut NodeReader,
    node: &NodeRef<'_>,
    regions: impl IntoIterator<Item = &'a Region>,
    allowed: &AllowedRegions,
) {
    let outside = regions.into_iter().filter(|region| !allowed.admits(region));
    // Sorted, without duplicates.
    let outside: BTreeSet<&str> = outside.map(Region::as_str).collect();
    if !outside.is_empty() {
        let outside: Vec<&str> = outside.into_iter().collect();
        let them = if outside.len() == 1 { "it" } else { "them" };
        let message = format!(
            "replicas are not allowed in {}, so the plan refuses them",
            outside.join(", ")
        );
        let hint =
            format!("add {them} to ALLOWED_REPLICA_REGIONS, or remove {them} from the policy");
        reader.warning(node, "region-not-allowed", message, &hint);
    }
}

/// Reports a key for Regions to which the rule does not replicate. Returns whether the key is
/// unused.
pub(super) fn unused_key(
    reader: &mut NodeReader,
    entry: &Entry<'_>,
    regions: &BTreeSet<Region>,
    targets: &ReplicateTo,
) -> bool {
    let ReplicateTo::Regions(targets) = targets else {
        return false;
    };
    if regions.is_empty() || !regions.is_disjoint(targets) {
        return false;
    }
    let word = entry.key;
    let message = format!("the rule does not replicate to `{word}`, so this key is never used");
    let hint = "remove it, or add the Region to `replicate-to`";
    reader.warning(&entry.at_key, "unused-key", message, hint);
    true
}

/// Reports the AWS managed key as the policy's key for any other Region, which it is by default.
pub(super) fn default_key(reader: &mut NodeReader, node: &NodeRef<'_>) {
    let message = "`aws/secretsmanager` for any other Region has no effect in `kms-keys`";
    let hint = "remove it, or name another key; a rule's `kms-key` can require the AWS managed key";
    reader.warning(node, "key-without-effect", message, hint);
}

/// Reports targets that are all the primary secret's own Region.
pub(super) fn always_primary_region(
    reader: &mut NodeReader,
    node: &NodeRef<'_>,
    targets: &ReplicateTo,
    primary_region: &str,
) {
    if let ReplicateTo::Regions(targets) = targets
        && !targets.is_empty()
        && targets
            .iter()
            .all(|region| region.as_str() == primary_region)
    {
        let message =
            format!("the only target, {primary_region}, is always the primary secret's own Region");
        let hint = "a replica must be in another Region: list one, or remove the rule";
        reader.warning(node, "always-primary-region", message, hint);
    }
}
