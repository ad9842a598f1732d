//! `secret-replicator plan` for secrets in three primary Regions, and the function's dry runs of the same secrets.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use secret_replicator_emulator::{
    Answer, Call, Emulator, Lambda, LambdaSettings, SecretSeed, SecretSeries, World, WorldSettings,
};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;

use crate::measure::process;
use crate::options::Plan;
use crate::prices::Prices;
use crate::results::number;

/// The primary Regions, each with the Region of its replicas.
const REGIONS: [(&str, &str); 3] = [
    ("us-east-1", "us-west-2"),
    ("eu-central-1", "eu-west-1"),
    ("ap-southeast-2", "ap-northeast-1"),
];

/// The age of the secrets: old enough to be compared.
const AGE: Duration = Duration::from_hours(24);

/// The time between two readings of the memory.
const INTERVAL: Duration = Duration::from_millis(10);

/// The maximum memory of the tool in MiB.
const MAX_MIB: f64 = 64.0;

/// The pages of a Region's list per second that the tool may read: half of AWS's quota.
const MAX_PAGES_PER_SECOND: usize = 25;

/// The quick sweeps of a month, one per hour, and the thorough sweeps, one per day.
const SWEEPS_PER_MONTH: [f64; 2] = [730.0, 30.0];

/// The largest difference between the estimated cost of sweeps and that of the calls that were counted. The
/// estimate assumes that a replica Region has as many secrets as the primary Region.
const MAX_ERROR: f64 = 0.02;

/// The counts of secrets in the report of a plan and in the totals of a sweep.
const COUNTS: [&str; 6] = [
    "covered", "in_sync", "planned", "pending", "refused", "failed",
];

/// Compares a plan with dry runs of thorough sweeps, and prints its calls, time and memory.
pub(crate) async fn compare(options: &Plan) -> anyhow::Result<()> {
    let aws = Emulator::start(WorldSettings::default()).await?;
    for (home, replica) in REGIONS {
        seed(&aws, (home, replica), options)?;
    }
    aws.forget_calls();
    let started = Instant::now();
    let (report, peak_mib) = plan(&options.cli, &aws.endpoint()).await?;
    let seconds = started.elapsed().as_secs_f64();
    let calls = aws.calls();
    check_calls(&calls)?;
    let mut totals = Totals::default();
    let mut sweep_calls = 0;
    for (home, _) in REGIONS {
        let (summary, calls) = sweep(&options.bootstrap, &aws, home).await?;
        totals.add(&summary)?;
        sweep_calls += calls;
    }
    let planned = counts(&report["summary"])?;
    ensure!(
        planned == totals.0,
        "the plan counts {COUNTS:?} {planned:?}, the sweeps count {:?}",
        totals.0
    );
    check_cost_of_replicas(&report)?;
    // Before the first sweep, the lists of the replica Regions are shorter than those of the later sweeps.
    if options.missing_every.get() > 1 {
        let lists = calls.iter().filter(|call| call.operation == "ListSecrets");
        check_cost_of_sweeps(&report, lists.count(), sweep_calls)?;
    }
    let secrets = options.secrets;
    println!(
        "{secrets} secrets: {} calls, {seconds:.1} s, {peak_mib:.0} MiB; {COUNTS:?} {planned:?}",
        calls.len()
    );
    println!("cost: {}", report["cost"]);
    ensure!(
        peak_mib < MAX_MIB,
        "the tool needs {peak_mib:.0} MiB of at most {MAX_MIB}"
    );
    Ok(())
}

/// Compares the cost of the replicas in the report with the price table.
fn check_cost_of_replicas(report: &Value) -> anyhow::Result<()> {
    let prices = Prices::read()?;
    let count = |field: &str| report["summary"][field].as_f64().unwrap_or_default();
    let (covered, planned) = (count("covered"), count("planned"));
    for (field, replicas) in [
        ("today", covered - planned),
        ("after", covered),
        ("difference", planned),
    ] {
        let (found, expected) = (usd(report, field)?, prices.secrets(replicas));
        ensure!(
            (found - expected).abs() < 0.005,
            "{field} is {found} USD, {replicas} replicas are {expected} USD"
        );
    }
    Ok(())
}

/// Compares the cost of the sweeps in the report with that of the calls of the plan's lists, which a quick sweep also
/// reads, and of the thorough sweeps.
fn check_cost_of_sweeps(report: &Value, lists: usize, thorough_calls: usize) -> anyhow::Result<()> {
    let [quick, thorough] = SWEEPS_PER_MONTH;
    let calls = quick * number(lists) + thorough * number(thorough_calls);
    let (found, expected) = (usd(report, "sweeps")?, Prices::read()?.calls(calls));
    ensure!(
        (found - expected).abs() < expected * MAX_ERROR,
        "the sweeps are {found} USD, the calls that were counted are {expected} USD"
    );
    Ok(())
}

fn usd(report: &Value, field: &str) -> anyhow::Result<f64> {
    let cost = &report["cost"];
    let usd = cost[field].as_f64();
    usd.with_context(|| format!("{field} is missing in {cost}"))
}

/// Adds secrets with a replica, of which some have lost it.
fn seed(aws: &Emulator, (home, replica): (&str, &str), options: &Plan) -> anyhow::Result<()> {
    let secrets = options.secrets / REGIONS.len();
    let template = SecretSeed::new(home, "app/")
        .with_tag("replicate-to", replica)
        .with_replica_in(replica);
    let series = SecretSeries::new(template, secrets);
    aws.with(|world: &mut World, now| {
        let mut at = now.before(AGE);
        world.seed_series(at, series.clone());
        for number in (0..secrets).step_by(options.missing_every.get()) {
            // Within the write quota.
            at = at + Duration::from_millis(25);
            let body =
                json!({ "SecretId": series.name(number), "RemoveReplicaRegions": [replica] });
            let answer = world.handle(at, home, "RemoveRegionsFromReplication", &body);
            answer.map_err(|error| anyhow!("RemoveRegionsFromReplication: {error}"))?;
        }
        Ok(())
    })
}

/// Runs `plan`. Returns its report and the peak of its memory in MiB.
async fn plan(cli: &Path, endpoint: &str) -> anyhow::Result<(Value, f64)> {
    let homes: Vec<&str> = REGIONS.iter().map(|(home, _)| *home).collect();
    let child = Command::new(cli)
        .args(["plan", "--region", &homes.join(",")])
        .args(["--allowed-replica-regions", &allowed()])
        .args(["--output", "json", "--endpoint-url", endpoint])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("failed to start {}", cli.display()))?;
    let pid = child.id();
    let mut output = pin!(child.wait_with_output());
    let mut peak = 0.0;
    let output = loop {
        tokio::select! {
            output = &mut output => break output?,
            // Fails if the process has just ended.
            () = sleep(INTERVAL) => peak = process::peak_mib(pid).unwrap_or(peak),
        }
    };
    let report = serde_json::from_slice(&output.stdout).context("the plan failed")?;
    Ok((report, peak))
}

/// Checks that each call is a read, and that the lists of each Region are read within the quota.
fn check_calls(calls: &[Call]) -> anyhow::Result<()> {
    let mut lists = BTreeMap::<(&str, u64), usize>::new();
    for call in calls {
        match call.operation.as_str() {
            "DescribeSecret" => {}
            "ListSecrets" => {
                *lists
                    .entry((call.region.as_str(), call.time.0 / 1000))
                    .or_default() += 1;
            }
            other => bail!("the tool calls {other}"),
        }
    }
    // A second of the log may contain the end of one second of the tool and the beginning of the next one.
    let most = lists.values().copied().max().unwrap_or_default();
    ensure!(
        most <= MAX_PAGES_PER_SECOND + 1,
        "the tool reads {most} pages of a list in a second"
    );
    Ok(())
}

/// Sweeps a Region thoroughly, without a write. Returns the totals and the number of calls.
async fn sweep(bootstrap: &Path, aws: &Emulator, home: &str) -> anyhow::Result<(Value, usize)> {
    let settings = LambdaSettings::new(bootstrap, home)
        .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
        .with_env("ALLOWED_REPLICA_REGIONS", allowed())
        .with_timeout(Duration::from_mins(15));
    let mut function = Lambda::start(settings).await?;
    let mut action = json!({
        "action": "sweep", "dryRun": true, "maxChanges": 1_000_000_000, "thorough": true
    });
    let mut calls = 0;
    aws.forget_calls();
    loop {
        let invocation = function.invoke(&action).await?;
        calls += aws.calls().len();
        aws.forget_calls();
        let Answer::Success(summary) = invocation.answer else {
            bail!("the sweep failed: {:#?}", invocation.answer);
        };
        if summary["nextToken"].is_null() {
            return Ok((summary, calls));
        }
        action["nextToken"] = summary["nextToken"].clone();
    }
}

/// The sums of [`COUNTS`].
#[derive(Debug, Default)]
struct Totals([u64; COUNTS.len()]);

impl Totals {
    fn add(&mut self, summary: &Value) -> anyhow::Result<()> {
        for (total, count) in self.0.iter_mut().zip(counts(summary)?) {
            *total += count;
        }
        Ok(())
    }
}

fn counts(report: &Value) -> anyhow::Result<[u64; COUNTS.len()]> {
    let mut counts = [0; COUNTS.len()];
    for (count, name) in counts.iter_mut().zip(COUNTS) {
        let found = report[name].as_u64();
        *count = found.with_context(|| format!("{name} is missing in {report}"))?;
    }
    Ok(counts)
}

fn allowed() -> String {
    REGIONS.map(|(_, replica)| replica).join(" ")
}
