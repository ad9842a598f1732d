//! Checks the model of two invocations and an owner on one secret, and prints how much that was.

use std::process::ExitCode;

use clap::Parser;
use secret_replicator_simulation::model;
use serde_json::json;

/// Tries every order of events of two invocations, an owner and AWS on one secret.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many things the owner does.
    #[arg(long, default_value_t = 2)]
    owner_acts: u8,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let checked = model::explore(arguments.owner_acts);
    let seconds = checked.took.as_secs_f64();
    if arguments.json {
        let object = json!({
            "owner_acts": arguments.owner_acts,
            "model_states": checked.states,
            "model_steps": checked.steps,
            "depth": checked.depth,
            "seconds": seconds,
            "violations": checked.wrong.len(),
            "never_met": checked.missing,
        });
        println!("{object}");
    } else {
        println!(
            "{} states, {} steps, at most {} deep, {seconds:.1} s",
            checked.states, checked.steps, checked.depth
        );
    }
    for (property, example) in &checked.wrong {
        eprintln!("does not hold: {property}\n{example}");
    }
    for property in &checked.missing {
        eprintln!("never met: {property}");
    }
    if checked.wrong.is_empty() && checked.missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
