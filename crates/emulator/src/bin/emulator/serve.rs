//! `emulator serve`.

mod samples;

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use secret_replicator_emulator::{Emulator, WorldSettings};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::function::{Function, Options, ensure_built};
use crate::output;

/// Options of `serve`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port on 127.0.0.1; 0 selects a free one.
    #[arg(long, default_value = "4599", value_parser = port)]
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
    /// The function's Region. us-east-1 by default.
    #[arg(long)]
    function_region: Option<String>,
    /// Start with sample secrets in us-east-1, in the states that the command-line tool reports.
    #[arg(long)]
    samples: bool,
    #[command(flatten)]
    options: Options,
}

impl Arguments {
    fn function_region(&self) -> &str {
        self.function_region.as_deref().unwrap_or("us-east-1")
    }

    /// Checks that no option is for a function that does not run.
    fn check(&self) -> anyhow::Result<()> {
        let is_for_function = self.function_region.is_some() || !self.options.are_default();
        ensure!(
            self.bootstrap.is_some() || !is_for_function,
            "no function runs, so --policy, --allowed-regions, --setting, --missing-key and --function-region have no \
             effect: add `--bootstrap target/debug/bootstrap`, or run `make playground POLICY=policy.yaml`"
        );
        Ok(())
    }
}

fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| "expected a number from 0 to 65535; 0 selects a free port".to_owned())
}

/// Returns the way out of an error of the port.
fn port_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program, perhaps another playground, uses this port: end it, or choose another port with \
             `make playground PORT=4600` or `--port 4600`"
        }
        io::ErrorKind::PermissionDenied => {
            "only root may use this port: choose one from 1024, for example with `make playground PORT=4600` or \
             `--port 4600`"
        }
        _ => "choose another port with `make playground PORT=4600` or `--port 4600`",
    }
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    arguments.check()?;
    let address = (Ipv4Addr::LOCALHOST, arguments.port).into();
    let settings = WorldSettings {
        replication_delay: Duration::from_secs(arguments.replication_seconds),
        removal_delay: Duration::from_secs(arguments.removal_seconds),
        ..Options::world()
    };
    let (emulator, events) = Emulator::start_with_events(address, settings)
        .await
        .map_err(|error| {
            let hint = port_hint(&error);
            anyhow!("failed to listen on {address}: {error}; {hint}")
        })?;
    arguments.options.remove_keys(&emulator);
    if arguments.samples {
        samples::seed(&emulator)?;
    }
    let function = start_function(arguments, &emulator).await?;
    print_usage(&emulator.endpoint());
    if let Some(function) = &function {
        let (region, options) = (function.region(), arguments.options.describe());
        println!("\nThe function runs in {region}.\n{options}");
        function.print_warnings();
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
    let (region, options) = (arguments.function_region(), &arguments.options);
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
