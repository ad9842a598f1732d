//! `emulator serve` runs Secrets Manager on this machine, for the AWS CLI and SDKs, and the function on
//! request.
//! `emulator demo` sends sample events to the real function, which calls this Secrets Manager.

mod demo;
mod function;
mod output;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A local AWS for secret-replicator.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a multi-Region Secrets Manager until Ctrl-C.
    Serve(serve::Arguments),
    /// Send events to the function's real binary, and show the results.
    Demo(demo::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments).await,
        Command::Demo(arguments) => demo::run(&arguments).await,
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
