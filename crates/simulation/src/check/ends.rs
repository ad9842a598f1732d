//! After the storm, one sweep: every covered secret is in sync or in a record with its reason, and
//! another sweep writes nothing.

use serde_json::Value;

use super::Violation;
use super::seen::{is_obstacle, is_taken_name};
use crate::hindrance::{is_slow, is_slow_to_remake, question};
use crate::journal::is_write;
use crate::scenario::{Scenario, regions};
use crate::story::{Played, Swept, Truth};
use secret_replicator_emulator::SecretView;
use secret_replicator_reference_policy::{Answer, managed_is_none};

pub(super) fn violations(scenario: &Scenario, played: &Played) -> Vec<Violation> {
    let mut violations = Vec::new();
    if !played.first.is_complete || !played.second.is_complete {
        violations.push(Violation::new("I9", "a sweep without faults has no end"));
    }
    let records = records(played, &played.first);
    for secret in &played.after.secrets {
        let end = End {
            scenario,
            played,
            secret,
            records: records
                .iter()
                .filter(|record| record["secret_arn"] == secret.arn.as_str())
                .collect(),
        };
        violations.extend(end.violations());
    }
    violations.extend(second_sweep(scenario, played));
    violations
}

/// The records of secrets in a sweep.
fn records(played: &Played, sweep: &Swept) -> Vec<Value> {
    let lines = played.journal.lines.iter();
    lines
        .filter(|line| line.invocation > sweep.after && line.invocation <= sweep.last)
        .filter(|line| line.text.starts_with("{\"timestamp\""))
        .filter_map(|line| serde_json::from_str(&line.text).ok())
        .collect()
}

/// The end of one secret.
struct End<'a> {
    scenario: &'a Scenario,
    played: &'a Played,
    secret: &'a SecretView,
    records: Vec<&'a Value>,
}

impl End<'_> {
    fn violations(&self) -> Vec<Violation> {
        let question = question(self.secret);
        let policy = &self.scenario.policy;
        if !is_touchable(self.secret) || policy.covering(&question).is_empty() {
            return Vec::new();
        }
        let settings = self.scenario.reference_settings();
        let mut violations = Vec::new();
        for region in regions() {
            let found = match policy.answer(&question, region, &settings) {
                Answer::Replica { key, .. } if self.has_wrong_key(region, key.as_deref()) => {
                    self.refused(region, "another key")
                }
                Answer::Replica { .. } => self.wanted(region),
                Answer::Refused(reasons) if reasons.contains("primary-region") => None,
                // A replica that somebody else has made with a key of the customer is not weaker.
                Answer::Refused(reasons)
                    if reasons == ["weaker-encryption".to_owned()].into()
                        && self
                            .key_of_replica(region)
                            .is_some_and(|key| !is_managed(key)) =>
                {
                    None
                }
                Answer::Refused(reasons) => self.refused(region, &format!("{reasons:?}")),
                Answer::NotWanted => self.unwanted(region),
            };
            violations.extend(found);
        }
        for token in policy.bad_tokens(&question) {
            violations.extend(self.refused(&token, "no Region"));
        }
        violations
    }

    /// The key of a replica that is in sync.
    fn key_of_replica(&self, region: &str) -> Option<&str> {
        let rows = &self.secret.replicas;
        let row = rows.iter().find(|row| row.region == region)?;
        (row.status == "InSync").then_some(row.kms_key_id.as_str())
    }

    fn has_wrong_key(&self, region: &str, wanted: Option<&str>) -> bool {
        let question = question(self.secret);
        let policy = &self.scenario.policy;
        self.key_of_replica(region)
            .is_some_and(|found| policy.refuses_key(&question, region, wanted, found))
    }

    fn wanted(&self, region: &str) -> Option<Violation> {
        let name = &self.secret.name;
        let status = status(&self.played.after, name, region);
        if status == Some("InSync") {
            return None;
        }
        let wanted = (name.clone(), region.to_owned());
        let hindrance = self.played.before.hindrances.get(&wanted);
        let reason = self.reason(region);
        match (hindrance, reason) {
            // It waits for its value, and all its Regions with it.
            (Some(_), Some(_)) => None,
            (Some(hindrance), None) => Some(Violation::new(
                "promise",
                format!("{name} in {region} is {status:?} ({hindrance:?}), and in no record"),
            )),
            (None, reason) => Some(Violation::new(
                "I8",
                format!("{name} in {region} is {status:?} ({reason:?}), and nothing hinders it"),
            )),
        }
    }

    fn refused(&self, region: &str, why: &str) -> Option<Violation> {
        if self.reason(region).is_some() {
            return None;
        }
        let name = &self.secret.name;
        let what = format!("{name} is refused in {region:?} ({why}), and in no record");
        Some(Violation::new("promise", what))
    }

    fn unwanted(&self, region: &str) -> Option<Violation> {
        let name = &self.secret.name;
        let is_there = status(&self.played.after, name, region).is_some();
        if !is_there || !self.scenario.removes() || self.reason(region).is_some() {
            return None;
        }
        let what = format!("{name} has a replica in {region} that nobody wants, in no record");
        Some(Violation::new("I6", what))
    }

    /// The reason in a record for the secret as a whole, or for the Region.
    fn reason(&self, region: &str) -> Option<&str> {
        self.records.iter().find_map(|record| {
            let replicas = record["replicas"].as_array().into_iter().flatten();
            let mut named = replicas.filter(|replica| replica["region"] == region);
            let of_region = named.find_map(|replica| replica["reason"].as_str());
            of_region.or(record["reason"].as_str())
        })
    }
}

fn is_managed(key: &str) -> bool {
    managed_is_none(key).is_none()
}

fn is_touchable(secret: &SecretView) -> bool {
    let is_managed = secret.owning_service.is_some() || secret.name.contains('!');
    let is_replica = secret
        .primary_region
        .as_deref()
        .is_some_and(|region| region != secret.region);
    !is_managed && !is_replica && !secret.scheduled_for_deletion
}

fn status<'a>(truth: &'a Truth, name: &str, region: &str) -> Option<&'a str> {
    row(truth, name, region).map(|(status, _)| status)
}

fn row<'a>(truth: &'a Truth, name: &str, region: &str) -> Option<(&'a str, &'a str)> {
    let secret = truth.secrets.iter().find(|secret| secret.name == name)?;
    let row = secret.replicas.iter().find(|row| row.region == region)?;
    let message = row.status_message.as_deref().unwrap_or_default();
    Some((row.status.as_str(), message))
}

/// Once the wanted state is reached, no write; a failure that does not heal is not tried again.
fn second_sweep(scenario: &Scenario, played: &Played) -> Vec<Violation> {
    let mut violations = Vec::new();
    let sweep = &played.second;
    let writes = played.journal.calls.iter().filter(|call| {
        call.invocation > sweep.after && call.invocation <= sweep.last && is_write(&call.operation)
    });
    for write in writes {
        let arn = write.secret_id().unwrap_or_default();
        let secret = played.later.secrets.iter().find(|secret| secret.arn == arn);
        let name = secret.map_or("", |secret| secret.name.as_str());
        let body = &write.body;
        let added = body["AddReplicaRegions"].as_array().into_iter().flatten();
        let added = added.filter_map(|target| target["Region"].as_str());
        let removed = body["RemoveReplicaRegions"]
            .as_array()
            .into_iter()
            .flatten();
        let removed = removed.filter_map(Value::as_str);
        let removed = removed.filter(|region| !awaits_others(scenario, played, name, region));
        for region in added.chain(removed) {
            if !may_be_left(scenario, played, name, region) {
                let row = row(&played.later, name, region);
                let what = format!(
                    "{} for {name} in {region}, which is {row:?}",
                    write.operation
                );
                violations.push(Violation::new("I7", what));
            }
        }
    }
    violations
}

/// Whether the first sweep may have left something to do about a replica for the second one.
fn may_be_left(scenario: &Scenario, played: &Played, name: &str, region: &str) -> bool {
    let wanted = (name.to_owned(), region.to_owned());
    let is_hindered = played.later.hindrances.contains_key(&wanted);
    let later = row(&played.later, name, region);
    let may_heal = match later {
        None => is_hindered,
        // AWS may refuse to overwrite whatever it knows as a replica, and nobody can tell beforehand.
        Some(("Failed", message)) if is_taken_name(message) => {
            overwrites(scenario, played, name, region)
        }
        Some(("Failed", message)) => is_hindered && !is_obstacle(message),
        Some(_) => false,
    };
    let was_failed = matches!(row(&played.before, name, region), Some(("Failed", _)));
    let is_being_remade = was_failed && scenario.removes() && !matches!(later, Some(("InSync", _)));
    // What the first sweep did not see to its end.
    let is_unfinished = is_slow(scenario) || is_being_remade && is_slow_to_remake(scenario);
    may_heal || is_unfinished
}

/// Whether the removal of a replica may have had to wait for another Region's, which the first sweep
/// has begun to remake: nothing goes before every wanted replica is in sync.
fn awaits_others(scenario: &Scenario, played: &Played, name: &str, region: &str) -> bool {
    let mut secrets = played.before.secrets.iter();
    let Some(secret) = secrets.find(|secret| secret.name == name) else {
        return false;
    };
    let is_remade = secret.replicas.iter().any(|other| {
        other.region != region
            && other.status == "Failed"
            && status(&played.later, name, &other.region) != Some("InSync")
            && matches!(
                wanted(scenario, secret, &other.region),
                Answer::Replica { .. }
            )
    });
    is_remade && scenario.removes() && is_slow_to_remake(scenario)
}

/// Whether a secret's replica in a Region is to overwrite what has its name there.
fn overwrites(scenario: &Scenario, played: &Played, name: &str, region: &str) -> bool {
    let mut secrets = played.later.secrets.iter();
    let secret = secrets.find(|secret| secret.name == name);
    secret.is_some_and(|secret| {
        let overwrites = |answer| matches!(answer, Answer::Replica { overwrite, .. } if overwrite);
        overwrites(wanted(scenario, secret, region))
    })
}

/// What the policy wants for a secret in a Region.
fn wanted(scenario: &Scenario, secret: &SecretView, region: &str) -> Answer {
    let settings = scenario.reference_settings();
    scenario.policy.answer(&question(secret), region, &settings)
}
