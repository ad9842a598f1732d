//! Plays a scenario: the storm, a pause until AWS is done, and two sweeps.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use secret_replicator::settings::{Settings, SettingsInvalid};
use secret_replicator_emulator::{FaultKind, ReplicaView, SecretView};
use serde_json::{Value, json};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::actors;
use crate::blockers::{Blocker, blockers};
use crate::clock;
use crate::connector::SimulatedAws;
use crate::journal::Journal;
use crate::journal::{End, Purpose};
use crate::lambda::Lambda;
use crate::scenario::{Action, HOME, STORM, Scenario, TimedAction};

/// Exceeds the changes of any sweep here.
const UNLIMITED_CHANGES: u64 = 100_000;

/// The state machine's retries of a failed slice, and the pause before each.
const SLICE_RETRIES: u32 = 3;
const SLICE_PAUSE: Duration = Duration::from_secs(10);

/// The age from which a quick sweep compares a secret instead of describing it.
const QUICK_SWEEPS_COMPARE_AFTER: Duration = Duration::from_mins(10);

/// Exceeds the slices of any sweep here.
const MAX_SLICES: u32 = 500;

/// The state of the world, without lag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorldState {
    /// The secrets of [`HOME`].
    pub(crate) secrets: Vec<SecretView>,
    /// The wanted replicas that cannot be in sync, by the secret's name and the Region.
    pub(crate) blockers: BTreeMap<(String, String), Blocker>,
}

impl WorldState {
    pub(crate) fn secret(&self, name: &str) -> Option<&SecretView> {
        self.secrets.iter().find(|secret| secret.name == name)
    }

    pub(crate) fn replica(&self, name: &str, region: &str) -> Option<&ReplicaView> {
        let mut replicas = self.secret(name)?.replicas.iter();
        replicas.find(|replica| replica.region == region)
    }

    pub(crate) fn is_in_sync(&self, name: &str, region: &str) -> bool {
        let replica = self.replica(name, region);
        replica.is_some_and(|replica| replica.status == "InSync")
    }
}

/// A finished sweep.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    /// The numbers of its invocations.
    pub(crate) invocations: RangeInclusive<u64>,
    /// Whether it reached the last secret.
    pub(crate) is_complete: bool,
}

/// Everything that was observed of a scenario.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) journal: Journal,
    /// The faults that affected calls.
    pub(crate) faults: Vec<FaultKind>,
    /// The world before the first sweep.
    pub(crate) before: WorldState,
    /// The sweep after the storm.
    pub(crate) first: Sweep,
    /// The world right after the first sweep.
    pub(crate) after: WorldState,
    /// The world after a pause, before the second sweep.
    pub(crate) later: WorldState,
    pub(crate) second: Sweep,
}

/// Returns the settings as the function reads them from its environment.
///
/// # Errors
/// If the scenario's settings or policy are invalid.
pub(crate) fn settings(scenario: &Scenario) -> Result<Settings, SettingsInvalid> {
    let settings = &scenario.settings;
    let allowed_regions = settings.allowed_regions.iter().flatten().cloned();
    let allowed_regions = allowed_regions.collect::<Vec<_>>().join(" ");
    let environment = BTreeMap::from([
        ("AWS_REGION", HOME.to_owned()),
        ("REPLICATION_POLICY", scenario.policy_text()),
        ("ALLOWED_REPLICA_REGIONS", allowed_regions),
        ("ALLOW_OVERWRITE", settings.overwrite.to_string()),
        ("ALLOW_REMOVAL", settings.removal.to_string()),
        (
            "REPLICATION_WAIT_SECONDS",
            settings.replication_wait.to_string(),
        ),
        (
            "SWEEP_WRITES_PER_SECOND",
            settings.writes_per_second.to_string(),
        ),
    ]);
    let variable = |name: &str| environment.get(name).cloned().map(Ok);
    Settings::read(&variable, &|path| Err(format!("no file {path}")))
}

/// Plays a scenario on this thread in simulated time.
///
/// # Panics
/// If the scenario's settings or policy are invalid.
pub(crate) fn play(scenario: &Scenario) -> Run {
    fastrand::seed(scenario.aws.noise);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        clock::begin();
        let aws = SimulatedAws::new(scenario);
        let settings = settings(scenario).expect("valid settings");
        let timeout = Duration::from_secs(scenario.settings.timeout);
        let lambda = Lambda::new(aws.clone(), settings, timeout, scenario.kills.clone());
        storm(scenario, &aws, &lambda).await;
        pause(scenario).await;
        let before = state(scenario, &aws);
        let first = sweep(&lambda, UNLIMITED_CHANGES, true).await;
        let after = state(scenario, &aws);
        pause(scenario).await;
        sleep(QUICK_SWEEPS_COMPARE_AFTER).await;
        let later = state(scenario, &aws);
        let second = sweep(&lambda, UNLIMITED_CHANGES, false).await;
        let calls = aws.service.calls();
        Run {
            journal: std::mem::take(&mut *aws.journal.lock()),
            faults: calls.into_iter().filter_map(|call| call.fault).collect(),
            before,
            first,
            after,
            later,
            second,
        }
    })
}

/// Plays all actions and faults, and waits for the last invocation.
async fn storm(scenario: &Scenario, aws: &SimulatedAws, lambda: &Rc<Lambda>) {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, timed) in scenario.actions.iter().cloned().enumerate() {
        let (aws, lambda) = (aws.clone(), Rc::clone(lambda));
        tasks.spawn_local(async move {
            sleep_until(start + Duration::from_millis(timed.at.into())).await;
            act(&aws, &lambda, &timed, number).await;
        });
    }
    for timed in scenario.faults.iter().cloned() {
        let service = Arc::clone(&aws.service);
        tasks.spawn_local(async move {
            sleep_until(start + Duration::from_millis(timed.at.into())).await;
            service.script(timed.fault);
        });
    }
    sleep_until(start + Duration::from_millis(STORM.into())).await;
    aws.service.forget_faults();
    aws.service.with(|world, _| world.allow_everything());
    actors::deny_region(&aws.service, scenario);
    tasks.join_all().await;
}

/// Waits until AWS has nothing in progress and all reads are fresh.
async fn pause(scenario: &Scenario) {
    let aws = &scenario.aws;
    let delays = aws.replication + aws.removal + aws.visibility;
    let lags = aws.list_lag + aws.status_lag + aws.read_lag;
    sleep(Duration::from_millis(delays + lags + 10_000)).await;
}

fn state(scenario: &Scenario, aws: &SimulatedAws) -> WorldState {
    aws.service.with(|world, now| WorldState {
        secrets: world.secrets(now, HOME),
        blockers: blockers(scenario, world, now),
    })
}

/// Performs an action, and waits for the invocations that it causes.
async fn act(aws: &SimulatedAws, lambda: &Rc<Lambda>, timed: &TimedAction, number: usize) {
    let action = &timed.action;
    let performed = async { actors::perform(&aws.service, action, number) };
    let event = aws
        .reads
        .change(&aws.service, action.changes(), performed)
        .await;
    match action {
        Action::Reconcile { name, dry_run } => {
            let request = json!({"action": "reconcile", "secretId": name, "dryRun": dry_run});
            let purpose = if *dry_run {
                Purpose::ReadOnly
            } else {
                Purpose::Reconcile
            };
            lambda.invoke(&request, purpose).await;
        }
        Action::Explain(name) => {
            let request = json!({"action": "explain", "secretId": name});
            lambda.invoke(&request, Purpose::ReadOnly).await;
        }
        Action::Sweep(max_changes) => {
            sweep(lambda, *max_changes, false).await;
        }
        _ => {
            let Some(event) = event else { return };
            let mut deliveries = JoinSet::new();
            for after in timed.deliveries.clone() {
                let (lambda, event) = (Rc::clone(lambda), event.clone());
                deliveries.spawn_local(async move {
                    sleep(Duration::from_millis(after.into())).await;
                    lambda.deliver(&event).await;
                });
            }
            deliveries.join_all().await;
        }
    }
}

/// Runs a sweep as the state machine does: slice by slice, with retries of a failed slice.
async fn sweep(lambda: &Lambda, max_changes: u64, thorough: bool) -> Sweep {
    let first = lambda.invoked() + 1;
    let mut is_complete = false;
    let mut token = Value::Null;
    let mut failures = 0;
    for _ in 0..MAX_SLICES {
        let action = json!({
            "action": "sweep", "thorough": thorough, "nextToken": token, "maxChanges": max_changes,
        });
        match lambda.invoke(&action, Purpose::Sweep).await {
            End::Answer(answer) => {
                token = answer["nextToken"].clone();
                failures = 0;
                if token.is_null() {
                    is_complete = true;
                    break;
                }
            }
            _ if failures == SLICE_RETRIES => break,
            _ => {
                failures += 1;
                sleep(SLICE_PAUSE).await;
            }
        }
    }
    Sweep {
        invocations: first..=lambda.invoked(),
        is_complete,
    }
}
