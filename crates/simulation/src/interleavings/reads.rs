//! Reads that show past states.

use std::collections::{BTreeMap, BTreeSet};

use secret_replicator_emulator::SecretView;

use super::Interleaving;
use crate::check::ObservedSecret;
use crate::journal::Call;
use crate::run::Run;
use crate::scenario::HOME;

/// Returns the interleavings of reads with changes.
pub(super) fn interleavings(run: &Run) -> BTreeSet<Interleaving> {
    let mut found = BTreeSet::new();
    // The last read of each secret by each invocation.
    let mut last: BTreeMap<(u64, &str), (u64, ObservedSecret)> = BTreeMap::new();
    for call in &run.journal.calls {
        let is_read = call.operation == "DescribeSecret" && call.region == HOME;
        let Some(answer) = call.success().filter(|_| is_read) else {
            continue;
        };
        let arn = answer.body["ARN"].as_str().unwrap_or_default();
        let seen = ObservedSecret::new(&answer.body);
        let (lags, statuses_lag) = (
            !shows(run, call, answer.at, |state| has_tags(&seen, state)),
            !shows(run, call, answer.at, |state| has_statuses(&seen, state)),
        );
        if lags {
            found.insert(Interleaving::LaggingTag);
        }
        let before = last.insert((call.invocation, arn), (answer.at, seen.clone()));
        let goes_back = before.is_some_and(|(received, before)| {
            received <= call.at
                && (lags && shows(run, call, answer.at, |state| has_tags(&before, state))
                    || statuses_lag
                        && shows(run, call, answer.at, |state| has_statuses(&before, state)))
        });
        if goes_back {
            found.insert(Interleaving::ReadWentBack);
        }
    }
    found
}

/// Returns whether the secret was as `is_shown` says at some time between request and answer.
fn shows(run: &Run, call: &Call, answered: u64, is_shown: impl Fn(&SecretView) -> bool) -> bool {
    let body = call.success().map(|answer| &answer.body);
    let name = body
        .and_then(|body| body["Name"].as_str())
        .unwrap_or_default();
    let mut states = run.truth.during((HOME, name), call.at, answered).flatten();
    states.any(is_shown)
}

fn has_tags(seen: &ObservedSecret, state: &SecretView) -> bool {
    state.tags.iter().cloned().collect::<BTreeMap<_, _>>() == seen.secret.tags
}

fn has_statuses(seen: &ObservedSecret, state: &SecretView) -> bool {
    let statuses = state.replicas.iter();
    let statuses = statuses.map(|replica| (replica.region.as_str(), replica.status.as_str()));
    statuses.collect::<BTreeMap<_, _>>() == seen.statuses()
}
