//! `burst`: sends a burst of events to the real function on a local AWS, and accounts for each event.

use std::process::ExitCode;

use clap::Parser;
use secret_replicator_simulation::burst::{self, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match burst::run(&Options::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
