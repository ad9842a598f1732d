//! Plays a scenario: everything that happens, a pause until AWS is done, and two sweeps.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use secret_replicator::settings::{Settings, SettingsInvalid};
use secret_replicator_emulator::{FaultKind, SecretView, Service};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock;
use crate::connector::Delays;
use crate::hindrance::{Hindrance, hindrances};
use crate::journal::{Journal, SharedJournal};
use crate::lambda::{End, Fate, Invocation, Lambda, Purpose};
use crate::owner;
use crate::scenario::{Act, Deed, HOME, STORM, Scenario};
use crate::stale::StaleReads;

/// More changes than any sweep here makes.
const ANY_CHANGES: u64 = 100_000;

/// How often the state machine calls a slice again that has failed, and after how long.
const SLICE_RETRIES: u32 = 3;
const SLICE_PAUSE: Duration = Duration::from_secs(10);

/// More slices than any sweep here takes.
const MOST_SLICES: u32 = 500;

/// The world as it really is.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The secrets of [`HOME`].
    pub secrets: Vec<SecretView>,
    /// What hinders replicas that are wanted, by the secret's name and the Region.
    pub hindrances: BTreeMap<(String, String), Hindrance>,
}

/// A sweep that has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Swept {
    /// The number of the invocation before it.
    pub after: u64,
    /// The number of its last invocation.
    pub last: u64,
    /// Whether it came to its end.
    pub is_complete: bool,
}

/// Everything that was observed of a scenario that has been played.
#[derive(Debug, Clone)]
pub struct Played {
    /// What the world saw of the function.
    pub journal: Journal,
    /// How its invocations ended.
    pub invocations: Vec<Invocation>,
    /// What became of the events.
    pub fates: Vec<Fate>,
    /// The faults that calls met.
    pub faults: Vec<FaultKind>,
    /// The world before the sweep.
    pub before: Truth,
    /// The sweep after the storm.
    pub first: Swept,
    /// The world right after it.
    pub after: Truth,
    /// The world a while later.
    pub later: Truth,
    /// Another sweep.
    pub second: Swept,
    /// How many sweeps there were.
    pub sweeps: u64,
}

/// The settings as the function reads them.
///
/// # Errors
/// If the scenario's settings or policy are wrong.
pub fn settings(scenario: &Scenario) -> Result<Settings, SettingsInvalid> {
    let allowed_regions = scenario.settings.allowed_regions.iter().flatten().cloned();
    let allowed_regions = allowed_regions.collect::<Vec<_>>().join(" ");
    let policy = scenario.policy_text();
    let variable = |name: &str| {
        let text = match name {
            "AWS_REGION" => HOME.to_owned(),
            "REPLICATION_POLICY" => policy.clone(),
            "ALLOWED_REPLICA_REGIONS" => allowed_regions.clone(),
            "ALLOW_OVERWRITE" => scenario.settings.overwrite.to_string(),
            "ALLOW_REMOVAL" => scenario.settings.removal.to_string(),
            "REPLICATION_WAIT_SECONDS" => scenario.settings.settle.to_string(),
            "SWEEP_WRITES_PER_SECOND" => scenario.settings.writes_per_second.to_string(),
            _ => return None,
        };
        Some(Ok(text))
    };
    Settings::read(&variable, &|path| Err(format!("no file {path}")))
}

/// Plays a scenario on this thread, in simulated time.
///
/// # Panics
/// If the scenario's settings are wrong, or there is no runtime.
#[must_use]
pub fn play(scenario: &Scenario) -> Played {
    fastrand::seed(scenario.aws.noise);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        clock::begin();
        Stage::new(scenario).play().await
    })
}

struct Stage<'a> {
    scenario: &'a Scenario,
    service: Arc<Service>,
    lambda: Rc<Lambda>,
    journal: SharedJournal,
    reads: StaleReads,
    sweeps: u64,
}

impl<'a> Stage<'a> {
    fn new(scenario: &'a Scenario) -> Stage<'a> {
        let service = Arc::new(Service::new(scenario.world_settings(), clock::now));
        owner::set_up(&service, scenario);
        let journal = SharedJournal::default();
        let reads = StaleReads::new(scenario.aws.noise, scenario.aws.read_lag);
        let lambda = Lambda::new(
            Arc::clone(&service),
            settings(scenario).expect("settings that are right"),
            Duration::from_secs(scenario.settings.timeout),
            journal.clone(),
            Delays::new(scenario.aws.noise, scenario.aws.latency),
            reads.clone(),
            scenario.kills.clone(),
        );
        Stage {
            scenario,
            service,
            lambda,
            journal,
            reads,
            sweeps: 0,
        }
    }

    async fn play(mut self) -> Played {
        self.storm().await;
        self.quiet().await;
        let before = self.truth();
        let first = sweep(&self.lambda, ANY_CHANGES, true).await;
        let after = self.truth();
        self.quiet().await;
        let later = self.truth();
        let second = sweep(&self.lambda, ANY_CHANGES, false).await;
        self.sweeps += 2;
        let calls = self.service.calls();
        Played {
            journal: self.journal.take(),
            invocations: self.lambda.invocations(),
            fates: self.lambda.fates(),
            faults: calls.into_iter().filter_map(|call| call.fault).collect(),
            before,
            first,
            after,
            later,
            second,
            sweeps: self.sweeps,
        }
    }

    /// Everything that the scenario has, until the last invocation has ended.
    async fn storm(&mut self) {
        let start = Instant::now();
        let mut under_way = JoinSet::new();
        let acts = self.scenario.acts.iter().cloned().enumerate();
        for (number, act) in acts {
            let service = Arc::clone(&self.service);
            let (lambda, reads) = (Rc::clone(&self.lambda), self.reads.clone());
            self.sweeps += u64::from(matches!(act.deed, Deed::Sweep(_)));
            under_way.spawn_local(async move {
                sleep_until(start + Duration::from_millis(act.at.into())).await;
                happen(&service, &lambda, &reads, &act, number).await;
            });
        }
        for timed in self.scenario.faults.iter().cloned() {
            let service = Arc::clone(&self.service);
            under_way.spawn_local(async move {
                sleep_until(start + Duration::from_millis(timed.at.into())).await;
                service.script(timed.fault);
            });
        }
        sleep_until(start + Duration::from_millis(STORM.into())).await;
        self.service.forget_faults();
        self.service.with(|world, _| world.allow_everything());
        owner::deny_always(&self.service, self.scenario);
        while let Some(end) = under_way.join_next().await {
            end.expect("no panic outside the function");
        }
    }

    /// Waits until AWS has nothing in progress, and every read is fresh.
    async fn quiet(&self) {
        let aws = &self.scenario.aws;
        let times = [
            aws.replication,
            aws.removal,
            aws.list_lag,
            aws.status_lag,
            aws.read_lag,
            aws.visibility,
        ];
        let longest: u64 = times.into_iter().sum();
        sleep(Duration::from_millis(longest + 10_000)).await;
    }

    fn truth(&self) -> Truth {
        self.service.with(|world, now| Truth {
            secrets: world.secrets(now, HOME),
            hindrances: hindrances(self.scenario, world, now),
        })
    }
}

/// Performs an act, and plays everything that follows from it.
async fn happen(
    service: &Service,
    lambda: &Rc<Lambda>,
    reads: &StaleReads,
    act: &Act,
    number: usize,
) {
    let before = act.deed.changes();
    let before = before.and_then(|name| reads.version(service, name));
    let event = owner::act(service, &act.deed, number);
    reads.changed(before);
    match (&act.deed, event) {
        (Deed::Reconcile { name, dry_run }, _) => {
            let action = json!({"action": "reconcile", "secretId": name, "dryRun": dry_run});
            let purpose = if *dry_run {
                Purpose::Look
            } else {
                Purpose::Reconcile
            };
            lambda.invoke(&action, purpose).await;
        }
        (Deed::Explain(name), _) => {
            let action = json!({"action": "explain", "secretId": name});
            lambda.invoke(&action, Purpose::Look).await;
        }
        (Deed::Sweep(max_changes), _) => {
            sweep(lambda, *max_changes, false).await;
        }
        (_, Some(event)) => {
            let mut deliveries = JoinSet::new();
            for after in act.deliveries.clone() {
                let lambda = Rc::clone(lambda);
                let event = event.clone();
                deliveries.spawn_local(async move {
                    sleep(Duration::from_millis(after.into())).await;
                    lambda.deliver(&event).await;
                });
            }
            while let Some(end) = deliveries.join_next().await {
                end.expect("no panic outside the function");
            }
        }
        (_, None) => {}
    }
}

/// A sweep as the state machine drives it: slice by slice, and a slice that fails once more.
async fn sweep(lambda: &Lambda, max_changes: u64, thorough: bool) -> Swept {
    let mut swept = Swept {
        after: lambda.begun(),
        ..Swept::default()
    };
    let mut token = Value::Null;
    let mut failures = 0;
    for _ in 0..MOST_SLICES {
        let action = json!({
            "action": "sweep",
            "nextToken": token,
            "maxChanges": max_changes,
            "thorough": thorough,
        });
        match lambda.invoke(&action, Purpose::Sweep).await {
            End::Answer(answer) => {
                token = answer["nextToken"].clone();
                failures = 0;
                if token.is_null() {
                    swept.is_complete = true;
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
    swept.last = lambda.begun();
    swept
}
