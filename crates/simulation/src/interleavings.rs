//! Finds dangerous interleavings in a world.
//!
//! A world in which invocations and owners never meet proves little. The counts show that the
//! interleavings that the function must survive do occur.

mod promotions;
mod reads;
mod regional;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::check::ObservedSecret;
use crate::journal::Call;
use crate::journal::Invocation;
use crate::run::Run;
use crate::scenario::{Action, HOME, Scenario};
use crate::truth::suffix;

/// A dangerous interleaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interleaving {
    /// Two concurrent invocations wrote to one secret.
    BothWrite,
    /// Two concurrent invocations removed the same replica.
    DoubleRemoval,
    /// An invocation requested a replica that a concurrent one removed.
    RequestAndRemoval,
    /// The owner changed a tag between a write and the last read before it.
    OutdatedWrite,
    /// An invocation requested one replica more than once.
    RepeatedRequest,
    /// Events and their retries left a write to the sweep.
    LeftForSweep,
    /// A read of an invocation showed an older state than its read before.
    ReadWentBack,
    /// A read showed tags that the secret did not have any more.
    LaggingTag,
    /// A Region had a promoted former replica of a secret.
    Promoted,
    /// The function of a Region promoted a replica.
    PromotedByFunction,
    /// Two invocations tried to promote the same replica.
    DoublePromotion,
    /// AWS answered calls of a sweep with errors for some seconds.
    OutageInSweep,
    /// During a sweep, the primary secrets' Region answered its calls with errors for some seconds.
    PrimaryOutageInSweep,
    /// During a sweep, a Region of replicas did not answer its calls for seconds or minutes.
    ReplicaOutageInSweep,
    /// The same between the sweeps.
    PrimaryOutage,
    /// The same between the sweeps.
    ReplicaOutage,
    /// A function in a replica's Region skipped an event about the replica.
    ReplicaEvent,
    /// The function skipped an event about a replica that another Region forwarded.
    ForwardedReplicaEvent,
    /// The function read a former replica of a deleted secret of the same name.
    Stranded,
    /// The function read a replica of a deleted secret of the same name.
    Orphaned,
    /// The function read a replica of another account's secret of the same name.
    CrossAccountInTheWay,
    /// The function wrote to a secret that has the name of a deleted one.
    Recreated,
}

/// Returns the interleavings in a world.
pub(crate) fn interleavings(scenario: &Scenario, run: &Run) -> BTreeSet<Interleaving> {
    let journal = &run.journal;
    let writes: Vec<&Call> = journal
        .calls
        .iter()
        .filter(|call| call.is_write())
        .collect();
    let sessions: Vec<Session> = journal
        .invocations
        .iter()
        .map(|invocation| Session::new(invocation, &writes))
        .filter(|session| !session.secrets().is_empty())
        .collect();
    let mut found = BTreeSet::new();
    for (index, first) in sessions.iter().enumerate() {
        let others = sessions[index + 1..].iter();
        for second in others.filter(|second| first.is_concurrent_with(second)) {
            if !first.secrets().is_disjoint(&second.secrets()) {
                found.insert(Interleaving::BothWrite);
            }
            if !first.removed.is_disjoint(&second.removed) {
                found.insert(Interleaving::DoubleRemoval);
            }
            if first.requests_what_is_removed_by(second)
                || second.requests_what_is_removed_by(first)
            {
                found.insert(Interleaving::RequestAndRemoval);
            }
        }
        if first.repeats_a_request() {
            found.insert(Interleaving::RepeatedRequest);
        }
    }
    for write in writes {
        if is_outdated(scenario, run, write) {
            found.insert(Interleaving::OutdatedWrite);
        }
        if run.first.invocations.contains(&write.invocation) {
            found.insert(Interleaving::LeftForSweep);
        }
    }
    found.extend(promotions::interleavings(run));
    found.extend(reads::interleavings(run));
    found.extend(regional::interleavings(scenario, run));
    if has_promoted(run) {
        found.insert(Interleaving::Promoted);
    }
    if run.outage_calls > 0 && scenario.outage.is_some() {
        found.insert(Interleaving::OutageInSweep);
    }
    found
}

/// Returns whether a Region had a standalone secret with the suffix of a secret in [`HOME`].
fn has_promoted(run: &Run) -> bool {
    run.truth.all().any(|(region, name, states)| {
        let existing = states.iter().filter_map(|(_, state)| state.as_ref());
        let mut standalone = existing.filter(|state| !state.is_replica);
        region != HOME
            && standalone.any(|promoted| {
                let mut primary = run.truth.during((HOME, name), 0, u64::MAX).flatten();
                primary.any(|primary| suffix(&primary.arn) == suffix(&promoted.arn))
            })
    })
}

/// A replica, as the secret's ARN and the Region.
type Replica<'a> = (&'a str, &'a str);

/// What an invocation wrote.
struct Session<'a> {
    invocation: &'a Invocation,
    requested: Vec<Replica<'a>>,
    removed: BTreeSet<Replica<'a>>,
}

impl<'a> Session<'a> {
    fn new(invocation: &'a Invocation, writes: &[&'a Call]) -> Session<'a> {
        let mut session = Session {
            invocation,
            requested: Vec::new(),
            removed: BTreeSet::new(),
        };
        let writes = writes.iter();
        for write in writes.filter(|write| write.invocation == invocation.number) {
            let arn = write.secret_id().unwrap_or_default();
            let replicas = |field| write.regions(field).map(|region| (arn, region));
            session.requested.extend(replicas("AddReplicaRegions"));
            session.removed.extend(replicas("RemoveReplicaRegions"));
        }
        session
    }

    fn is_concurrent_with(&self, other: &Session) -> bool {
        let (own, other) = (self.invocation, other.invocation);
        own.began < other.ended && other.began < own.ended
    }

    fn requests_what_is_removed_by(&self, other: &Session) -> bool {
        let mut requested = self.requested.iter();
        requested.any(|replica| other.removed.contains(replica))
    }

    fn repeats_a_request(&self) -> bool {
        let distinct: BTreeSet<&Replica> = self.requested.iter().collect();
        distinct.len() < self.requested.len()
    }

    fn secrets(&self) -> BTreeSet<&str> {
        let replicas = self.requested.iter().chain(&self.removed);
        replicas.map(|(arn, _)| *arn).collect()
    }
}

/// Returns whether the owner changed a tag between a write and the last read before it.
fn is_outdated(scenario: &Scenario, run: &Run, write: &Call) -> bool {
    let reads = run.journal.calls_of(write.invocation).filter_map(|read| {
        read.success()?;
        let answer = read.answer_before(write)?;
        let is_of_secret = answer.body["ARN"].as_str() == write.secret_id();
        (read.operation == "DescribeSecret" && is_of_secret).then_some((read.at, answer))
    });
    let Some((read_at, answer)) = reads.max_by_key(|(_, answer)| answer.received) else {
        return false;
    };
    let seen = ObservedSecret::new(&answer.body);
    let actions = scenario.actions.iter();
    let mut actions = actions.filter(|timed| (read_at..write.at).contains(&timed.at.into()));
    actions.any(|timed| changes_tags(&timed.action, &seen))
}

/// Returns whether an action changes a tag of a secret as it was read.
fn changes_tags(action: &Action, seen: &ObservedSecret) -> bool {
    let Action::Call {
        operation, body, ..
    } = action
    else {
        return false;
    };
    let shown = |key: &Value| seen.secret.tags.get(key.as_str()?);
    let tag = &body["Tags"][0];
    body["SecretId"] == seen.secret.name.as_str()
        && match operation.as_str() {
            "TagResource" => shown(&tag["Key"]).map(String::as_str) != tag["Value"].as_str(),
            "UntagResource" => shown(&body["TagKeys"][0]).is_some(),
            _ => false,
        }
}
