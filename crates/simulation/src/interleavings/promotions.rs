//! Promotions by the functions of replica Regions.

use std::collections::BTreeMap;

use super::Interleaving;
use crate::run::Run;

/// Returns the interleavings of promotions.
pub(super) fn interleavings(run: &Run) -> Vec<Interleaving> {
    let calls = run.journal.calls.iter();
    let calls = calls.filter(|call| call.operation == "StopReplicationToReplica");
    let mut found = Vec::new();
    let mut first: BTreeMap<&str, u64> = BTreeMap::new();
    for call in calls {
        let arn = call.secret_id().unwrap_or_default();
        if call.success().is_some() {
            found.push(Interleaving::PromotedByFunction);
        }
        if *first.entry(arn).or_insert(call.invocation) != call.invocation {
            found.push(Interleaving::DoublePromotion);
        }
    }
    found
}
