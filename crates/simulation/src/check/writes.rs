//! What each write rests on: the last look before it must allow it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Violation;
use super::seen::{Seen, is_about, is_look, is_obstacle, is_taken_name};
use crate::journal::{Call, is_write};
use crate::lambda::Purpose;
use crate::scenario::{HOME, Scenario, regions};
use crate::story::Played;
use secret_replicator_reference_policy::{Answer, managed_is_none};

const OPERATIONS: [&str; 4] = [
    "DescribeSecret",
    "ListSecrets",
    "ReplicateSecretToRegions",
    "RemoveRegionsFromReplication",
];

pub(super) fn violations(scenario: &Scenario, played: &Played) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut by_invocation: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
    for call in &played.journal.calls {
        by_invocation.entry(call.invocation).or_default().push(call);
        if !OPERATIONS.contains(&call.operation.as_str()) {
            let what = format!("{} at {} ms", call.operation, call.at);
            violations.push(Violation::new("I1", what));
        }
    }
    let looks = played.invocations.iter();
    let looks = looks.filter(|invocation| invocation.purpose == Purpose::Look);
    let looks: BTreeSet<u64> = looks.map(|invocation| invocation.number).collect();
    for (invocation, calls) in by_invocation {
        for write in calls.iter().filter(|call| is_write(&call.operation)) {
            let judge = Judge {
                scenario,
                calls: &calls,
                write,
            };
            let mut found = judge.violations();
            if looks.contains(&invocation) {
                found.push(Violation::new("dry run", "a write"));
            }
            let place = |violation: Violation| {
                let at = write.at;
                let operation = &write.operation;
                let what = format!(
                    "{} (invocation {invocation}, {at} ms, {operation})",
                    violation.what
                );
                Violation { what, ..violation }
            };
            violations.extend(found.into_iter().map(place));
        }
    }
    violations
}

/// What a Region has under the name of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The secret's own replica.
    Ours,
    /// A former replica that is a secret of its own now.
    Promoted,
    Other,
}

/// Judges one write.
struct Judge<'a> {
    scenario: &'a Scenario,
    /// The calls of its invocation.
    calls: &'a [&'a Call],
    write: &'a Call,
}

impl Judge<'_> {
    fn violations(&self) -> Vec<Violation> {
        let arn = self.write.secret_id().unwrap_or_default();
        let is_before = |call: &&&Call| {
            let answer = call.answer.as_ref();
            answer.is_some_and(|answer| answer.came < self.write.sent)
        };
        let looks = self.calls.iter().filter(is_before);
        let looks = looks.filter(|call| is_look(call) && is_about(call, arn));
        let mut looks: Vec<&&Call> = looks.collect();
        looks.sort_by_key(|call| call.answer.as_ref().map(|answer| answer.came));
        let last = looks.iter().rev().find_map(|call| call.success());
        let Some(last) = last else {
            return vec![Violation::new("I2", format!("nobody has looked at {arn}"))];
        };
        let seen = Seen::new(&last.body);
        let mut violations = self.exclusion(&seen);
        if self.write.operation == "RemoveRegionsFromReplication" {
            let is_error = looks.last().is_some_and(|call| call.success().is_none());
            if is_error {
                violations.push(Violation::new(
                    "I6",
                    "removed although the last look failed",
                ));
            }
            let successes = looks.iter().filter(|call| call.success().is_some());
            if successes.count() < 2 {
                violations.push(Violation::new("I6", "removed without a second look"));
            }
            violations.extend(self.removal(&seen));
        } else {
            violations.extend(self.replication(&seen));
        }
        violations
    }

    fn exclusion(&self, seen: &Seen) -> Vec<Violation> {
        let mut violations = Vec::new();
        if !seen.is_touchable {
            violations.push(Violation::new(
                "I4",
                format!("{} is not touched", seen.secret.name),
            ));
        }
        if self.scenario.policy.covering(&seen.secret).is_empty() {
            let what = format!("no rule covers {}", seen.secret.name);
            violations.push(Violation::new("I3", what));
        }
        violations
    }

    fn replication(&self, seen: &Seen) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut wrong = |invariant, what: String| {
            violations.push(Violation::new(invariant, what));
        };
        let settings = self.scenario.reference_settings();
        let asked_to_overwrite = self.write.body["ForceOverwriteReplicaSecret"] == true;
        for target in listed(&self.write.body["AddReplicaRegions"]) {
            let region = target["Region"].as_str().unwrap_or_default();
            let asked_key = target["KmsKeyId"].as_str().and_then(managed_is_none);
            match self.scenario.policy.answer(&seen.secret, region, &settings) {
                Answer::Replica { key, overwrite } => {
                    if key != asked_key {
                        wrong("I10", format!("{region}: {asked_key:?}, not {key:?}"));
                    }
                    if asked_to_overwrite && !overwrite {
                        wrong("I5", format!("{region} may not be overwritten"));
                    }
                }
                other => wrong("I2", format!("{region}: {other:?}")),
            }
            let found = self.found(region, &seen.secret.name);
            if found == Some(Found::Promoted) {
                wrong("I5", format!("{region} has a promoted former replica"));
            }
            if asked_to_overwrite && found != Some(Found::Other) {
                wrong("I5", format!("{region} is overwritten, and has {found:?}"));
            }
            match seen.status(region) {
                None => {}
                Some("Failed") => {
                    let message = seen.message(region);
                    let overwrites = asked_to_overwrite && is_taken_name(message);
                    let is_free = overwrites || matches!(found, Some(Found::Nothing | Found::Ours));
                    if is_obstacle(message) && !is_free {
                        wrong("I7", format!("{region} has failed with: {message}"));
                    }
                }
                Some(status) => wrong("I7", format!("{region} is {status} already")),
            }
        }
        if !seen.has_value {
            wrong("contract", "the secret has no value".to_owned());
        }
        violations
    }

    fn removal(&self, seen: &Seen) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut wrong = |what: String| violations.push(Violation::new("I6", what));
        if !self.scenario.removes() {
            wrong("removal is not allowed".to_owned());
        }
        let policy = &self.scenario.policy;
        let settings = self.scenario.reference_settings();
        let answer = |region: &str| policy.answer(&seen.secret, region, &settings);
        for region in listed(&self.write.body["RemoveReplicaRegions"]) {
            let region = region.as_str().unwrap_or_default();
            let status = seen.status(region);
            match answer(region) {
                Answer::Replica { .. } => {
                    let was_asked_for = self.calls.iter().any(|call| {
                        call.sent < self.write.sent
                            && listed(&call.body["AddReplicaRegions"])
                                .any(|target| target["Region"] == region)
                    });
                    let is_shell = self.was_vacant(region, &seen.secret.name);
                    if status != Some("Failed") || !is_shell || !was_asked_for {
                        wrong(format!("{region} is wanted, and {status:?}"));
                    }
                    continue;
                }
                Answer::NotWanted => {
                    let bad = policy.bad_tokens(&seen.secret);
                    if !bad.is_empty() {
                        wrong(format!("{region} is removed although {bad:?} is no Region"));
                    }
                }
                Answer::Refused(reasons) if reasons.contains("forbidden-by-policy") => {}
                Answer::Refused(reasons) => wrong(format!("{region} is refused: {reasons:?}")),
            }
            if !matches!(status, Some("InSync" | "Failed")) {
                wrong(format!("{region} is removed while it is {status:?}"));
            }
            let is_moved = matches!(answer(region), Answer::NotWanted);
            for other in regions() {
                let is_refused = match answer(other) {
                    Answer::Refused(reasons) => {
                        // A replica that somebody else has made with a weaker key is there.
                        let is_there = reasons == ["weaker-encryption".to_owned()].into()
                            && seen.status(other) == Some("InSync");
                        !reasons.contains("primary-region") && !is_there
                    }
                    _ => false,
                };
                if is_moved && is_refused {
                    wrong(format!("{region} is removed although {other} is refused"));
                }
                let is_wanted = matches!(answer(other), Answer::Replica { .. });
                if is_wanted && seen.status(other) != Some("InSync") {
                    wrong(format!("{region} is removed before {other} is in sync"));
                }
            }
        }
        violations
    }

    /// What the last look into a Region before the write has found under the name.
    fn found(&self, region: &str, name: &str) -> Option<Found> {
        let looks = self.calls.iter().filter_map(|call| {
            let answer = call.answer.as_ref()?;
            let is_look = call.operation == "DescribeSecret"
                && call.region == region
                && call.secret_id() == Some(name)
                && answer.came < self.write.sent;
            is_look.then_some((answer.came, call))
        });
        let (_, last) = looks.max_by_key(|(came, _)| *came)?;
        let answer = last.answer.as_ref()?;
        if answer.error_code() == Some("ResourceNotFoundException") {
            return Some(Found::Nothing);
        }
        let there = &last.success()?.body;
        let suffix = |arn: Option<&str>| {
            arn.and_then(|arn| arn.rsplit('-').next())
                .map(str::to_owned)
        };
        let is_the_same = suffix(there["ARN"].as_str()) == suffix(self.write.secret_id());
        let primary = there["PrimaryRegion"].as_str();
        Some(match primary {
            Some(HOME) if is_the_same => Found::Ours,
            _ if is_the_same && primary.is_none_or(|primary| primary == region) => Found::Promoted,
            _ => Found::Other,
        })
    }

    /// Whether a look into a Region has found nothing of that name.
    fn was_vacant(&self, region: &str, name: &str) -> bool {
        self.calls.iter().any(|call| {
            let answer = call.answer.as_ref();
            call.operation == "DescribeSecret"
                && call.region == region
                && call.secret_id() == Some(name)
                && answer.is_some_and(|answer| {
                    answer.came < self.write.sent
                        && answer.error_code() == Some("ResourceNotFoundException")
                })
        })
    }
}

fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
