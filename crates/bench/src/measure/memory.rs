//! Events and sweeps under the processor share of several memory sizes.

use std::time::Duration;

use anyhow::ensure;
use secret_replicator_emulator::{Answer, Lambda};
use serde_json::Value;

use crate::contender::Programs;
use crate::event;
use crate::options;
use crate::prices::Prices;
use crate::processor_share::{ONE_PROCESSOR_MB, ProcessorShare};
use crate::results::SweepRun;
use crate::results::{MemoryResult, number};
use crate::statistics::Summary;
use crate::sweep::{Account, LATENCY, Sandbox};

/// The memory sizes in MB.
const SIZES: [u32; 5] = [128, 256, 512, 1024, ONE_PROCESSOR_MB];

/// The duration of a replication. AWS takes seconds (reported by users).
const REPLICATION: Duration = Duration::from_millis(500);

/// The number of secrets for which the tables give a price.
const PRICED: f64 = 1e5;

/// The amounts of each measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amounts {
    /// Processes that handle events.
    pub(crate) processes: usize,
    /// Warm events of each kind per process.
    pub(crate) events: usize,
    /// The secrets of a quick sweep. Thorough sweeps have a fourth, first sweeps a fortieth.
    pub(crate) secrets: usize,
}

impl From<options::Amounts> for Amounts {
    fn from(amounts: options::Amounts) -> Amounts {
        // An event takes a second, mostly without the processor.
        Amounts {
            processes: amounts.rounds.min(5),
            events: amounts.events.min(5),
            secrets: amounts.memory_secrets,
        }
    }
}

/// Measures each size.
///
/// # Errors
/// Also if this machine does not allow to limit the processor time of a process.
pub(crate) async fn measure(
    programs: &Programs,
    amounts: Amounts,
) -> anyhow::Result<Vec<MemoryResult>> {
    let prices = Prices::read()?;
    let mut rows = Vec::new();
    for memory_mb in SIZES {
        eprintln!("{memory_mb} MB");
        let share = ProcessorShare::of_memory(memory_mb)?;
        rows.push(measure_size(programs, amounts, memory_mb, &share, prices).await?);
    }
    Ok(rows)
}

async fn measure_size(
    programs: &Programs,
    amounts: Amounts,
    memory_mb: u32,
    share: &ProcessorShare,
    prices: Prices,
) -> anyhow::Result<MemoryResult> {
    let usd = |secrets: usize, seconds: f64, calls: usize, invocations: usize| {
        let time = Duration::from_secs_f64(seconds);
        let lambda = prices.lambda(memory_mb, time, number(invocations));
        (lambda + prices.calls(number(calls))) * PRICED / number(secrets)
    };
    let usd_of = |secrets, run: &SweepRun| usd(secrets, run.seconds, run.counts.calls, run.slices);
    let events = events(programs, amounts, share).await?;
    let quick = amounts.secrets;
    let compared = sweep(
        programs,
        share,
        Account::start(quick, LATENCY).await?,
        false,
    )
    .await?;
    let thorough = quick.div_ceil(4);
    let described = sweep(
        programs,
        share,
        Account::start(thorough, LATENCY).await?,
        true,
    )
    .await?;
    let new = Account::start_without_replicas(quick.div_ceil(40), LATENCY).await?;
    let first = sweep(programs, share, new, false).await?;
    let write_seconds = events.write_ms.iter().sum::<f64>() / 1e3;
    Ok(MemoryResult {
        memory_mb,
        share: share.share(),
        cold_ms: Summary::of(&events.cold_ms)?,
        first_ms: Summary::of(&events.first_ms)?,
        unchanged_ms: Summary::of(&events.unchanged_ms)?,
        write_ms: Summary::of(&events.write_ms)?,
        event_usd: usd(
            events.write_ms.len(),
            write_seconds,
            events.write_calls,
            events.write_ms.len(),
        ),
        quick_rate: number(quick) / compared.seconds,
        quick_usd: usd_of(quick, &compared),
        thorough_rate: number(thorough) / described.seconds,
        thorough_usd: usd_of(thorough, &described),
        write_rate: first.counts.write_rate().unwrap_or_default(),
        peak_memory_mib: compared.peak_memory_mib.max(described.peak_memory_mib),
    })
}

async fn sweep(
    programs: &Programs,
    share: &ProcessorShare,
    account: Account,
    thorough: bool,
) -> anyhow::Result<SweepRun> {
    let sandbox = Sandbox::new(programs, &account, Some(share))?;
    sandbox.sweep(&account, thorough).await
}

/// The times of events in milliseconds.
#[derive(Debug, Default)]
struct Events {
    cold_ms: Vec<f64>,
    first_ms: Vec<f64>,
    unchanged_ms: Vec<f64>,
    write_ms: Vec<f64>,
    write_calls: usize,
}

/// Delivers events about secrets without replicas, each until the replicas are in sync, and then once more.
async fn events(
    programs: &Programs,
    amounts: Amounts,
    share: &ProcessorShare,
) -> anyhow::Result<Events> {
    let mut events = Events::default();
    for _ in 0..amounts.processes {
        let account = Account::start_for_events(amounts.events + 1, LATENCY, REPLICATION).await?;
        let mut function = Sandbox::new(programs, &account, Some(share))?
            .start()
            .await?;
        events
            .cold_ms
            .push(function.init_duration().as_secs_f64() * 1e3);
        let first = event::created_with_arn(&account.arn(0)?)?;
        events
            .first_ms
            .push(deliver(&mut function, &first, "replicated").await?);
        for number in 1..=amounts.events {
            let event = event::created_with_arn(&account.arn(number)?)?;
            account.aws().forget_calls();
            events
                .write_ms
                .push(deliver(&mut function, &event, "replicated").await?);
            events.write_calls += account.aws().calls().len();
            events
                .unchanged_ms
                .push(deliver(&mut function, &event, "unchanged").await?);
        }
    }
    Ok(events)
}

/// Delivers an event, and checks its outcome. Returns its time in milliseconds.
async fn deliver(function: &mut Lambda, event: &Value, outcome: &str) -> anyhow::Result<f64> {
    let invocation = function.invoke(event).await?;
    let is_expected =
        matches!(&invocation.answer, Answer::Success(record) if record["outcome"] == outcome);
    ensure!(is_expected, "expected {outcome}, found {invocation:#?}");
    Ok(invocation.duration.as_secs_f64() * 1e3)
}
