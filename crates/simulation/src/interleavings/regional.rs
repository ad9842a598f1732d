//! Outages of single Regions, events about replicas, and former secrets of the same name.

use std::collections::BTreeSet;

use super::Interleaving;
use crate::check::replica_events;
use crate::journal::Call;
use crate::run::Run;
use crate::scenario::{HOME, Occupant, Scenario};
use crate::truth::suffix;

/// Returns the interleavings with something in a single Region.
pub(super) fn interleavings(scenario: &Scenario, run: &Run) -> BTreeSet<Interleaving> {
    let mut found = BTreeSet::new();
    let in_sweep = scenario.outage.as_ref().filter(|_| run.outage_calls > 0);
    let in_sweep = in_sweep.and_then(|outage| outage.fault.region.as_deref());
    found.extend(in_sweep.map(|region| match region {
        HOME => Interleaving::PrimaryOutageInSweep,
        _ => Interleaving::ReplicaOutageInSweep,
    }));
    found.extend(run.outages_met.iter().map(|region| match region.as_str() {
        HOME => Interleaving::PrimaryOutage,
        _ => Interleaving::ReplicaOutage,
    }));
    let skipped = replica_events::skipped(run).into_iter();
    found.extend(skipped.map(|region| match region {
        HOME => Interleaving::ForwardedReplicaEvent,
        _ => Interleaving::ReplicaEvent,
    }));
    for secret in &scenario.secrets {
        for (region, occupant) in &secret.occupants {
            let is_met = |call: &Call| meets(call, &secret.name, region);
            if run.journal.calls.iter().any(is_met) {
                found.insert(match occupant {
                    Occupant::Stranded => Interleaving::Stranded,
                    Occupant::Orphaned => Interleaving::Orphaned,
                    Occupant::CrossAccount => Interleaving::CrossAccountInTheWay,
                });
            }
        }
    }
    if was_recreated(run) {
        found.insert(Interleaving::Recreated);
    }
    found
}

/// Returns whether a call reads the name in a Region.
fn meets(call: &Call, name: &str, region: &str) -> bool {
    call.region == region && call.secret_id() == Some(name) && call.success().is_some()
}

/// Returns whether a function wrote to a secret that took the name of a deleted one.
fn was_recreated(run: &Run) -> bool {
    let mut states = run.truth.all().filter(|(region, ..)| *region == HOME);
    states.any(|(_, _, states)| {
        let existing = states.iter().filter_map(|(_, state)| state.as_ref());
        let mut suffixes = existing.map(|state| suffix(&state.arn));
        let first = suffixes.next();
        let others: BTreeSet<&str> = suffixes.filter(|other| Some(*other) != first).collect();
        let mut writes = run.journal.calls.iter().filter(|call| call.is_write());
        writes.any(|write| others.contains(write.secret_id().map_or("", suffix)))
    })
}
