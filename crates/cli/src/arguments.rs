//! The command line.

use clap::{Parser, Subcommand};

use crate::{check, completions, explain, test};

/// Check, explain and test a replication policy before you deploy it
///
/// A replication policy says which secrets of AWS Secrets Manager are replicated, to which Regions,
/// and with which KMS keys. This tool decides with the same code as the function in AWS Lambda,
/// needs no AWS account, and calls nothing.
#[derive(Parser)]
#[command(
    name = "secret-replicator",
    version,
    after_long_help = "\
Examples:
  secret-replicator check policy.yaml
  secret-replicator explain --policy policy.yaml --name prod/db --tag tier=1 --region us-east-1
  secret-replicator test policy.yaml tests.yaml

Exit codes:
  0  all is well
  1  the answer is no: a warning with `check --strict`, a failed test
  2  no answer: a policy with errors, a file that cannot be read, a wrong option

The answer goes to standard output, and so do the problems that `check` is asked for. What stands
in the way of an answer, and notes beside it, go to standard error; with `--output json`, the
problems of a policy or a file of tests are an answer, too.

Colours appear on a terminal only; the environment variable NO_COLOR turns them off there, too."
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show every problem of a policy
    ///
    /// Reads a policy, YAML or JSON, and shows every problem at once, each with its line, a stable
    /// code and a hint. Errors refuse the policy: the function would not start with it. With
    /// warnings, the policy works but may not mean what its author thinks.
    Check(check::Arguments),
    /// Say what a policy does with one secret, and why
    ///
    /// Shows every rule with what decided whether it matches, every Region with what becomes of it,
    /// which key the replica gets and what named the key, and the calls that would be made. The
    /// secret need not exist.
    Explain(explain::Arguments),
    /// Run the test cases of a policy
    ///
    /// Each case describes a secret and what is expected of the policy. What is expected is exact:
    /// a Region that is replicated to or refused, and is not expected, fails the case.
    Test(test::Arguments),
    /// Print a script that completes this command line in your shell
    Completions(completions::Arguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_says_what_goes_where() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.contains("standard output") && help.contains("standard error"));
    }

    #[test]
    fn every_command_teaches_by_example_and_names_its_exit_codes() {
        let command = Arguments::command();
        for subcommand in command.get_subcommands() {
            let help = subcommand.clone().render_long_help().to_string();
            let name = subcommand.get_name();
            assert!(help.contains("Examples:\n  "), "{name}");
            assert!(help.contains("Exit codes:\n  0  "), "{name}");
        }
    }
}
