use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{FailbackClient, ReadTime, WriteError, WriteSlot};
use secret_replicator_core::failover::failback::SafeCall;
use secret_replicator_core::secret::{ReplicaStatus, SecretId};
use tokio::time::{Instant, sleep};

use super::read::{Sides, Subject};
use super::report::{Performed, Report, Row};
use crate::access::{Access, ApiError};
use crate::confirm::{Confirmed, SafeCalls};
use crate::interrupt;

/// The number of secrets in progress.
const AT_ONCE: usize = 8;

/// The time for the call of one secret, with its repetitions.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The time until a read must show the effect. A replication takes seconds (reported by users).
const VERIFY_TIMEOUT: Duration = Duration::from_mins(1);

/// The time between two reads.
const POLL: Duration = Duration::from_millis(500);

/// The number of calls for one secret.
const ATTEMPTS: usize = 5;

/// The clients that make the calls, one for each Region. Only a confirmation leads to them.
pub(super) struct Clients<'a> {
    sides: &'a Sides,
    old: FailbackClient,
    new: FailbackClient,
}

/// What happened to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A read shows the effect.
    Done,
    /// AWS accepted the call, but no read shows the effect yet.
    Unverified,
    /// A read before the call shows that it is not the next step any more.
    NoLongerDue,
    /// AWS rejects the call, or the effect failed. Contains the error.
    Failed(String),
    /// The user interrupted the command before its turn came.
    NotStarted,
}

impl Outcome {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unverified => "unverified",
            Self::NoLongerDue => "no-longer-due",
            Self::Failed(_) => "failed",
            Self::NotStarted => "not-started",
        }
    }

    pub(super) fn detail(&self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Unverified => {
                Some("AWS accepted the call, but no read shows its effect yet: run the command again".to_owned())
            }
            Self::NoLongerDue => Some(
                "the secret changed after the plan, so the call was not made: run the command again"
                    .to_owned(),
            ),
            Self::Failed(error) => Some(error.clone()),
            Self::NotStarted => Some("interrupted: run the command again".to_owned()),
        }
    }
}

impl<'a> Clients<'a> {
    pub(super) fn new(access: &Access, confirmed: &Confirmed<SafeCalls>, sides: &'a Sides) -> Self {
        let client = |region| access.in_region(region).failback_client(confirmed);
        Self {
            old: client(&sides.to),
            new: client(&sides.from),
            sides,
        }
    }

    /// Returns the client of the Region in which a call is made.
    fn of(&self, call: &SafeCall) -> &FailbackClient {
        if *call.region() == self.sides.to {
            &self.old
        } else {
            &self.new
        }
    }
}

/// Makes the calls of a report, a few at a time, and reads their secrets again. After an interruption, no other call
/// begins.
pub(super) async fn all(clients: &Clients<'_>, report: &mut Report) {
    let calls = report.calls().into_iter();
    let works = calls.map(|(position, call)| {
        let subject = report.secrets[position].subject.clone();
        async move {
            let outcome = if interrupt::is_requested() {
                Outcome::NotStarted
            } else {
                perform(clients, &subject, &call).await
            };
            // Without a second read, the report keeps the state before the call.
            let both = clients.sides.read(&subject).await.ok();
            (position, Performed::new(&call, &outcome), both)
        }
    });
    let works: Vec<_> = works.collect();
    let mut works = stream::iter(works).buffer_unordered(AT_ONCE);
    while let Some((position, performed, both)) = works.next().await {
        let row = &mut report.secrets[position];
        if let Some(both) = both {
            *row = Row::new(row.subject.clone(), &both);
        }
        row.performed = Some(performed);
    }
}

/// Makes one call if it is still the next step, and verifies it.
async fn perform(clients: &Clients<'_>, subject: &Subject, call: &SafeCall) -> Outcome {
    let until = Instant::now() + TIMEOUT;
    let client = clients.of(call);
    let mut has_called = false;
    let mut error = String::from("the write rate left no time for the call");
    for _ in 0..ATTEMPTS {
        let Some(slot) = client.write_slot(until).await else {
            break;
        };
        let read = match client.read(&id(call), until).await {
            Ok((_, read)) => read,
            Err(error) => return Outcome::Failed(ApiError::from(&error).to_string()),
        };
        match is_due(clients, subject, call).await {
            Ok(true) => {}
            Ok(false) if has_called => break,
            Ok(false) => return Outcome::NoLongerDue,
            Err(error) => return Outcome::Failed(format!("{error:#}")),
        }
        match make(client, call, read, slot, until).await {
            Ok(()) => {
                has_called = true;
                break;
            }
            Err(WriteError::Stale) => {}
            Err(WriteError::Call(failed)) => {
                error = ApiError::from(&failed).to_string();
                if !failed.is_transient() {
                    return rejected(clients, subject, call, error).await;
                }
                has_called |= failed.may_have_been_executed();
                sleep(POLL).await;
            }
        }
    }
    if has_called {
        verify(clients, call).await
    } else {
        Outcome::Failed(error)
    }
}

/// Returns the outcome of a call that AWS rejects. Another operator may have made it since the read.
async fn rejected(
    clients: &Clients<'_>,
    subject: &Subject,
    call: &SafeCall,
    error: String,
) -> Outcome {
    match is_due(clients, subject, call).await {
        Ok(false) => Outcome::NoLongerDue,
        Ok(true) | Err(_) => Outcome::Failed(error),
    }
}

/// Returns whether a call is the next step of a secret, by a read of both sides.
///
/// # Errors
/// A side cannot be read.
async fn is_due(clients: &Clients<'_>, subject: &Subject, call: &SafeCall) -> anyhow::Result<bool> {
    let both = clients.sides.read(subject).await?;
    Ok(both.way.next_call() == Some(call))
}

async fn make(
    client: &FailbackClient,
    call: &SafeCall,
    read: ReadTime,
    slot: WriteSlot,
    until: Instant,
) -> Result<(), WriteError> {
    match call {
        SafeCall::Replicate(replication) => {
            let made = client.replicate(replication, read, slot, until).await;
            made.map(drop)
        }
        SafeCall::Restore(restoration) => client.restore(restoration, read, slot, until).await,
    }
}

/// Returns the secret that a call changes.
fn id(call: &SafeCall) -> SecretId {
    let arn = match call {
        SafeCall::Replicate(replication) => replication.primary(),
        SafeCall::Restore(restoration) => restoration.secret(),
    };
    SecretId::Arn(arn.clone())
}

/// Reads until the effect of a call shows.
async fn verify(clients: &Clients<'_>, call: &SafeCall) -> Outcome {
    let until = Instant::now() + VERIFY_TIMEOUT;
    while Instant::now() < until {
        if let Some(outcome) = effect(clients, call, until).await {
            return outcome;
        }
        sleep(POLL).await;
    }
    Outcome::Unverified
}

/// Returns the outcome of a call that AWS accepted. `None` while no read shows it.
async fn effect(clients: &Clients<'_>, call: &SafeCall, until: Instant) -> Option<Outcome> {
    let reader = clients.sides.reader(call.region());
    let changed = reader.describe(&id(call), until).await.ok()?;
    let replication = match call {
        SafeCall::Restore(_) => return (!changed.scheduled_for_deletion).then_some(Outcome::Done),
        SafeCall::Replicate(replication) => replication,
    };
    let status = changed.replicas.get(replication.to());
    if let Some(failed) = status.filter(|replica| replica.status == ReplicaStatus::Failed) {
        let message = failed.message.as_deref().unwrap_or("without a message");
        return Some(Outcome::Failed(format!(
            "the replication to {} failed: {message}",
            replication.to()
        )));
    }
    let there = SecretId::Arn(replication.primary().in_region(replication.to()));
    let reader = clients.sides.reader(replication.to());
    let replica = reader.describe(&there, until).await.ok()?;
    let is_done = replica.replica_of() == Some(replication.primary().region())
        && replica.has_value()
        && replica.current_version == changed.current_version;
    is_done.then_some(Outcome::Done)
}
