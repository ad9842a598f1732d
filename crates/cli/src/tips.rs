//! Tips for wrong arguments for which clap has none, or one that misleads.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// Adds a tip to an error of the arguments `arguments`, of which the first is the command.
pub(crate) fn with_tip(mut error: Error, arguments: &[String], tool: &Command) -> Error {
    if let Some(tip) = tip(&error, arguments, tool) {
        let tip = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tip);
        // Clap's own suggestion is the most similar argument, which is another one.
        error.remove(ContextKind::SuggestedArg);
    }
    error
}

fn tip(error: &Error, arguments: &[String], tool: &Command) -> Option<String> {
    let command = arguments.first().map_or("", String::as_str);
    let invalid = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.as_str(),
        _ => "",
    };
    match (error.kind(), command) {
        (ErrorKind::InvalidSubcommand, _)
            if error.get(ContextKind::SuggestedSubcommand).is_none() =>
        {
            let commands = tool.get_subcommands().map(Command::get_name);
            let commands: Vec<String> = commands.map(|name| format!("'{name}'")).collect();
            Some(format!("the commands are {}", commands.join(", ")))
        }
        (ErrorKind::UnknownArgument, "explain") if !invalid.starts_with('-') => {
            Some("name an event with '--event FILE', and a policy with '--policy FILE'".to_owned())
        }
        (ErrorKind::UnknownArgument, "check" | "test" | "parameter" | "plan" | "status" | "drill")
            if invalid == "--policy" =>
        {
            Some(format!(
                "name the policy without an option: 'secret-replicator {command} policy.yaml ...'"
            ))
        }
        (ErrorKind::ArgumentConflict, "plan" | "status" | "drill") => Some(
            "a stack has its own policy and settings: remove either '--from-stack', or the policy and the \
             options of the settings"
                .to_owned(),
        ),
        (ErrorKind::UnknownArgument, "doctor") if !invalid.starts_with('-') => Some(format!(
            "name the stack with an option: 'secret-replicator doctor --stack-name {invalid}'"
        )),
        _ => None,
    }
}
