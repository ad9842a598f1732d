//! Which dangerous interleavings a world contained.
//!
//! A world in which invocations and owner never meet proves little. The counts show that the
//! interleavings that the function must survive really occur.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::journal::{Call, is_write};
use crate::lambda::Invocation;
use crate::scenario::{Deed, Scenario};
use crate::story::Played;

/// A dangerous interleaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encounter {
    /// Two invocations that ran at once wrote to one secret.
    BothWrite,
    /// Two invocations that ran at once removed the same replica.
    DoubleRemoval,
    /// An invocation requested the replica that another one removed at the same time.
    Crossing,
    /// The owner changed a tag between the last look and the write that rests on it.
    OutdatedWrite,
    /// An invocation requested one replica more than once.
    RepeatedRequest,
    /// Events and their retries left something for the sweep to write.
    LeftForSweep,
}

impl Encounter {
    /// Every interleaving.
    pub const ALL: [Encounter; 6] = [
        Encounter::BothWrite,
        Encounter::DoubleRemoval,
        Encounter::Crossing,
        Encounter::OutdatedWrite,
        Encounter::RepeatedRequest,
        Encounter::LeftForSweep,
    ];
}

impl fmt::Display for Encounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encounter::BothWrite => "two invocations write to one secret",
            Encounter::DoubleRemoval => "two invocations remove one replica",
            Encounter::Crossing => "one requests what the other removes",
            Encounter::OutdatedWrite => "tags change between look and write",
            Encounter::RepeatedRequest => "a replica is requested again",
            Encounter::LeftForSweep => "the sweep has something to write",
        })
    }
}

/// Returns the interleavings that a world contained.
#[must_use]
pub fn encounters(scenario: &Scenario, played: &Played) -> BTreeSet<Encounter> {
    let calls = played.journal.calls.iter();
    let writes: Vec<&Call> = calls.filter(|call| is_write(&call.operation)).collect();
    let runs = played.invocations.iter();
    let runs = runs.map(|invocation| Run::new(invocation, &writes));
    let runs: Vec<Run> = runs.filter(|run| !run.is_idle()).collect();
    let mut found = BTreeSet::new();
    for (index, first) in runs.iter().enumerate() {
        for second in &runs[index + 1..] {
            if first.runs_beside(second) {
                found.extend(first.met(second));
            }
        }
    }
    let sweep = &played.first;
    let sweep = sweep.after + 1..=sweep.last;
    let alone = [
        (
            Encounter::OutdatedWrite,
            writes
                .iter()
                .any(|write| is_outdated(scenario, played, write)),
        ),
        (Encounter::RepeatedRequest, runs.iter().any(Run::repeats)),
        (
            Encounter::LeftForSweep,
            writes.iter().any(|write| sweep.contains(&write.invocation)),
        ),
    ];
    found.extend(
        alone
            .into_iter()
            .filter_map(|(encounter, is_so)| is_so.then_some(encounter)),
    );
    found
}

/// A replica: the secret's ARN and the Region.
type Replica<'a> = (&'a str, &'a str);

/// What an invocation wrote.
struct Run<'a> {
    invocation: &'a Invocation,
    requested: Vec<Replica<'a>>,
    removed: BTreeSet<Replica<'a>>,
}

impl<'a> Run<'a> {
    fn new(invocation: &'a Invocation, writes: &[&'a Call]) -> Run<'a> {
        let mut run = Run {
            invocation,
            requested: Vec::new(),
            removed: BTreeSet::new(),
        };
        let own = writes
            .iter()
            .filter(|write| write.invocation == invocation.number);
        for write in own {
            let arn = write.secret_id().unwrap_or_default();
            let replica = |region: &'a Value| Some((arn, region.as_str()?));
            let listed = |field: &str| write.body[field].as_array().into_iter().flatten();
            let added = listed("AddReplicaRegions").map(|target| &target["Region"]);
            run.requested.extend(added.filter_map(replica));
            run.removed
                .extend(listed("RemoveReplicaRegions").filter_map(replica));
        }
        run
    }

    fn is_idle(&self) -> bool {
        self.requested.is_empty() && self.removed.is_empty()
    }

    fn runs_beside(&self, other: &Run) -> bool {
        let (own, others) = (self.invocation, other.invocation);
        own.began < others.ended && others.began < own.ended
    }

    fn met(&self, other: &Run) -> impl Iterator<Item = Encounter> {
        let any_removed =
            |run: &Run, of: &[Replica]| of.iter().any(|row| run.removed.contains(row));
        let removed: Vec<Replica> = self.removed.iter().copied().collect();
        let secrets = other.secrets();
        let met = [
            (Encounter::BothWrite, !self.secrets().is_disjoint(&secrets)),
            (Encounter::DoubleRemoval, any_removed(other, &removed)),
            (
                Encounter::Crossing,
                any_removed(other, &self.requested) || any_removed(self, &other.requested),
            ),
        ];
        met.into_iter()
            .filter_map(|(encounter, is_so)| is_so.then_some(encounter))
    }

    fn repeats(&self) -> bool {
        let distinct: BTreeSet<&Replica> = self.requested.iter().collect();
        distinct.len() < self.requested.len()
    }

    fn secrets(&self) -> BTreeSet<&str> {
        let replicas = self.requested.iter().chain(&self.removed);
        replicas.map(|(arn, _)| *arn).collect()
    }
}

/// Whether the owner changed a tag after the look that the write rests on, and before the write.
fn is_outdated(scenario: &Scenario, played: &Played, write: &Call) -> bool {
    let looks = played.journal.calls.iter().filter_map(|look| {
        let answer = look.success()?;
        let is_of_write = look.invocation == write.invocation
            && look.operation == "DescribeSecret"
            && answer.body["ARN"].as_str() == write.secret_id()
            && answer.came < write.sent;
        is_of_write.then_some((look.at, answer))
    });
    let Some((looked, answer)) = looks.max_by_key(|(_, answer)| answer.came) else {
        return false;
    };
    let seen = &answer.body;
    let shown = |key: &str| {
        let mut tags = seen["Tags"].as_array().into_iter().flatten();
        let tag = tags.find(|tag| tag["Key"] == key)?;
        tag["Value"].as_str()
    };
    let acts = scenario.acts.iter();
    let mut acts: Vec<_> = acts
        .filter(|act| (looked..write.at).contains(&act.at.into()))
        .collect();
    acts.sort_by_key(|act| act.at);
    let mut changes: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for act in acts {
        match &act.deed {
            Deed::Tag(name, key, value) if seen["Name"] == name.as_str() => {
                changes.insert(key, Some(value));
            }
            Deed::Untag(name, key) if seen["Name"] == name.as_str() => {
                changes.insert(key, None);
            }
            _ => {}
        }
    }
    changes.into_iter().any(|(key, value)| shown(key) != value)
}
