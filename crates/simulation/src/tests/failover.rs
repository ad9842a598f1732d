//! Promotions in the middle of a rotation, a sweep and a removal. All invariants must hold, and the promoted secret keeps
//! the value that its owner has written after the promotion.

use secret_replicator_emulator::PromotedReplicas;
use serde_json::json;

use super::play;
use crate::generate::race::{BEGINNING, NAME, REGIONS, act, world};
use crate::generate::secret_named;
use crate::scenario::{Action, Scenario, TimedAction};

const EU: &str = REGIONS[0];

/// A secret with replicas in two Regions, of which the one in Europe is promoted after this time. Its owner then writes
/// a newer value there. The policy and the settings allow to overwrite.
fn promoted_after(milliseconds: u32, beside: Vec<TimedAction>) -> Scenario {
    let at = BEGINNING + milliseconds;
    let tags = [("replicate-to", REGIONS.join(" "))];
    let replicas = REGIONS.map(str::to_owned).into();
    let mut scenario = world();
    scenario.settings.overwrite = true;
    for rule in &mut scenario.policy.rules {
        rule.overwrite = rule.replicate_to.as_ref().map(|_| true);
    }
    scenario.secrets = vec![secret_named(NAME, tags, replicas)];
    let newer = Action::call_in(EU, "PutSecretValue", NAME, json!({"SecretString": "newer"}));
    scenario.actions = vec![act(at, Action::promote(NAME, EU)), act(at + 20, newer)];
    scenario.actions.extend(beside);
    scenario
}

/// Plays promotions at many moments, with each answer of AWS to the question what the primary secret lists then.
fn keeps_the_newer_value(beside: &[TimedAction]) {
    for milliseconds in (0..4000).step_by(200) {
        for shown in [PromotedReplicas::Hidden, PromotedReplicas::ShownAsBefore] {
            let mut scenario = promoted_after(milliseconds, beside.to_vec());
            scenario.aws.promoted_replicas = shown;
            // Checks all invariants.
            let run = play(&scenario);
            let promoted = run.truth.last((EU, NAME)).expect("the promoted secret");
            assert!(!promoted.is_replica, "{milliseconds} {shown:?}");
            assert_eq!(
                promoted.value.as_deref(),
                Some("newer"),
                "{milliseconds} {shown:?}"
            );
        }
    }
}

#[test]
fn a_promotion_in_the_middle_of_a_rotation_loses_no_value() {
    let rotated = Action::call("PutSecretValue", NAME, json!({"SecretString": "rotated"}));
    keeps_the_newer_value(&[TimedAction {
        native: vec![300],
        ..act(BEGINNING + 1000, rotated)
    }]);
}

#[test]
fn a_promotion_in_the_middle_of_a_sweep_loses_no_value() {
    keeps_the_newer_value(&[act(BEGINNING + 1000, Action::Sweep(100))]);
}

#[test]
fn two_operators_who_promote_at_once_lose_no_value() {
    keeps_the_newer_value(&[
        act(BEGINNING + 1000, Action::promote(NAME, EU)),
        act(BEGINNING + 1000, Action::Sweep(100)),
    ]);
}

#[test]
fn a_removal_that_ends_before_or_after_a_promotion_never_removes_the_promoted_secret() {
    let unwanted = Action::tag(NAME, "replicate-to", REGIONS[1]);
    for milliseconds in (0..4000).step_by(200) {
        let removal = TimedAction {
            deliveries: vec![100],
            ..act(BEGINNING + 1000, unwanted.clone())
        };
        let scenario = promoted_after(milliseconds, vec![removal]);
        let run = play(&scenario);
        // A removal that began first ends as it would have without the promotion.
        if let Some(promoted) = run.truth.last((EU, NAME)).filter(|found| !found.is_replica) {
            assert_eq!(promoted.value.as_deref(), Some("newer"), "{milliseconds}");
        }
    }
}
