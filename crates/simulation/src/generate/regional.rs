//! Outages of single Regions, events about replicas, and what deleted secrets left in their Regions.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use secret_replicator_emulator::{Execution, Fault, FaultKind};
use serde_json::json;

use super::secret_named;
use crate::scenario::{
    Action, HOME, Kind, Occupant, Outage, RegionalOutage, ReplicaEvents, STORM, Scenario,
    TimedAction,
};
use secret_replicator_reference_policy::generator::one_of;

/// What happens in single Regions, in addition to a scenario.
#[derive(Debug, Clone)]
pub(super) struct Regional {
    sweep_outage: Option<Outage>,
    outages: Vec<RegionalOutage>,
    replica_events: ReplicaEvents,
    occupants: Vec<(Index, String, Occupant)>,
    /// A secret that was deleted before the beginning.
    gone: Option<Index>,
    recreations: Vec<TimedAction>,
}

impl Regional {
    /// Adds it to a scenario.
    pub(super) fn added_to(self, mut scenario: Scenario) -> Scenario {
        for (index, region, occupant) in self.occupants {
            let secrets = scenario.secrets.len();
            if let Some(secret) = (secrets > 0).then(|| &mut scenario.secrets[index.index(secrets)])
            {
                secret.replicas.remove(&region);
                secret.promoted.remove(&region);
                secret.occupants.insert(region, occupant);
            }
        }
        let occupied = scenario.secrets.iter_mut();
        let mut occupied: Vec<_> = occupied
            .filter(|secret| secret.kind == Kind::Ordinary && !secret.occupants.is_empty())
            .collect();
        if let Some(index) = self.gone.filter(|_| !occupied.is_empty()) {
            let index = index.index(occupied.len());
            occupied[index].kind = Kind::Gone;
        }
        scenario.actions.extend(self.recreations);
        Scenario {
            outage: self.sweep_outage.or(scenario.outage),
            regional_outages: self.outages,
            replica_events: self.replica_events,
            ..scenario
        }
    }
}

/// Draws secrets from `names`, Regions of replicas from `regions`, and Regions for a tag from `lists`. Everything
/// begins before `length`.
pub(super) fn regional(
    names: &'static [&'static str],
    regions: &'static [&'static str],
    lists: &'static [&'static str],
    length: u32,
) -> impl Strategy<Value = Regional> {
    let occupant = select(vec![
        Occupant::Stranded,
        Occupant::Orphaned,
        Occupant::CrossAccount,
    ]);
    let occupants = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec((any::<Index>(), one_of(regions), occupant), 1..5),
    ];
    let outages = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec(regional_outage(regions, length), 1..5),
    ];
    let recreations = prop_oneof![
        3 => Just(Vec::new()),
        1 => recreation(names, regions, lists, length),
    ];
    let replica_events = select(vec![
        ReplicaEvents::Nowhere,
        ReplicaEvents::Nowhere,
        ReplicaEvents::ReplicaRegion,
        ReplicaEvents::Home,
    ]);
    let parts = (
        weighted(0.15, sweep_outage(regions)),
        outages,
        replica_events,
        occupants,
        weighted(0.5, any::<Index>()),
        recreations,
    );
    parts.prop_map(
        |(sweep_outage, outages, replica_events, occupants, gone, recreations)| Regional {
            sweep_outage,
            outages,
            replica_events,
            occupants,
            gone,
            recreations,
        },
    )
}

fn unavailable() -> FaultKind {
    FaultKind::answer(503, "ServiceUnavailable", "Try again later.")
}

/// An outage of a replica Region, which lasts up to minutes and may give no answer, or one of [`HOME`].
fn outage(
    regions: &'static [&'static str],
    longest_at_home: u32,
) -> impl Strategy<Value = (String, FaultKind, u32)> {
    let replica_kind = select(vec![
        unavailable(),
        FaultKind::Throttle,
        FaultKind::CloseConnection(Execution::Skipped),
        FaultKind::Hang(Execution::Skipped),
    ]);
    let home_kind = select(vec![unavailable(), FaultKind::Throttle]);
    let length = prop_oneof![1000..15_000_u32, 15_000..180_000_u32];
    prop_oneof![
        3 => (one_of(regions), replica_kind, length),
        1 => (Just(HOME.to_owned()), home_kind, 1000..longest_at_home),
    ]
}

prop_compose! {
    fn sweep_outage(regions: &'static [&'static str])(
        after in select(vec![0, 0, 300, 3000]),
        (region, kind, length) in outage(regions, 15_000),
    ) -> Outage {
        let fault = Fault { region: Some(region), ..Fault::on_any(kind).always() };
        Outage { after, length, fault, max_changes: 100_000 }
    }
}

prop_compose! {
    fn regional_outage(regions: &'static [&'static str], length: u32)(
        at in 0..length,
        (region, kind, length) in outage(regions, 60_000),
    ) -> RegionalOutage {
        RegionalOutage { at, length: length.min(STORM - at), region, kind }
    }
}

prop_compose! {
    /// Another actor removes the replicas of a secret, deletes it and creates another one of the same name.
    fn recreation(
        names: &'static [&'static str],
        regions: &'static [&'static str],
        lists: &'static [&'static str],
        length: u32,
    )(
        name in one_of(names),
        list in one_of(lists),
        at in 0..length,
        deleted in 0..3000_u32,
        created in prop_oneof![0..2000_u32, 0..100_000_u32],
        deliveries in vec(0..5000_u32, 3),
        native in vec(0..2000_u32, 0..2),
    ) -> Vec<TimedAction> {
        let secret = secret_named(
            &name,
            [("replicate-to", list), ("tier", "1".to_owned())],
            [].into(),
        );
        let removal = json!({"RemoveReplicaRegions": regions});
        let deletion = json!({"ForceDeleteWithoutRecovery": true});
        let calls = [
            (0, Action::call("RemoveRegionsFromReplication", &name, removal)),
            (deleted, Action::call("DeleteSecret", &name, deletion)),
            (deleted + created, Action::create(&secret)),
        ];
        let calls = calls.into_iter().zip(deliveries);
        calls
            .map(|((after, action), delivery)| TimedAction {
                at: (at + after).min(STORM),
                action,
                deliveries: vec![delivery],
                native: native.clone(),
            })
            .collect()
    }
}
