//! Checks, explains, tests and quotes a replication policy before it is deployed.
//!
//! The tool uses the same decision code as the function and never calls AWS.

mod arguments;
mod check;
mod completions;
mod diagnostic;
mod document;
mod excerpt;
mod explain;
mod options;
mod output;
mod parameter;
mod policy;
mod terminal;
mod test;
mod tips;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use output::{CommandOutput, Exit};

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        let arguments: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        tips::with_tip(error, &arguments, &Arguments::command()).exit()
    });
    let result = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Parameter(arguments) => parameter::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
    };
    let output = result.unwrap_or_else(|error| CommandOutput {
        stdout: String::new(),
        stderr: format!("error: {error:#}\n"),
        exit: Exit::Failure,
    });
    output.print()
}
