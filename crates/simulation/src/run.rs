//! Plays a scenario: the storm, a pause until AWS is done, and two sweeps.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use secret_replicator::settings::{Settings, SettingsInvalid};
use secret_replicator_emulator::{Call, FaultKind, ReplicaView, SecretView};
use serde_json::{Value, json};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::actors;
use crate::blockers::{Blocker, blockers};
use crate::clock;
use crate::connector::SimulatedAws;
use crate::journal::{End, Journal, Purpose, Sweep};
use crate::lambda::Lambda;
use crate::outages::disturb;
use crate::replica_events;
use crate::scenario::{
    Action, HOME, Outage, REGIONS, RegionalOutage, ReplicaEvents, STORM, Scenario, TimedAction,
};
use crate::truth::Truth;

/// Exceeds the changes of any sweep here.
const UNLIMITED_CHANGES: u64 = 100_000;

/// The state machine's retries of a failed slice, and the pause before each.
const SLICE_RETRIES: u32 = 3;
const SLICE_PAUSE: Duration = Duration::from_secs(10);

/// The age from which a quick sweep compares a secret instead of describing it.
const QUICK_SWEEPS_COMPARE_AFTER: Duration = Duration::from_mins(10);

/// The invocations of a promotion, and the pause between two of them.
const MAX_PROMOTIONS: u32 = 4;
const PROMOTION_PAUSE: Duration = Duration::from_mins(1);

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

/// The invocations of a dry run, an explanation and a run of the same secret, one right after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rehearsal {
    pub(crate) dry_run: u64,
    pub(crate) explanation: u64,
    pub(crate) run: u64,
}

/// Everything that was observed of a scenario.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) journal: Journal,
    /// The faults that affected calls.
    pub(crate) faults: Vec<FaultKind>,
    /// Every state of every secret.
    pub(crate) truth: Truth,
    /// Before the first sweep.
    pub(crate) rehearsal: Option<Rehearsal>,
    /// The world before the first sweep.
    pub(crate) before: WorldState,
    /// The sweep after the storm. The scenario's outage is during it.
    pub(crate) first: Sweep,
    /// The calls of the first sweep that the outage affected.
    pub(crate) outage_calls: usize,
    /// The Regions whose outage during the storm affected calls.
    pub(crate) outages_met: BTreeSet<String>,
    /// The world right after the first sweep.
    pub(crate) after: WorldState,
    /// The world after a pause, before the second sweep.
    pub(crate) later: WorldState,
    /// `None` after an outage, so that the first sweep is judged alone.
    pub(crate) second: Option<Sweep>,
}

/// Returns the settings as the function of a Region reads them from its environment.
///
/// # Errors
/// If the scenario's settings or policy are invalid.
pub(crate) fn settings(scenario: &Scenario, region: &str) -> Result<Settings, SettingsInvalid> {
    let settings = &scenario.settings;
    let allowed_regions = settings.allowed_regions.iter().flatten().cloned();
    let allowed_regions = allowed_regions.collect::<Vec<_>>().join(" ");
    let environment = BTreeMap::from([
        ("AWS_REGION", region.to_owned()),
        ("REPLICATION_POLICY", scenario.policy_text()),
        ("ALLOWED_REPLICA_REGIONS", allowed_regions),
        ("ALLOW_OVERWRITE", settings.overwrite.to_string()),
        ("ALLOW_REMOVAL", settings.removal.to_string()),
        ("ALLOW_PROMOTION", true.to_string()),
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
        let timeout = Duration::from_secs(scenario.settings.timeout);
        let settings = all_settings(scenario);
        let lambda = Lambda::new(aws.clone(), settings, timeout, scenario.kills.clone());
        storm(scenario, &aws, &lambda).await;
        pause(scenario).await;
        let rehearsal = rehearse(scenario, &aws, &lambda).await;
        let before = state(scenario, &aws);
        let outages_met = outages_met(scenario, &aws);
        let faults_before = faults(&aws).len();
        let first = match &scenario.outage {
            None => sweep(&aws, &lambda, HOME, (UNLIMITED_CHANGES, true)).await,
            Some(outage) => sweep_with_outage(&aws, &lambda, outage).await,
        };
        let outage_calls = faults(&aws).len() - faults_before;
        let after = state(scenario, &aws);
        pause(scenario).await;
        sleep(QUICK_SWEEPS_COMPARE_AFTER).await;
        let later = state(scenario, &aws);
        let mut second = None;
        if scenario.outage.is_none() {
            second = Some(sweep(&aws, &lambda, HOME, (UNLIMITED_CHANGES, false)).await);
        }
        Run {
            faults: faults(&aws),
            truth: Truth::new(&aws.service),
            journal: std::mem::take(&mut *aws.journal.lock()),
            rehearsal,
            before,
            first,
            outage_calls,
            outages_met,
            after,
            later,
            second,
        }
    })
}

/// Returns the settings of the function in each Region that has one.
///
/// # Panics
/// If the scenario's settings or policy are invalid.
fn all_settings(scenario: &Scenario) -> BTreeMap<&'static str, Settings> {
    let home = settings(scenario, HOME).expect("valid settings");
    let others = REGIONS.into_iter().filter_map(|region| {
        let has_function = scenario.replica_events == ReplicaEvents::ReplicaRegion;
        let settings = settings(scenario, region).ok().filter(|_| has_function)?;
        Some((region, settings))
    });
    others.chain([(HOME, home)]).collect()
}

/// Returns the Regions whose outage has affected calls.
fn outages_met(scenario: &Scenario, aws: &SimulatedAws) -> BTreeSet<String> {
    let calls = aws.service.calls();
    let is_met = |outage: &&RegionalOutage| {
        let of_outage =
            |call: &Call| call.region == outage.region && call.fault.as_ref() == Some(&outage.kind);
        calls.iter().any(of_outage)
    };
    let met = scenario.regional_outages.iter().filter(is_met);
    met.map(|outage| outage.region.clone()).collect()
}

/// Returns the faults of all calls so far.
fn faults(aws: &SimulatedAws) -> Vec<FaultKind> {
    let calls = aws.service.calls().into_iter();
    calls.filter_map(|call| call.fault).collect()
}

/// Asks for a dry run and an explanation of a random secret, and then reconciles it.
async fn rehearse(scenario: &Scenario, aws: &SimulatedAws, lambda: &Lambda) -> Option<Rehearsal> {
    let secrets = state(scenario, aws).secrets;
    let mut random = fastrand::Rng::with_seed(scenario.aws.noise);
    let secret = random.choice(&secrets).filter(|_| scenario.rehearsal)?;
    let invoke = async |action: &str, dry_run: Option<bool>, purpose| {
        let mut request = json!({"action": action, "secretId": secret.arn});
        if let Some(dry_run) = dry_run {
            request["dryRun"] = json!(dry_run);
        }
        lambda.invoke(&request, purpose).await.0
    };
    let rehearsal = Rehearsal {
        dry_run: invoke("reconcile", Some(true), Purpose::ReadOnly).await,
        explanation: invoke("explain", None, Purpose::ReadOnly).await,
        run: invoke("reconcile", Some(false), Purpose::Reconcile).await,
    };
    pause(scenario).await;
    Some(rehearsal)
}

/// Sweeps while AWS answers calls with errors for some seconds.
async fn sweep_with_outage(aws: &SimulatedAws, lambda: &Lambda, outage: &Outage) -> Sweep {
    let disturb = disturb(&aws.service, outage.after, outage.length, &outage.fault);
    let sweep = sweep(aws, lambda, HOME, (outage.max_changes, true));
    tokio::join!(sweep, disturb).0
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
    for outage in &scenario.regional_outages {
        let service = Arc::clone(&aws.service);
        let (at, length, fault) = (outage.at, outage.length, outage.fault());
        tasks.spawn_local(async move { disturb(&service, at, length, &fault).await });
    }
    let end = start + Duration::from_millis(STORM.into());
    let (aws_of_events, lambda_of_events) = (aws.clone(), Rc::clone(lambda));
    let arrive = scenario.replica_events;
    tasks.spawn_local(async move {
        replica_events::deliver(&aws_of_events, &lambda_of_events, arrive, end).await;
    });
    sleep_until(end).await;
    aws.service.forget_faults();
    aws.service.with(|world, _| world.allow_everything());
    actors::deny_region(&aws.service, scenario);
    tasks.join_all().await;
}

/// Waits until AWS has nothing in progress and all reads are fresh.
async fn pause(scenario: &Scenario) {
    let aws = &scenario.aws;
    let delays = aws.replication + aws.removal + aws.visibility;
    let lags = aws.list_lag + aws.read_lag();
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
    let events = actors::perform(&aws.service, action, number);
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
            sweep(aws, lambda, HOME, (*max_changes, false)).await;
        }
        Action::SweepIn(region) => {
            if let Some(region) = lambda.region_named(region) {
                sweep(aws, lambda, region, (UNLIMITED_CHANGES, false)).await;
            }
        }
        Action::PromoteAll(region) => {
            if let Some(region) = lambda.region_named(region) {
                promote_all(lambda, region).await;
            }
        }
        _ => {
            let trail = events.trail.iter().map(|event| (event, &timed.deliveries));
            let native = events.native.iter().map(|event| (event, &timed.native));
            let mut deliveries = JoinSet::new();
            for (event, delays) in trail.chain(native) {
                for after in delays.clone() {
                    let (lambda, event) = (Rc::clone(lambda), event.clone());
                    deliveries.spawn_local(async move {
                        sleep(Duration::from_millis(after.into())).await;
                        lambda.deliver(&event).await;
                    });
                }
            }
            deliveries.join_all().await;
        }
    }
}

/// Promotes the replicas of a Region as ARC Region switch does: again until the function succeeds.
async fn promote_all(lambda: &Lambda, region: &'static str) {
    let request = json!({"action": "promote", "region": region, "from": HOME});
    for _ in 0..MAX_PROMOTIONS {
        let (_, end) = lambda.invoke_in(region, &request, Purpose::Promotion).await;
        if matches!(end, End::Answer(_)) {
            break;
        }
        sleep(PROMOTION_PAUSE).await;
    }
}

/// Runs a sweep of a Region as the state machine does: slice by slice, with retries of a failed slice.
async fn sweep(
    aws: &SimulatedAws,
    lambda: &Lambda,
    region: &'static str,
    (max_changes, thorough): (u64, bool),
) -> Sweep {
    let mut sweep = Sweep {
        max_changes,
        ..Sweep::default()
    };
    let mut token = Value::Null;
    let mut failures = 0;
    for _ in 0..MAX_SLICES {
        let action = json!({
            "action": "sweep", "thorough": thorough, "nextToken": token, "maxChanges": max_changes,
        });
        let (number, end) = lambda.invoke_in(region, &action, Purpose::Sweep).await;
        sweep.invocations.insert(number);
        match end {
            End::Answer(answer) => {
                token = answer["nextToken"].clone();
                failures = 0;
                if token.is_null() {
                    sweep.is_complete = true;
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
    aws.journal.lock().sweeps.push(sweep.clone());
    sweep
}
