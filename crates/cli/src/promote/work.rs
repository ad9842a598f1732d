use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallErrorKind, Promoter, WriteError};
use secret_replicator_core::failover::promotion::{Candidate, NotPromoted, is_promoted, judge};
use secret_replicator_core::secret::{Secret, SecretId};
use tokio::time::{Instant, sleep};

use crate::access::ApiError;
use crate::interrupt;

/// The number of secrets that are promoted concurrently.
const AT_ONCE: usize = 8;

/// The time for the call of one secret, with its repetitions.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The time until a read must show the promotion.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(30);

/// The time between two reads.
const POLL: Duration = Duration::from_millis(500);

/// The number of calls for one secret.
const ATTEMPTS: usize = 5;

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);

/// What happened to one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is a standalone secret with a current version, as a read shows.
    Promoted {
        /// The time of that read.
        at: DateTime<Utc>,
        /// The current version in the read before the call.
        version_id: String,
    },
    /// It was promoted before its turn came.
    AlreadyStandalone,
    /// A read before the call shows why it must not be promoted.
    Not(NotPromoted),
    /// AWS accepted the call, but no read shows the promotion yet.
    Unverified,
    /// AWS rejects the call or does not answer. Contains the error.
    Failed(String),
    /// The user interrupted the command before its turn came.
    NotStarted,
}

/// Promotes the replicas, a few at a time. After an interruption, no other promotion begins. Calls `done` after each.
///
/// # Errors
/// The error of `done`. The promotions in progress end first.
pub(super) async fn promote(
    promoter: &Promoter,
    candidates: &[Candidate],
    mut done: impl FnMut(&Candidate, &Outcome) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let works = candidates.iter().map(|candidate| async move {
        let outcome = if interrupt::is_requested() {
            Outcome::NotStarted
        } else {
            promote_one(promoter, candidate).await
        };
        (candidate, outcome)
    });
    let mut works = stream::iter(works).buffer_unordered(AT_ONCE);
    let (mut number, mut next_line) = (0, Instant::now() + PROGRESS);
    let mut result = Ok(());
    while let Some((candidate, outcome)) = works.next().await {
        number += 1;
        if let Err(error) = done(candidate, &outcome)
            && result.is_ok()
        {
            // A promotion without a record must be the last one.
            interrupt::request();
            result = Err(error);
        }
        if Instant::now() >= next_line {
            next_line = Instant::now() + PROGRESS;
            eprintln!("promoting: {number} of {}", candidates.len());
        }
    }
    result
}

async fn promote_one(promoter: &Promoter, candidate: &Candidate) -> Outcome {
    let until = Instant::now() + TIMEOUT;
    let mut has_called = false;
    let mut version_id = candidate.version_id.clone();
    let mut error = String::from("the write rate left no time for the call");
    for _ in 0..ATTEMPTS {
        let Some(slot) = promoter.write_slot(until).await else {
            break;
        };
        let id = SecretId::Arn(candidate.arn.clone());
        let (secret, read) = match promoter.read(&id, until).await {
            Ok(read) => read,
            Err(error) if error.kind == CallErrorKind::NotFound => {
                return Outcome::Not(NotPromoted::Absent);
            }
            Err(error) => return Outcome::Failed(ApiError::from(&error).to_string()),
        };
        match judge(&secret, Some(&candidate.primary_region)) {
            Ok(fresh) => version_id = fresh.version_id,
            Err(NotPromoted::AlreadyStandalone) if has_called => break,
            Err(NotPromoted::AlreadyStandalone) => return Outcome::AlreadyStandalone,
            Err(reason) => return Outcome::Not(reason),
        }
        match promoter
            .stop_replication(&candidate.arn, read, slot, until)
            .await
        {
            Ok(()) => {
                has_called = true;
                break;
            }
            Err(WriteError::Stale) => {}
            Err(WriteError::Call(failed)) => {
                error = ApiError::from(&failed).to_string();
                if failed.is_transient() {
                    has_called |= failed.may_have_been_executed();
                } else {
                    return rejected(promoter, &id, until, error).await;
                }
                sleep(POLL).await;
            }
        }
    }
    if has_called {
        verify(promoter, candidate, version_id).await
    } else {
        Outcome::Failed(error)
    }
}

/// Returns the outcome of a rejected call. Another operator may have promoted the secret between the read and the
/// call.
async fn rejected(promoter: &Promoter, id: &SecretId, until: Instant, error: String) -> Outcome {
    match promoter.read(id, until).await {
        Ok((secret, _)) if is_promoted(&secret) => Outcome::AlreadyStandalone,
        _ => Outcome::Failed(error),
    }
}

/// Reads the secret until it is a standalone secret with a current version.
async fn verify(promoter: &Promoter, candidate: &Candidate, version_id: String) -> Outcome {
    let until = Instant::now() + VERIFY_TIMEOUT;
    let id = SecretId::Arn(candidate.arn.clone());
    while Instant::now() < until {
        let read = promoter.read(&id, until).await;
        if read.is_ok_and(|(secret, _): (Secret, _)| is_promoted(&secret)) {
            return Outcome::Promoted {
                at: Utc::now(),
                version_id,
            };
        }
        sleep(POLL).await;
    }
    Outcome::Unverified
}
