//! Checks, explains, tests and quotes a replication policy before it is deployed, and shows what it means for
//! an account.
//!
//! The tool uses the same decision code as the function. Only the commands of the feature `aws` call AWS, and
//! only `promote` and `failback --perform` write.

#[cfg(feature = "aws")]
mod access;
mod arguments;
mod check;
mod completions;
#[cfg(feature = "aws")]
mod confirm;
#[cfg(feature = "aws")]
mod coverage;
mod diagnostic;
#[cfg(feature = "doctor")]
mod doctor;
mod document;
#[cfg(feature = "aws")]
mod drill;
#[cfg(feature = "aws")]
mod enabled_regions;
mod excerpt;
mod explain;
mod export;
#[cfg(feature = "aws")]
mod failback;
#[cfg(feature = "aws")]
mod html;
#[cfg(feature = "aws")]
mod interrupt;
#[cfg(feature = "aws")]
mod junit;
#[cfg(feature = "aws")]
mod keys;
#[cfg(feature = "aws")]
mod listing;
mod options;
mod output;
#[cfg(feature = "aws")]
mod output_file;
mod package_policy;
mod parameter;
#[cfg(feature = "aws")]
mod plan;
mod policy;
#[cfg(feature = "aws")]
mod prices;
#[cfg(feature = "aws")]
mod progress;
#[cfg(feature = "aws")]
mod promote;
#[cfg(feature = "aws")]
mod promotion_state;
#[cfg(feature = "aws")]
mod remedies;
#[cfg(feature = "aws")]
mod report;
#[cfg(feature = "aws")]
mod sample;
#[cfg(feature = "aws")]
mod select;
#[cfg(feature = "aws")]
mod simulator;
#[cfg(feature = "aws")]
mod source;
#[cfg(feature = "aws")]
mod status;
#[cfg(feature = "aws")]
mod survey;
#[cfg(feature = "aws")]
mod table;
mod terminal;
mod test;
mod tips;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use output::CommandOutput;

fn main() -> ExitCode {
    let command = match Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        Err(error) => return arguments::usage(error),
    };
    let codes = command.exit_codes();
    let result = match command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Parameter(arguments) => parameter::run(&arguments),
        Command::PackagePolicy(arguments) => package_policy::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        #[cfg(feature = "aws")]
        Command::Plan(arguments) => plan::run(&arguments),
        #[cfg(feature = "aws")]
        Command::Status(arguments) => status::run(&arguments),
        #[cfg(feature = "aws")]
        Command::Drill(arguments) => drill::run(&arguments),
        #[cfg(feature = "aws")]
        Command::Promote(arguments) => promote::run(&arguments),
        #[cfg(feature = "aws")]
        Command::Failback(arguments) => failback::run(&arguments),
        #[cfg(feature = "doctor")]
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
    };
    let output = result.unwrap_or_else(|error| CommandOutput::failure("", &error));
    output.print(codes)
}
