//! Checks that promoted secrets keep the values of their owners, and that a promotion that succeeds leaves no replica.

use std::collections::BTreeSet;

use secret_replicator_emulator::SecretView;
use secret_replicator_reference_policy::Answer;
use serde_json::Value;

use super::Violation;
use crate::blockers::as_reference;
use crate::journal::{End, Invocation, Purpose};
use crate::run::Run;
use crate::scenario::{Action, HOME, Scenario};
use crate::truth::suffix;

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = lost_values(scenario, run);
    let promotions = promotions(run);
    for promotion in promotions.filter(|promotion| matches!(promotion.end, End::Answer(_))) {
        let place = format!("invocation {}, a promotion", promotion.number);
        let left = left_behind(scenario, run, promotion);
        let claimed = never_promoted(run, promotion);
        let found = left.into_iter().chain(claimed);
        violations.extend(found.map(|violation| violation.at(&place)));
    }
    violations
}

/// Returns the invocations that promote.
fn promotions(run: &Run) -> impl Iterator<Item = &Invocation> {
    let invocations = run.journal.invocations.iter();
    invocations.filter(|invocation| invocation.purpose == Purpose::Promotion)
}

/// Returns the promoted secrets whose value changed or disappeared without a call of an owner.
fn lost_values(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (region, name, states) in run.truth.all() {
        // AWS replaces a secret in one step: its end and the beginning of the next one have the same time.
        let lasting = states.chunk_by(|(one, _), (other, _)| one == other);
        let lasting: Vec<_> = lasting.filter_map(|states| states.last()).collect();
        for pair in lasting.windows(2) {
            let [(_, Some(before)), (at, after)] = pair else {
                continue;
            };
            if !is_promoted(run, before) || is_kept(before, after.as_ref()) {
                continue;
            }
            let place = Place { region, name };
            let is_wanted = match after {
                Some(after) if is_same(before, after) && !after.is_replica => {
                    place.owner_calls(scenario, "PutSecretValue", *at)
                }
                Some(after) => may_overwrite(scenario, run, before, after, *at),
                None => place.owner_calls(scenario, "DeleteSecret", *at),
            };
            if !is_wanted {
                let what = format!("the promoted {name} in {region} lost its value: {after:?}");
                violations.push(Violation::new("I5", what));
            }
        }
    }
    violations
}

/// Returns whether a state is a standalone secret that was a replica of a secret in [`HOME`].
fn is_promoted(run: &Run, state: &SecretView) -> bool {
    let home = run.truth.during((HOME, &state.name), 0, u64::MAX);
    state.region != HOME
        && !state.is_replica
        && home.flatten().any(|primary| is_same(primary, state))
}

fn is_same(one: &SecretView, other: &SecretView) -> bool {
    suffix(&one.arn) == suffix(&other.arn)
}

/// Returns whether the next state has the secret with its value.
fn is_kept(before: &SecretView, after: Option<&SecretView>) -> bool {
    after.is_some_and(|after| {
        is_same(before, after) && !after.is_replica && before.value == after.value
    })
}

/// Returns whether another secret replaced the promoted one because a rule and the setting permit it. Only the suffix
/// shows that a standalone secret was a replica, so a secret with another suffix cannot know it.
fn may_overwrite(
    scenario: &Scenario,
    run: &Run,
    lost: &SecretView,
    replica: &SecretView,
    at: u64,
) -> bool {
    let Some(primary_region) = replica.primary_region.as_deref() else {
        return false;
    };
    let place = (primary_region, replica.name.as_str());
    let primary = run.truth.during(place, 0, at).flatten();
    let mut primary = primary.filter(|primary| is_same(primary, replica));
    !is_same(lost, replica)
        && primary.any(|primary| {
            let answer = scenario.expected(&as_reference(primary), &replica.region);
            matches!(answer, Answer::Replica { overwrite, .. } if overwrite)
        })
}

/// A name in a Region.
#[derive(Clone, Copy)]
struct Place<'a> {
    region: &'a str,
    name: &'a str,
}

impl Place<'_> {
    /// Returns whether an owner makes a call about the secret at this time.
    fn owner_calls(self, scenario: &Scenario, operation: &str, at: u64) -> bool {
        let mut actions = scenario.actions.iter();
        actions.any(|timed| {
            u64::from(timed.at) == at
                && match &timed.action {
                    Action::Call {
                        region,
                        operation: called,
                        body,
                    } => {
                        region == self.region
                            && called == operation
                            && body["SecretId"] == self.name
                    }
                    Action::Vacate(name, region) => {
                        (name.as_str(), region.as_str()) == (self.name, self.region)
                    }
                    _ => false,
                }
        })
    }
}

/// Returns the covered replicas that a promotion left although it succeeded. They existed before its list could be read,
/// and nothing about them changed until its end.
fn left_behind(scenario: &Scenario, run: &Run, promotion: &Invocation) -> Vec<Violation> {
    let lag = scenario.aws.list_lag.max(scenario.aws.read_lag());
    let from = promotion.began.saturating_sub(lag);
    let names = run
        .truth
        .all()
        .filter(|(region, ..)| *region == promotion.region);
    let left = names.filter(|(region, name, _)| {
        let mut states = run.truth.during((region, name), from, promotion.ended);
        states.all(|state| state.is_some_and(|state| is_due(scenario, state)))
    });
    left.map(|(_, name, _)| Violation::new("promotion", format!("{name} is still a replica")))
        .collect()
}

/// Returns whether a promotion promotes this secret.
fn is_due(scenario: &Scenario, state: &SecretView) -> bool {
    let is_managed = state.owning_service.is_some() || state.name.contains('!');
    state.is_replica
        && state.primary_region.as_deref() == Some(HOME)
        && !is_managed
        && !scenario.policy.covering(&as_reference(state)).is_empty()
}

/// Returns the secrets that a promotion claims to have promoted, and that were replicas all the time.
fn never_promoted(run: &Run, promotion: &Invocation) -> Vec<Violation> {
    let records = run.journal.records(|number| number == promotion.number);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let promoted = records
        .iter()
        .filter(|record| record["outcome"] == "promoted");
    let promoted = promoted.filter(|record| record["secret_arn"].is_string());
    let claimed: BTreeSet<(String, String)> = promoted
        .map(|record| (text(&record["secret_name"]), text(&record["secret_arn"])))
        .collect();
    let false_claims = claimed.iter().filter(|(name, arn)| {
        let place = (promotion.region, name.as_str());
        let mut states = run
            .truth
            .during(place, promotion.began, promotion.ended)
            .flatten();
        !states.any(|state| !state.is_replica && state.arn == *arn)
    });
    false_claims
        .map(|(name, _)| Violation::new("promotion", format!("{name} was never promoted")))
        .collect()
}
