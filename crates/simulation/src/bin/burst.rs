//! `burst`: sends a burst of events to the real function on a local AWS, and accounts for each event.

use std::process::ExitCode;

use clap::Parser;
use secret_replicator_simulation::burst::{Options, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    run(&Options::parse()).await
}
