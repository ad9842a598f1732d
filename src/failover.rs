//! Drills and promotes the replicas of the function's Region, for the day on which their primary Region fails.
//!
//! The decisions are those of `secret_replicator_core::failover`, as in the command-line tool. An invocation keeps no
//! state: what it does not reach, the next one finds, because a promoted secret is not a replica any more.
//!
//! | module | content |
//! |---|---|
//! | `replicas` | lists the replicas that the policy covers |
//! | `drill` | compares the replicas with their primary secrets, if their Region answers |
//! | `promote` | promotes the replicas, a few at a time |
//! | `outcome` | the outcome of each replica |
//! | `totals` | the totals of all replicas |

mod drill;
mod outcome;
mod promote;
mod replicas;
mod totals;

use std::collections::BTreeSet;

use secret_replicator_aws::{CallError, CallErrorKind, Promoter};
use secret_replicator_core::failover::aftermath::StackAfter;
use secret_replicator_core::failover::nothing::{Nothing, Rest};
use secret_replicator_core::known_regions;
use secret_replicator_core::request::{BadEvent, FailoverAction, FailoverRequest};
use secret_replicator_core::secret::{Region, SecretId};

use crate::clock::Clock;
use crate::deadlines::Deadlines;
use crate::reconcile::{Mode, Reconciler, SecretOutcome};
pub use outcome::{Finding, ReplicaOutcome, ReplicaState};
use replicas::{Covered, ListedReplicas};
pub use totals::FailoverTotals;

/// The number of secrets in progress.
const AT_ONCE: usize = 8;

/// A drill or a promotion of the replicas in the function's Region.
#[derive(Debug)]
pub struct Failover<'a> {
    reconciler: Reconciler,
    promoter: Promoter,
    region: Region,
    deadlines: &'a Deadlines,
    clock: Clock,
}

/// The state of a drill or a promotion at the end of an invocation.
#[derive(Clone, Debug)]
pub struct FailoverSummary {
    /// The Region whose replicas are concerned.
    pub region: Region,
    /// The Region of their primary secrets. `None` without a replica.
    pub primary_region: Option<Region>,
    /// Whether this is a drill.
    pub is_drill: bool,
    /// The totals.
    pub totals: FailoverTotals,
    /// What this function does with the listed replicas after their promotion, when it sees primary secrets.
    pub after_promotion: StackAfter,
    /// Why replicas may be missing in the totals. `None` if all were listed.
    pub unlisted: Option<String>,
    /// Whether a drill has read the whole list of the primary Region, so that it compared all versions and found all
    /// missing replicas.
    pub is_compared: bool,
    /// Why nothing is covered. A promotion that has nothing left to do has covered something before.
    pub nothing: Option<Nothing>,
}

/// The outcome of one secret.
#[derive(Debug)]
pub struct FailedOver {
    /// The secret's ARN in the function's Region.
    pub id: SecretId,
    /// The outcome.
    pub outcome: SecretOutcome,
}

impl<'a> Failover<'a> {
    /// Creates a failover with the reconciler's policy and client, and with a write rate of its own.
    #[must_use]
    pub fn new(
        reconciler: &Reconciler,
        region: Region,
        writes_per_second: u32,
        deadlines: &'a Deadlines,
        clock: Clock,
    ) -> Self {
        Self {
            promoter: Promoter::new(&reconciler.secrets_manager, writes_per_second),
            reconciler: Reconciler {
                secrets_manager: reconciler.secrets_manager.for_reads(),
                ..reconciler.clone()
            },
            region,
            deadlines,
            clock,
        }
    }

    /// Drills or promotes. Calls `on_result` for each secret that needs a record.
    ///
    /// # Errors
    /// The outcome of the request, if no replica can be listed, or if it is not clear which ones are meant.
    pub async fn run(
        &self,
        request: &FailoverRequest,
        mode: Mode,
        on_result: impl Fn(FailedOver),
    ) -> Result<FailoverSummary, SecretOutcome> {
        let until = match (request.action, mode) {
            // Nothing follows the list of a dry run.
            (FailoverAction::Promote { .. }, Mode::DryRun) => self.last_start(),
            _ => self.deadlines.last_page(),
        };
        let listed = self.list(request.from.as_ref(), until).await;
        let listed = listed.map_err(SecretOutcome::Unreadable)?;
        let primary_region = primary_region(request, &listed)?;
        let mut summary = FailoverSummary {
            region: self.region.clone(),
            primary_region: primary_region.clone(),
            is_drill: request.action == FailoverAction::Drill,
            totals: FailoverTotals::of_list(&listed),
            after_promotion: listed.after_promotion,
            unlisted: listed
                .unlisted
                .map(|error| ended_early(&self.region, &error)),
            is_compared: false,
            nothing: None,
        };
        for entry in listed.unreadable {
            summary.totals.failed += 1;
            on_result(FailedOver {
                id: entry.id,
                outcome: SecretOutcome::Unreadable(entry.error),
            });
        }
        let on_result = |id: SecretId, outcome: SecretOutcome| {
            on_result(FailedOver { id, outcome });
        };
        if let Some(primary_region) = primary_region {
            let (covered, from) = (listed.covered, &primary_region);
            match request.action {
                FailoverAction::Drill => self.drill(covered, from, &mut summary, on_result).await,
                FailoverAction::Promote { .. } => {
                    let totals = &mut summary.totals;
                    self.promote(covered, from, mode, totals, on_result).await;
                }
            }
        }
        if summary.totals.is_empty() && summary.unlisted.is_none() {
            self.explain_nothing(request, &mut summary).await?;
        }
        Ok(summary)
    }

    /// Finds out why nothing is covered: whether all is promoted, or something is wrong. A list that ends early can
    /// show that, too.
    ///
    /// # Errors
    /// The outcome of the request, if the Region's list cannot be read.
    async fn explain_nothing(
        &self,
        request: &FailoverRequest,
        summary: &mut FailoverSummary,
    ) -> Result<(), SecretOutcome> {
        let from = request.from.as_ref();
        let (listed, end) = self.rest(from).await.map_err(SecretOutcome::Unreadable)?;
        let rest = Rest {
            not_covered: summary.totals.not_covered,
            ..listed
        };
        summary.totals.standalone = rest.standalone;
        summary.nothing = rest.nothing(from, summary.is_drill);
        // The pages that were not read may show an earlier promotion, or replicas of the Region that was meant.
        let may_be_misspelled = from.is_some_and(|from| !known_regions::is_known(from));
        if !summary.is_drill && (summary.nothing.is_some() || may_be_misspelled) {
            summary.unlisted = end.map(|error| ended_early(&self.region, &error));
        }
        Ok(())
    }
}

/// Returns the Region of the primary secrets whose replicas are meant. `None` without a covered replica.
///
/// # Errors
/// The outcome of the request, if it names no Region and the list shows several, or ends early.
fn primary_region(
    request: &FailoverRequest,
    listed: &ListedReplicas,
) -> Result<Option<Region>, SecretOutcome> {
    if request.from.is_some() {
        return Ok(request.from.clone());
    }
    if listed.primary_regions.len() > 1 {
        return Err(SecretOutcome::BadEvent(several(&listed.primary_regions)));
    }
    match &listed.unlisted {
        None => Ok(listed.primary_regions.first().cloned()),
        Some(error) if error.is_out_of_time() || error.kind == CallErrorKind::NotSent => {
            Err(SecretOutcome::BadEvent(too_long(error)))
        }
        Some(error) => Err(SecretOutcome::Unreadable(error.clone())),
    }
}

/// Returns the detail for a Region's list that ended early.
fn ended_early(region: &Region, error: &CallError) -> String {
    format!("the list of {region} ended early: {error}")
}

/// Returns the error for a list that does not end in time, so that it shows only some of the primary Regions.
fn too_long(error: &CallError) -> BadEvent {
    BadEvent {
        message: format!(
            "the list of the Region is too long to show all primary Regions of its replicas ({error})"
        ),
        remediation: "name the Region of the primary secrets with `from`, and send the action again",
    }
}

/// Returns the error for replicas of several primary Regions. The promotion of all would also end the replication
/// from a Region that works.
fn several(regions: &BTreeSet<Region>) -> BadEvent {
    let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
    BadEvent {
        message: format!(
            "the Region has covered replicas of primary secrets in {}",
            regions.join(" and ")
        ),
        remediation: "name the Region of the primary secrets with `from`, and send the action once for each Region \
                      that has failed",
    }
}
