//! `secret-replicator parameter`: prints a policy as a value of the stack's parameter.

use anyhow::ensure;
use clap::{Args, ValueEnum, ValueHint};
use serde_json::json;

use crate::document::Document;
use crate::options::{Format, LimitsOptions};
use crate::output::{self, CommandOutput, Exit};
use crate::policy;

/// The options of `parameter`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  PARAMETER=$(secret-replicator parameter policy.yaml --for sam) &&
    sam deploy --parameter-overrides AllowedReplicaRegions=eu-west-1 \"$PARAMETER\"
  secret-replicator parameter policy.yaml --for terraform

Exit codes:
  0  printed
  2  a policy with errors, an unreadable file, or a policy that the parameter cannot hold")]
pub(crate) struct Arguments {
    /// The policy file, YAML or JSON; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    policy: String,
    /// The tool that takes the parameter
    #[arg(long = "for", value_enum, value_name = "TOOL")]
    tool: Tool,
    #[command(flatten)]
    limits: LimitsOptions,
}

/// The place of the parameter, which decides how it is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tool {
    /// An argument of `sam deploy --parameter-overrides`
    Sam,
    /// An argument of `aws cloudformation deploy --parameter-overrides`
    Cli,
    /// An entry of a file of parameters for the AWS CLI
    Json,
    /// A string of Terraform's language
    Terraform,
}

/// The name of the stack's parameter.
const NAME: &str = "ReplicationPolicy";

/// The maximum length of the parameter, in characters. The template has the same limit.
const MAX_LENGTH: usize = 3072;

/// Prints a policy as a value of the stack's parameter.
///
/// # Errors
/// The file cannot be read, or the parameter cannot hold the policy.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    let document = Document::read(&arguments.policy)?;
    let text = document.text.trim_end().to_owned();
    let loaded = match policy::load(document, &arguments.limits.get()) {
        Ok(loaded) => loaded,
        Err(rejected) => return rejected.output(Format::Text),
    };
    let length = text.chars().count();
    ensure!(
        length <= MAX_LENGTH,
        "the policy has {length} characters, and the parameter {NAME} holds {MAX_LENGTH}; deploy it as a \
         layer: `secret-replicator package-policy`"
    );
    Ok(CommandOutput {
        stdout: arguments.tool.quote(&text)?.into(),
        stderr: arguments.limits.note() + &loaded.note(),
        exit: Exit::Success,
    })
}

impl Tool {
    fn quote(self, text: &str) -> anyhow::Result<String> {
        Ok(match self {
            Self::Sam => {
                // SAM's parser keeps some backslashes and removes others.
                ensure!(
                    !text.contains('\\'),
                    "`sam deploy` cannot take a policy with a backslash as a parameter; write the character \
                     itself, or deploy the policy as a layer: `secret-replicator package-policy`"
                );
                format!("{NAME}='{}'\n", text.replace('\'', "\\'"))
            }
            Self::Cli => format!("{NAME}={text}\n"),
            Self::Json => output::json(&json!({ "ParameterKey": NAME, "ParameterValue": text }))?,
            Self::Terraform => terraform(text),
        })
    }
}

/// Formats a string of Terraform's language, without interpolation (Terraform documentation, "Strings and
/// Templates").
fn terraform(text: &str) -> String {
    let mut string = String::from('"');
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' => string.push_str("\\n"),
            '\r' => string.push_str("\\r"),
            '\t' => string.push_str("\\t"),
            '"' | '\\' => string.extend(['\\', c]),
            // `${` and `%{` begin an interpolation, unless the first character is doubled.
            '$' | '%' if characters.peek() == Some(&'{') => string.extend([c, c]),
            c if c.is_control() => string.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => string.push(c),
        }
    }
    string + "\"\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_terraform_has_no_interpolation() {
        assert_eq!(
            terraform("a: \"${b}\"\n%{c} $d \\ \u{1}"),
            "\"a: \\\"$${b}\\\"\\n%%{c} $d \\\\ \\u0001\"\n"
        );
    }

    #[test]
    fn a_backslash_is_refused_only_where_it_is_not_kept() {
        assert!(Tool::Sam.quote("a: \"\\u00e9\"").is_err());
        assert_eq!(Tool::Cli.quote("\\").unwrap(), "ReplicationPolicy=\\\n");
    }
}
