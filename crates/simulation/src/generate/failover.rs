//! Failovers: every world allows to overwrite, operators promote replicas, and their owners write newer values there.
//!
//! The storm continues meanwhile. The primary secrets' Region may be unreachable, and comes back before the sweeps at the
//! end.

use secret_replicator_emulator::{FaultKind, PromotedReplicas};
use serde_json::json;

use super::race::act;
use crate::scenario::{Action, HOME, Kind, RegionalOutage, STORM, Scenario, TimedAction};

/// The longest time between a promotion and what happens beside it, in milliseconds.
const BESIDE: u32 = 3000;

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
    let at = random.u32(0..STORM / 2);
    let mut actions = Vec::new();
    for secret in &scenario.secrets {
        let replicas = secret.replicas.iter();
        for region in replicas.filter(|_| secret.kind == Kind::Ordinary) {
            actions.extend(promotion(&secret.name, region, at, &mut random));
        }
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

/// Two operators promote a replica, one writes a newer value, and something else happens at the same time: a
/// rotation, a removal, or a sweep of the old primary Region.
fn promotion(name: &str, region: &str, at: u32, random: &mut fastrand::Rng) -> Vec<TimedAction> {
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
    let second = act(at + random.u32(0..100), promote());
    vec![act(at, promote()), second, act(at + after, newer), beside]
}
