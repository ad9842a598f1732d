//! Compares the replicas of the Region with their primary secrets, without a write.

use std::collections::BTreeMap;
use std::pin::pin;

use chrono::TimeDelta;
use futures_util::stream::{self, StreamExt};
use secret_replicator_aws::{CallError, CallErrorKind, Page, UnreadableEntry};
use secret_replicator_core::failover::drill::{
    DrillFinding, Drilled, Evidence, KeyCheck, ReaderCheck, ReplicaRequest, There, assess,
    expectation,
};
use secret_replicator_core::failover::inventory::Entry;
use secret_replicator_core::secret::{Region, Secret, SecretId};

use super::{AT_ONCE, Covered, Failover, FailoverSummary, Finding, ReplicaOutcome, ReplicaState};
use crate::reconcile::{Reconciler, SecretOutcome};

/// The age of a change from which the lists of both Regions show it. A list can be five minutes old (Secrets Manager
/// API reference, `ListSecrets`), and a replication takes seconds.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The covered replicas that no page of the primary Region's list has shown, by name and suffix.
type Unmatched = BTreeMap<String, Covered>;

/// A judged secret, or an entry of the primary Region's list that cannot be parsed.
type Judged = Result<ReplicaOutcome, Box<UnreadableEntry>>;

/// How far the list of the primary Region was read.
enum PrimaryList {
    /// To its end.
    Complete,
    /// The list ended early, although the Region answers.
    Cut(CallError),
    /// The Region does not answer, or the role may not read it.
    Silent,
}

impl Failover<'_> {
    /// Judges each replica, and each primary secret whose replica the Region should have. Without an answer of the
    /// primary Region, the replicas are judged alone: their versions may be old, and others may be missing. If its list
    /// ends early, the replicas that it has not shown are left.
    pub(super) async fn drill(
        &self,
        replicas: Vec<Covered>,
        primary_region: &Region,
        summary: &mut FailoverSummary,
        on_result: impl Fn(SecretId, SecretOutcome),
    ) {
        let by_resource = |covered: Covered| (covered.replica.arn.resource().to_owned(), covered);
        let mut unmatched: Unmatched = replicas.into_iter().map(by_resource).collect();
        // A list that ended early does not show which replicas are missing.
        let finds_missing = summary.unlisted.is_none();
        let totals = &mut summary.totals;
        let mut record = |judged: Judged| match judged {
            Ok(outcome) => {
                // A primary secret without a replica.
                let is_missing = outcome.secret.arn.region() != &self.region;
                totals.covered += u64::from(is_missing);
                totals.count(&outcome.state);
                if outcome.state.needs_record() {
                    let id = SecretId::Arn(outcome.secret.arn.in_region(&self.region));
                    on_result(id, SecretOutcome::Failover(Box::new(outcome)));
                }
            }
            Err(entry) => {
                totals.failed += 1;
                on_result(entry.id, SecretOutcome::Unreadable(entry.error));
            }
        };
        let end = self
            .compare_all(primary_region, &mut unmatched, finds_missing, &mut record)
            .await;
        let is_cut = matches!(end, PrimaryList::Cut(_));
        for covered in unmatched.into_values() {
            record(Ok(if is_cut {
                covered.into_not_reached()
            } else {
                self.judge_alone(covered)
            }));
        }
        summary.is_compared = matches!(end, PrimaryList::Complete);
        if let PrimaryList::Cut(error) = end {
            let cut = super::ended_early(primary_region, &error);
            let details = summary.unlisted.take().into_iter().chain([cut]);
            summary.unlisted = Some(details.collect::<Vec<String>>().join("; "));
        }
    }

    /// Compares the replicas with the secrets of the primary Region's list, and looks up what the Region has in place of
    /// each missing replica, if `finds_missing`. `unmatched` keeps the replicas that the list has not shown.
    async fn compare_all(
        &self,
        primary_region: &Region,
        unmatched: &mut Unmatched,
        finds_missing: bool,
        record: &mut impl FnMut(Judged),
    ) -> PrimaryList {
        let mut token: Option<String> = None;
        loop {
            let page = match self.primaries(primary_region, token.as_deref()).await {
                Ok(page) => page,
                // A Region that answers must not pass for one that does not.
                Err(error) if token.is_some() || self.is_too_late() || is_answer(&error) => {
                    return PrimaryList::Cut(error);
                }
                Err(_) => return PrimaryList::Silent,
            };
            let mut missing = Vec::new();
            for primary in page.secrets {
                match primary.map(|primary| (unmatched.remove(primary.arn.resource()), primary)) {
                    Ok((Some(covered), primary)) => record(Ok(self.compare(covered, &primary))),
                    Ok((None, primary)) => missing.push(primary),
                    Err(entry) => record(Err(entry)),
                }
            }
            if finds_missing {
                let found = missing.into_iter().map(|primary| self.find(primary));
                let mut found = pin!(stream::iter(found).buffer_unordered(AT_ONCE));
                while let Some(outcome) = found.next().await {
                    outcome.into_iter().map(Ok).for_each(&mut *record);
                }
            }
            token = page.next_token;
            if token.is_none() {
                return PrimaryList::Complete;
            }
        }
    }

    /// Reads a page of the primary Region's list.
    ///
    /// # Errors
    /// [`CallError`] if the Region does not answer in time, or if the role may not read it.
    async fn primaries(&self, region: &Region, token: Option<&str>) -> Result<Page, CallError> {
        let filter = self.reconciler.policy.list_filter();
        let client = &self.reconciler.secrets_manager;
        let page = client.list_there(region, filter.as_ref(), token, self.last_start());
        page.await.inspect_err(|error| {
            tracing::warn!(%region, %error, "failed to list the primary secrets");
        })
    }

    /// Compares a replica with its primary secret.
    fn compare(&self, Covered { replica, rules }: Covered, primary: &Secret) -> ReplicaOutcome {
        let entry = Entry::of_primary(primary, None);
        let evidence = Evidence {
            primary: Some(primary),
            ..self.evidence(There::Found(&replica))
        };
        let drilled = assess(&entry, &evidence);
        let is_behind = drilled.findings == [DrillFinding::VersionBehind];
        let state = if is_behind && !self.is_settled(primary) {
            ReplicaState::Unsettled
        } else {
            self.state(&drilled, &entry)
        };
        ReplicaOutcome {
            secret: replica,
            rules,
            state,
        }
    }

    /// Looks up what the Region has in place of a replica that its list does not show. `None` if the policy wants none.
    async fn find(&self, primary: Secret) -> Option<ReplicaOutcome> {
        let Reconciler {
            policy,
            limits,
            secrets_manager,
        } = &self.reconciler;
        let expected = expectation(&primary, policy, limits, &self.region)?;
        let name = SecretId::Name(primary.name.clone());
        let entry = Entry::of_primary(&primary, None);
        let judge = |there| {
            let evidence = Evidence {
                primary: Some(&primary),
                // The request is not known: the stack of the primary secret has its own policy and limits.
                ..self.evidence(there)
            };
            self.state(&assess(&entry, &evidence), &entry)
        };
        let state = match secrets_manager.describe(&name, self.last_start()).await {
            Ok(found) => judge(There::Found(&found)),
            Err(error) if error.kind == CallErrorKind::NotFound => {
                if self.is_settled(&primary) {
                    judge(There::Absent)
                } else {
                    ReplicaState::Unsettled
                }
            }
            Err(_) if self.is_too_late() => ReplicaState::NotReached,
            Err(error) => ReplicaState::Failed(error),
        };
        Some(ReplicaOutcome {
            secret: primary,
            rules: expected.rules,
            state,
        })
    }

    /// Returns whether the lists of both Regions show the last change of a primary secret.
    fn is_settled(&self, primary: &Secret) -> bool {
        let is_old = |changed| self.clock.now() - changed > SETTLED_AFTER;
        primary.last_changed.is_some_and(is_old)
    }

    /// Judges a replica whose primary secret is not known.
    fn judge_alone(&self, Covered { replica, rules }: Covered) -> ReplicaOutcome {
        let state = match Entry::of_replica(&replica) {
            Some(entry) => {
                let drilled = assess(&entry, &self.evidence(There::Found(&replica)));
                self.state(&drilled, &entry)
            }
            None => ReplicaState::AlreadyStandalone,
        };
        ReplicaOutcome {
            secret: replica,
            rules,
            state,
        }
    }

    /// Returns the evidence of the Region alone. The function's role may neither describe a key nor simulate a
    /// reader, so these checks are left to the command-line tool.
    fn evidence<'e>(&'e self, there: There<'e>) -> Evidence<'e> {
        Evidence {
            region: &self.region,
            there,
            primary: None,
            request: ReplicaRequest::Unknown,
            key: KeyCheck::Usable,
            reader: ReaderCheck::NotAsked,
        }
    }

    fn state(&self, drilled: &Drilled, entry: &Entry) -> ReplicaState {
        if drilled.is_ready() {
            return ReplicaState::Ready;
        }
        let findings = drilled.findings.iter();
        let findings = findings.map(|finding| Finding::new(finding, entry, &self.region));
        ReplicaState::Found(findings.collect())
    }
}

/// Returns whether another call would succeed, although this one failed: the Region itself works.
fn is_answer(error: &CallError) -> bool {
    matches!(
        error.kind,
        CallErrorKind::Throttled | CallErrorKind::NotSent
    )
}
