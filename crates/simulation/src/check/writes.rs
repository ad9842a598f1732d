//! Checks that the last read before each write permits the write.

use super::Violation;
use super::observed::{ObservedSecret, is_taken_name, needs_manual_fix, reads};
use crate::journal::Call;
use crate::journal::Purpose;
use crate::run::Run;
use crate::scenario::{HOME, Scenario, regions};
use secret_replicator_reference_policy::{Answer, managed_is_none};

/// The reads of the function.
const READS: [&str; 2] = ["DescribeSecret", "ListSecrets"];
/// The writes of a reconciliation.
const WRITES: [&str; 2] = ["ReplicateSecretToRegions", "RemoveRegionsFromReplication"];
const PROMOTION: &str = "StopReplicationToReplica";

/// Returns whether an invocation of this purpose may make a call.
fn is_allowed(operation: &str, purpose: Option<Purpose>) -> bool {
    READS.contains(&operation)
        || match purpose {
            Some(Purpose::Promotion) => operation == PROMOTION,
            _ => WRITES.contains(&operation),
        }
}

/// The longest time between a read and the write that it permits, in milliseconds.
const MAX_AGE: u64 = 2000;

pub(super) fn violations(scenario: &Scenario, run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    for call in &run.journal.calls {
        let mut check = WriteCheck {
            scenario,
            calls: Vec::new(),
            write: call,
            violations: Vec::new(),
        };
        let invocation = run.journal.invocation(call.invocation);
        let purpose = invocation.map(|invocation| invocation.purpose);
        if !is_allowed(&call.operation, purpose) {
            check.add("I1", "an operation that the function must not use");
        }
        if call.is_write() {
            check.calls = run.journal.calls_of(call.invocation).collect();
            check.run();
            if purpose == Some(Purpose::ReadOnly) {
                check.add("dry run", "a write");
            }
        }
        let (number, at, operation) = (call.invocation, call.at, &call.operation);
        let place = format!("invocation {number}, {at} ms, {operation}");
        let found = check.violations.into_iter();
        violations.extend(found.map(|violation| violation.at(&place)));
    }
    violations
}

/// What a Region has under the name of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The secret's own replica.
    Ours,
    /// A former replica that is a standalone secret now.
    Promoted,
    /// A replica of a promoted former replica in a third Region.
    OfPromoted,
    Other,
}

/// Checks one write.
struct WriteCheck<'a> {
    scenario: &'a Scenario,
    /// The calls of the write's invocation.
    calls: Vec<&'a Call>,
    write: &'a Call,
    violations: Vec<Violation>,
}

impl WriteCheck<'_> {
    fn add(&mut self, invariant: &'static str, what: impl Into<String>) {
        self.violations.push(Violation::new(invariant, what));
    }

    fn run(&mut self) {
        let arn = self.write.secret_id().unwrap_or_default();
        let earlier = self.calls.iter().filter(|call| {
            let answer = call.answer_before(self.write);
            answer.is_some() && reads(call, arn)
        });
        let mut reads: Vec<&Call> = earlier.copied().collect();
        reads.sort_by_key(|call| call.answer.as_ref().map(|answer| answer.received));
        let successes: Vec<_> = reads.iter().filter_map(|call| call.success()).collect();
        let Some(last) = successes.last() else {
            self.add("I2", format!("{arn} was not read before"));
            return;
        };
        let age = self.write.at.saturating_sub(last.at);
        if age > MAX_AGE {
            self.add("fresh read", format!("the last read is {age} ms old"));
        }
        let seen = ObservedSecret::new(&last.body);
        if self.write.operation == PROMOTION {
            self.promotion(&seen);
            return;
        }
        let name = &seen.secret.name;
        if !seen.is_writable {
            self.add("I4", format!("{name} must not be written to"));
        }
        if self.scenario.policy.covering(&seen.secret).is_empty() {
            self.add("I3", format!("no rule covers {name}"));
        }
        if self.write.operation == "RemoveRegionsFromReplication" {
            if reads.last().is_some_and(|call| call.success().is_none()) {
                self.add("I6", "removed although the last read failed");
            }
            if successes.len() < 2 {
                self.add("I6", "removed without a second read");
            }
            self.removal(&seen);
        } else {
            self.replication(&seen);
        }
    }

    /// Checks that the secret was a covered replica of [`HOME`] with a value.
    fn promotion(&mut self, seen: &ObservedSecret) {
        let name = &seen.secret.name;
        if seen.secret.primary_region != HOME || self.write.region == HOME || !seen.has_value {
            self.add("I4", format!("{name} is not a replica with a value"));
        }
        if self.scenario.policy.covering(&seen.secret).is_empty() {
            self.add("I3", format!("no rule covers {name}"));
        }
    }

    fn replication(&mut self, seen: &ObservedSecret) {
        let forces = self.write.body["ForceOverwriteReplicaSecret"] == true;
        let targets = self.write.body["AddReplicaRegions"].as_array();
        for target in targets.into_iter().flatten() {
            let region = target["Region"].as_str().unwrap_or_default();
            let requested = target["KmsKeyId"].as_str().and_then(managed_is_none);
            match self.scenario.expected(&seen.secret, region) {
                Answer::Replica { key, overwrite } => {
                    if key != requested {
                        self.add("I10", format!("{region}: {requested:?}, not {key:?}"));
                    }
                    if forces && !overwrite {
                        self.add("I5", format!("{region} must not be overwritten"));
                    }
                }
                other => self.add("I2", format!("{region}: {other:?}")),
            }
            let found = self.found(region, &seen.secret.name);
            if found == Some(Found::Promoted) {
                self.add("I5", format!("{region} has a promoted former replica"));
            }
            if forces && found != Some(Found::Other) {
                self.add("I5", format!("{region} is overwritten, and has {found:?}"));
            }
            match seen.status(region) {
                None => {}
                Some("Failed") => {
                    let message = seen.message(region);
                    let overwrites = forces && is_taken_name(message);
                    let is_resolved =
                        overwrites || matches!(found, Some(Found::Nothing | Found::Ours));
                    if needs_manual_fix(message) && !is_resolved {
                        self.add("I7", format!("{region} failed before: {message}"));
                    }
                }
                Some(status) => self.add("I7", format!("{region} is already {status}")),
            }
        }
        if !seen.has_value {
            self.add("contract", "the secret has no value");
        }
    }

    fn removal(&mut self, seen: &ObservedSecret) {
        if !self.scenario.removes() {
            self.add("I6", "removal is not allowed");
        }
        for region in self.write.regions("RemoveReplicaRegions") {
            let status = seen.status(region);
            match self.scenario.expected(&seen.secret, region) {
                Answer::Replica { .. } => {
                    // The function removes a wanted replica only to recreate it: a failed one that does
                    // not exist in its Region, after a request.
                    let was_requested = self.calls.iter().any(|call| {
                        let mut requested = call.regions("AddReplicaRegions");
                        call.sent < self.write.sent && requested.any(|other| other == region)
                    });
                    let is_empty = self.was_name_available(region, &seen.secret.name);
                    if status != Some("Failed") || !is_empty || !was_requested {
                        self.add("I6", format!("{region} is wanted, and {status:?}"));
                    }
                    continue;
                }
                Answer::NotWanted => self.unwanted_removal(region, seen),
                Answer::Refused(reasons) if reasons.contains("forbidden-by-policy") => {}
                Answer::Refused(reasons) => {
                    self.add("I6", format!("{region} is refused: {reasons:?}"));
                }
            }
            if !matches!(status, Some("InSync" | "Failed")) {
                self.add("I6", format!("{region} is removed while {status:?}"));
            }
            for other in regions() {
                if self.scenario.wants(&seen.secret, other) && !seen.is_in_sync(other) {
                    self.add(
                        "I6",
                        format!("{region} is removed before {other} is in sync"),
                    );
                }
            }
        }
    }

    /// Checks the removal of a replica that no rule wants: the wanted Regions must be unambiguous.
    fn unwanted_removal(&mut self, region: &str, seen: &ObservedSecret) {
        let invalid = self.scenario.policy.bad_tokens(&seen.secret);
        if !invalid.is_empty() {
            self.add(
                "I6",
                format!("{region} is removed despite the tokens {invalid:?}"),
            );
        }
        for other in regions() {
            let Answer::Refused(reasons) = self.scenario.expected(&seen.secret, other) else {
                continue;
            };
            // A replica that someone else created with a weaker key exists.
            let exists =
                reasons == ["weaker-encryption".to_owned()].into() && seen.is_in_sync(other);
            if !reasons.contains("primary-region") && !exists {
                self.add(
                    "I6",
                    format!("{region} is removed although {other} is refused"),
                );
            }
        }
    }

    /// Returns what the last read in a Region before the write found under the name.
    fn found(&self, region: &str, name: &str) -> Option<Found> {
        let reads = self.calls.iter().filter_map(|call| {
            let answer = call.answer_before(self.write)?;
            let is_probe = call.operation == "DescribeSecret"
                && call.region == region
                && call.secret_id() == Some(name);
            is_probe.then_some((answer, call))
        });
        let (answer, last) = reads.max_by_key(|(answer, _)| answer.received)?;
        if answer.body["__type"] == "ResourceNotFoundException" {
            return Some(Found::Nothing);
        }
        let there = &last.success()?.body;
        let suffix = |arn: Option<&str>| {
            arn.and_then(|arn| arn.rsplit('-').next())
                .map(str::to_owned)
        };
        let is_same = suffix(there["ARN"].as_str()) == suffix(self.write.secret_id());
        let home = self.write.secret_id()?.split(':').nth(3);
        Some(match there["PrimaryRegion"].as_str() {
            _ if !is_same => Found::Other,
            primary if primary == home => Found::Ours,
            Some(primary) if primary != region => Found::OfPromoted,
            _ => Found::Promoted,
        })
    }

    /// Returns whether a read in a Region found no secret of that name before the write.
    fn was_name_available(&self, region: &str, name: &str) -> bool {
        self.calls.iter().any(|call| {
            let answer = call.answer_before(self.write);
            call.operation == "DescribeSecret"
                && call.region == region
                && call.secret_id() == Some(name)
                && answer.is_some_and(|answer| answer.body["__type"] == "ResourceNotFoundException")
        })
    }
}
