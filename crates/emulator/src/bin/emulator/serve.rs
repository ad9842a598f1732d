//! `emulator serve`.

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use secret_replicator_emulator::{Emulator, WorldSettings};

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
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let address = (Ipv4Addr::LOCALHOST, arguments.port).into();
    let settings = WorldSettings {
        replication_delay: Duration::from_secs(arguments.replication_seconds),
        removal_delay: Duration::from_secs(arguments.removal_seconds),
        ..WorldSettings::default()
    };
    let emulator = Emulator::start_at(address, settings)
        .await
        .with_context(|| format!("failed to listen on {address}"))?;
    let endpoint = emulator.endpoint();
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
    tokio::signal::ctrl_c()
        .await
        .context("failed to wait for Ctrl-C")?;
    Ok(ExitCode::SUCCESS)
}
