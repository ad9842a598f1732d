//! `soak`: plays random worlds and checks the invariants in each.

use std::process::ExitCode;

use clap::Parser;
use secret_replicator_simulation::soak::{Options, run};

fn main() -> anyhow::Result<ExitCode> {
    run(&Options::parse())
}
