//! The sweep on the emulated AWS, with its quotas and a latency.

mod account;
mod run;

use std::time::Duration;

use anyhow::ensure;

use crate::contender::{Contender, Programs};
use crate::options::Amounts;
use crate::prices::Prices;
use crate::processor_share::{ONE_PROCESSOR_MB, ProcessorShare};
use crate::results::{SweepKind, SweepResult, SweepRun, number};
pub(crate) use account::{Account, Drift};
pub(crate) use run::Sandbox;

/// The approximate latency of a call to AWS in the same Region.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);

/// The largest number of secrets in slow motion and with drift. Their time grows in proportion.
const MAX_SECRETS: usize = 100_000;

/// Measures quick and thorough sweeps of each number of secrets, sweeps with work, and the Python loop.
pub(crate) async fn measure(
    programs: &Programs,
    amounts: Amounts,
    sizes: &[usize],
) -> anyhow::Result<Vec<SweepResult>> {
    let prices = Prices::read()?;
    let mut rows = Vec::new();
    for kind in [SweepKind::Quick, SweepKind::Thorough] {
        for &secrets in sizes {
            let account = Account::start(secrets, LATENCY).await?;
            rows.push(by_function(programs, kind, &account, prices).await?);
        }
    }
    let single = sizes.iter().copied().max().unwrap_or_default();
    let single = single.min(MAX_SECRETS);
    match ProcessorShare::check() {
        Ok(()) => {
            let slow = Account::start(single, 2 * LATENCY).await?;
            rows.push(by_function(programs, SweepKind::SlowMotion, &slow, prices).await?);
        }
        Err(error) => eprintln!("not measured in slow motion: {error:#}"),
    }
    let drifted = Account::start_drifted(single, Drift::ONE_PERCENT, LATENCY).await?;
    rows.push(by_function(programs, SweepKind::Drift, &drifted, prices).await?);
    let new = Account::start_without_replicas(amounts.sweep_writes, LATENCY).await?;
    rows.push(by_function(programs, SweepKind::First, &new, prices).await?);
    rows.push(by_python(programs, amounts.peer_secrets, prices).await?);
    Ok(rows)
}

async fn by_function(
    programs: &Programs,
    kind: SweepKind,
    account: &Account,
    prices: Prices,
) -> anyhow::Result<SweepResult> {
    eprintln!("{kind}: {} secrets", account.secrets());
    // In slow motion everything takes twice the time, so the function's 25 pages per second count as 50.
    let share = match kind {
        SweepKind::SlowMotion => Some(ProcessorShare::of_processor(0.5)?),
        _ => None,
    };
    let sandbox = Sandbox::new(programs, account, share.as_ref())?;
    let run = sandbox.sweep(account, kind == SweepKind::Thorough).await?;
    check(kind, account, &run)?;
    Ok(result(
        Contender::SecretReplicator,
        kind,
        account,
        run,
        prices,
    ))
}

/// Checks the counts of a sweep, so that no figure is that of another sweep.
fn check(kind: SweepKind, account: &Account, run: &SweepRun) -> anyhow::Result<()> {
    let all = account.secrets();
    let Drift { missing, young } = account.drift();
    let (described, written) = match kind {
        SweepKind::Quick | SweepKind::SlowMotion => (0, 0),
        SweepKind::Thorough => (all, 0),
        SweepKind::Drift => (missing + young, missing),
        SweepKind::First => (all, all),
        SweepKind::Loop => return Ok(()),
    };
    let found = (run.seen, run.described, run.written);
    ensure!(
        found == (all, described, written),
        "{kind}: expected (seen, described, written) {:?}, found {found:?}",
        (all, described, written)
    );
    Ok(())
}

async fn by_python(
    programs: &Programs,
    secrets: usize,
    prices: Prices,
) -> anyhow::Result<SweepResult> {
    eprintln!("Python: {secrets} secrets");
    let account = Account::start(secrets, LATENCY).await?;
    let run = run::by_python(programs, &account).await?;
    ensure!((run.seen, run.written) == (secrets, 0), "{run:?}");
    Ok(result(
        Contender::Python,
        SweepKind::Loop,
        &account,
        run,
        prices,
    ))
}

fn result(
    contender: Contender,
    kind: SweepKind,
    account: &Account,
    run: SweepRun,
    prices: Prices,
) -> SweepResult {
    let time = Duration::from_secs_f64(run.seconds);
    SweepResult {
        contender,
        kind,
        secrets: account.secrets(),
        usd_for_calls: prices.calls(number(run.counts.calls)),
        usd_for_lambda: prices.lambda(ONE_PROCESSOR_MB, time, number(run.slices)),
        allowed_rate: f64::from(run::ALLOWED_RATE),
        run,
    }
}
