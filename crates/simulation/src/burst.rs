//! A burst of events for the real function in real time.
//!
//! Unlike a world, a burst runs the packaged `bootstrap` as Lambda does: many processes, each with
//! its own connection to the emulator over sockets, and with AWS's quota on writes. At the end every
//! event must be accounted for, by the function's record and by the state of the emulator.
//!
//! | module | content |
//! |---|---|
//! | `population` | the secrets, and the events of their creation |
//! | `queue` | Lambda's asynchronous queue: sandboxes, retries, the failure queue |
//! | `result` | the result of an event, from the function's own record |
//! | `account` | every event and every secret, checked against the emulator |

mod account;
mod population;
mod queue;
mod result;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use secret_replicator_emulator::{
    Disturbance, Emulator, Execution, FaultKind, LambdaSettings, WorldSettings,
};

use crate::scenario::HOME;
use account::Account;
use queue::Queue;

/// Sends a burst of events to the real function on a local AWS, and accounts for each event.
///
/// Fails if an event or a secret does not end as it must.
#[derive(Debug, Parser)]
pub struct Options {
    /// The function's binary.
    #[arg(long, default_value = "target/release/bootstrap")]
    bootstrap: PathBuf,
    /// The number of secrets, all created at once.
    #[arg(long, default_value_t = 10_000)]
    secrets: usize,
    /// The number of events in a thousand that are delivered twice.
    #[arg(long, default_value_t = 10)]
    duplicates: u32,
    /// The number of AWS calls in a thousand that fail.
    #[arg(long, default_value_t = 50)]
    faults: u32,
    /// The number of writes per second that AWS accepts.
    #[arg(long, default_value_t = 50)]
    writes_per_second: u32,
    /// The time that AWS takes to replicate, in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    replication: u64,
    /// The number of sandboxes that Lambda runs at once. The default concurrency of an account is
    /// 1,000.
    #[arg(long, default_value_t = 1_000)]
    sandboxes: usize,
    /// The seconds after which Lambda retries an event that ended in an error.
    #[arg(long, value_delimiter = ',', default_value = "60,120")]
    retries: Vec<u64>,
    /// The function's timeout in seconds.
    #[arg(long, default_value_t = 90)]
    timeout: u64,
    /// The seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the burst and prints its summary. The exit code is a failure if anything is wrong.
///
/// # Errors
/// If the function's binary is missing, or the emulator or Lambda cannot start.
pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let bootstrap = &options.bootstrap;
    ensure!(bootstrap.is_file(), "{} is not a file", bootstrap.display());
    let aws = Emulator::start(WorldSettings {
        writes_per_second: Some(options.writes_per_second),
        replication_delay: Duration::from_millis(options.replication),
        ..WorldSettings::default()
    })
    .await
    .context("failed to start the emulator")?;
    let subjects = 0..options.secrets;
    let subjects: Vec<_> = subjects
        .map(|index| population::create(&aws, index))
        .collect();
    let events = population::events(&subjects, options.duplicates, options.seed)?;
    aws.disturb(Disturbance::new(options.seed, options.faults, faults()));
    let function = LambdaSettings::new(bootstrap, HOME)
        .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
        .with_env("ALLOWED_REPLICA_REGIONS", population::ALLOWED_REGIONS)
        .with_timeout(Duration::from_secs(options.timeout));
    let delays = options.retries.iter().copied().map(Duration::from_secs);
    let queue = Queue::new(function, options.sandboxes, delays.collect());
    eprintln!("burst: {} events at once, {options:?}", events.len());
    let sent = events.len();
    let results = queue.deliver_all(events).await?;
    let account = Account::new(&aws, &subjects, sent, &results);
    println!("{:#}", account.summary(&aws, queue.sandboxes()));
    for line in &account.wrong {
        eprintln!("wrong: {line}");
    }
    Ok(ExitCode::from(u8::from(!account.wrong.is_empty())))
}

/// Returns every kind of failed call: throttling, an internal error of AWS, a broken connection, no
/// answer in time. The last three occur both before and after AWS executes the call.
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
