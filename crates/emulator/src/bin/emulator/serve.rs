//! `emulator serve`.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use secret_replicator_emulator::{Emulator, WorldSettings};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::function::{Function, Options, ensure_built};
use crate::output;

/// Options of `serve`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port on 127.0.0.1; 0 selects a free one.
    #[arg(long, default_value_t = 4599)]
    port: u16,
    /// The duration of a replication in seconds. AWS takes seconds.
    #[arg(long, default_value_t = 1)]
    replication_seconds: u64,
    /// The duration of the removal of a replica in seconds. AWS takes about a minute.
    #[arg(long, default_value_t = 60)]
    removal_seconds: u64,
    /// The function's binary. It gets the events of calls in its Region, one after the other.
    #[arg(long)]
    bootstrap: Option<PathBuf>,
    /// The function's Region.
    #[arg(long, default_value = "us-east-1")]
    function_region: String,
    #[command(flatten)]
    options: Options,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let address = (Ipv4Addr::LOCALHOST, arguments.port).into();
    let settings = WorldSettings {
        replication_delay: Duration::from_secs(arguments.replication_seconds),
        removal_delay: Duration::from_secs(arguments.removal_seconds),
        ..Options::world()
    };
    let (emulator, events) = Emulator::start_with_events(address, settings)
        .await
        .with_context(|| format!("failed to listen on {address}"))?;
    arguments.options.remove_keys(&emulator);
    let function = start_function(arguments, &emulator).await?;
    print_usage(&emulator.endpoint());
    if function.is_some() {
        let options = arguments.options.describe();
        println!(
            "\nThe function runs in {}.\n{options}\n",
            arguments.function_region
        );
    }
    tokio::select! {
        result = deliver(events, function) => result?,
        stopped = tokio::signal::ctrl_c() => stopped.context("failed to wait for Ctrl-C")?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn start_function(
    arguments: &Arguments,
    emulator: &Emulator,
) -> anyhow::Result<Option<Function>> {
    let Some(bootstrap) = &arguments.bootstrap else {
        return Ok(None);
    };
    ensure_built(bootstrap)?;
    let (region, options) = (&arguments.function_region, &arguments.options);
    let function = Function::start(bootstrap, region, emulator, options).await?;
    Ok(Some(function))
}

fn print_usage(endpoint: &str) {
    println!("Secrets Manager of all Regions runs at {endpoint} until Ctrl-C. For example:");
    println!();
    println!(
        "  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1"
    );
    println!("  export AWS_ENDPOINT_URL_SECRETS_MANAGER={endpoint}");
    println!("  aws secretsmanager create-secret --name app --secret-string hello");
    println!("  aws secretsmanager replicate-secret-to-regions --secret-id app \\");
    println!("      --add-replica-regions Region=eu-west-1");
    println!("  aws secretsmanager describe-secret --secret-id app");
}

/// Delivers the events of the function's Region to the function, if there is one, until dropped.
/// Lambda delivers events at the same time, and a failed one twice more.
async fn deliver(
    mut events: UnboundedReceiver<Value>,
    mut function: Option<Function>,
) -> anyhow::Result<()> {
    while let Some(event) = events.recv().await {
        let Some(function) = &mut function else {
            continue;
        };
        let call = event["detail"]["eventName"].as_str();
        let title = call.or(event["detail-type"].as_str()).unwrap_or_default();
        if event["region"] != function.region() {
            let region = event["region"].as_str().unwrap_or_default();
            println!(
                "{title} in {region}: the function runs in {}",
                function.region()
            );
            continue;
        }
        println!("{title}:");
        let invocation = function.send(&event).await?;
        println!("{}", output::of(&invocation));
    }
    // The emulator has stopped.
    Ok(())
}
