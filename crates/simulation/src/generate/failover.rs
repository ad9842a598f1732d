//! Failovers: every world allows to overwrite, operators promote replicas, and their owners write newer values there.
//!
//! The storm continues meanwhile. The primary secrets' Region may be unreachable, and comes back before the sweeps at the
//! end. In half of the worlds, each Region of replicas has a function: it promotes what it covers, as ARC Region switch
//! asks it to, and it sweeps the promoted secrets as primary secrets of its own.

use std::collections::BTreeSet;

use secret_replicator_emulator::{FaultKind, PromotedReplicas};
use serde_json::json;

use super::race::act;
use crate::scenario::{
    Action, HOME, Kind, RegionalOutage, ReplicaEvents, STORM, Scenario, TimedAction,
};

/// The longest time between a promotion and what happens beside it, in milliseconds.
const BESIDE: u32 = 3000;

/// The longest time from a promotion until a function sweeps the promoted secrets, in milliseconds.
const SWEPT_AFTER: u32 = 60_000;

/// Adds a failover to a scenario. The same scenario always gets the same one.
pub(crate) fn with_failover(mut scenario: Scenario) -> Scenario {
    let mut random = fastrand::Rng::with_seed(scenario.aws.noise);
    scenario.settings.overwrite = true;
    for rule in &mut scenario.policy.rules {
        rule.overwrite = rule.replicate_to.as_ref().map(|_| true);
    }
    scenario.aws.promoted_replicas = if random.bool() {
        PromotedReplicas::Hidden
    } else {
        PromotedReplicas::ShownAsBefore
    };
    let has_functions = random.bool();
    if has_functions {
        scenario.replica_events = ReplicaEvents::ReplicaRegion;
    }
    let at = random.u32(0..STORM / 2);
    let mut actions = Vec::new();
    let mut regions = BTreeSet::new();
    for secret in &scenario.secrets {
        let replicas = secret.replicas.iter();
        for region in replicas.filter(|_| secret.kind == Kind::Ordinary) {
            regions.insert(region.clone());
            let by_function = has_functions && random.bool();
            actions.extend(promotion(
                &secret.name,
                region,
                at,
                by_function,
                &mut random,
            ));
        }
    }
    for region in regions.into_iter().filter(|_| has_functions) {
        actions.extend(functions(&region, at, &mut random));
    }
    scenario.actions.extend(actions);
    if random.bool() {
        let unavailable = FaultKind::answer(503, "ServiceUnavailable", "Try again later.");
        scenario.regional_outages.push(RegionalOutage {
            at: at.saturating_sub(BESIDE),
            length: random.u32(1000..60_000),
            region: HOME.to_owned(),
            kind: unavailable,
        });
    }
    scenario
}

/// The function of a Region promotes all replicas there, for two operators at once, and sweeps them later.
fn functions(region: &str, at: u32, random: &mut fastrand::Rng) -> [TimedAction; 3] {
    let at = at + random.u32(0..BESIDE);
    let promote = || Action::PromoteAll(region.to_owned());
    let swept = at + BESIDE + random.u32(0..SWEPT_AFTER);
    [
        act(at, promote()),
        act(at + random.u32(0..BESIDE), promote()),
        act(swept, Action::SweepIn(region.to_owned())),
    ]
}

/// Two operators promote a replica unless a function does it. Its owner writes a newer value, and something else happens
/// at the same time: a rotation, a removal, or a sweep of the old primary Region.
fn promotion(
    name: &str,
    region: &str,
    at: u32,
    by_function: bool,
    random: &mut fastrand::Rng,
) -> Vec<TimedAction> {
    let at = at + random.u32(0..BESIDE);
    let value = |value: &str| json!({"SecretString": value});
    let newer = Action::call_in(region, "PutSecretValue", name, value("newer"));
    let beside = match random.u8(0..4) {
        0 => Action::call("PutSecretValue", name, value("rotated")),
        1 => Action::remove(name, region),
        2 => Action::untag(name, "replicate-to"),
        _ => Action::Sweep(1000),
    };
    let promote = || Action::promote(name, region);
    let (before, after) = (random.u32(0..BESIDE), random.u32(0..BESIDE));
    let beside = TimedAction {
        deliveries: vec![random.u32(0..5000)],
        native: vec![random.u32(0..2000)],
        ..act((at + BESIDE / 2).saturating_sub(before), beside)
    };
    if by_function {
        // AWS refuses a value for what is still a replica.
        return vec![beside, act(at + BESIDE + after, newer)];
    }
    let second = act(at + random.u32(0..100), promote());
    vec![act(at, promote()), second, act(at + after, newer), beside]
}
