//! A burst of events: the function on a local AWS as Lambda would run it.
//!
//! * [`population`]: the secrets, of every kind, and the events of their creation.
//! * [`queue`]: Lambda's asynchronous queue, its sandboxes, its retries and its failure queue.
//! * [`ending`]: what an event came to, by the function's own record.
//! * [`account`]: every event and every secret, checked against what AWS has.

mod account;
mod ending;
mod population;
mod queue;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use secret_replicator_emulator::{
    Disturbance, Emulator, Execution, FaultKind, LambdaSettings, WorldSettings,
};

use account::Account;
use population::Population;
use queue::Queue;

/// The Region of the secrets and of the function.
const HOME: &str = "us-east-1";

/// Options of `burst`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The function
    #[arg(long, default_value = "target/release/bootstrap")]
    bootstrap: PathBuf,
    /// How many secrets are created at once
    #[arg(long, default_value_t = 10_000)]
    secrets: usize,
    /// How many of a thousand events arrive twice
    #[arg(long, default_value_t = 10)]
    duplicates: u32,
    /// How many of a thousand calls of AWS go wrong
    #[arg(long, default_value_t = 50)]
    faults: u32,
    /// How many writes a second AWS allows
    #[arg(long, default_value_t = 50)]
    writes_per_second: u32,
    /// How many milliseconds AWS takes to replicate
    #[arg(long, default_value_t = 2_000)]
    replication: u64,
    /// How many sandboxes Lambda starts at most: the concurrency of an account is 1,000
    #[arg(long, default_value_t = 1_000)]
    sandboxes: usize,
    /// After how many seconds Lambda tries an event again that has ended in an error
    #[arg(long, value_delimiter = ',', default_value = "60,120")]
    retries: Vec<u64>,
    /// How many seconds an invocation may take
    #[arg(long, default_value_t = 90)]
    timeout: u64,
    /// What chance starts from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) async fn run(options: &Options, figures: &Path) -> anyhow::Result<ExitCode> {
    let bootstrap = &options.bootstrap;
    ensure!(bootstrap.is_file(), "there is no {}", bootstrap.display());
    let aws = Emulator::start(WorldSettings {
        writes_per_second: Some(options.writes_per_second),
        replication_delay: Duration::from_millis(options.replication),
        ..WorldSettings::default()
    })
    .await
    .context("cannot start the emulator")?;
    let population = Population::settle(&aws, options.secrets);
    let events = population.events(options.duplicates, options.seed)?;
    aws.disturb(Disturbance::new(options.seed, options.faults, faults()));
    let function = LambdaSettings::new(bootstrap, HOME)
        .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
        .with_env("ALLOWED_REPLICA_REGIONS", population::ALLOWED_REGIONS)
        .with_timeout(Duration::from_secs(options.timeout));
    let delays = options.retries.iter().copied().map(Duration::from_secs);
    let queue = Queue::new(function, options.sandboxes, delays.collect());
    eprintln!("burst: {} events at once", events.len());
    let started = Instant::now();
    let endings = queue.work_off(events).await?;
    let elapsed = started.elapsed();
    let account = Account::new(&aws, &population, &endings);
    let part = account.figures(options, &queue, &aws, elapsed);
    println!("{}", part.table());
    part.write(figures, "burst")?;
    let wrong = account.wrong();
    for line in wrong {
        eprintln!("wrong: {line}");
    }
    Ok(if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Everything that may happen to a call: throttled, refused with a fault of AWS's own, the
/// connection broken, no answer in time; each of the last three before or after it was executed.
fn faults() -> Vec<FaultKind> {
    let mut kinds = vec![FaultKind::Throttle];
    for execution in [Execution::Skipped, Execution::Done] {
        kinds.push(FaultKind::Answer {
            status: 500,
            code: "InternalServiceError".to_owned(),
            message: "An error occurred on the server side.".to_owned(),
            execution,
        });
        kinds.push(FaultKind::CloseConnection(execution));
        kinds.push(FaultKind::Hang(execution));
    }
    kinds
}
