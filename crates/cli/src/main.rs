//! `secret-replicator`: checks, explains and tests a replication policy before it is deployed.
//!
//! It decides with the very code that the function runs, and never calls AWS.

mod arguments;
mod check;
mod completions;
mod diagnostic;
mod document;
mod explain;
mod options;
mod outcome;
mod policy;
mod test;
mod words;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use outcome::{Exit, Outcome};

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
    };
    let outcome = result.unwrap_or_else(|error| Outcome {
        stdout: String::new(),
        stderr: format!("error: {error:#}\n"),
        exit: Exit::Failure,
    });
    outcome.show()
}
