//! Defines the command-line arguments.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::output::{Exit, ExitCodes};
use crate::{check, completions, explain, export, package_policy, parameter, test, tips};
#[cfg(feature = "aws")]
use crate::{drill, failback, plan, promote, status};

/// Check, explain and test a replication policy before you deploy it
///
/// A replication policy defines which AWS Secrets Manager secrets are replicated, to which Regions,
/// and with which KMS keys. This tool uses the same decision code as the AWS Lambda function. Only
/// `plan`, `status`, `drill`, `promote`, `failback` and `doctor` call AWS. Only `promote` and
/// `failback --perform` write.
#[derive(Parser)]
#[command(
    name = "secret-replicator",
    version,
    after_long_help = "\
Examples:
  secret-replicator check policy.yaml
  secret-replicator explain --policy policy.yaml --name prod/db --tag tier=1 --region us-east-1
  secret-replicator test policy.yaml tests.yaml
  secret-replicator parameter policy.yaml --for sam
  secret-replicator package-policy policy.yaml
  secret-replicator export scp policy.yaml
  secret-replicator plan policy.yaml --region us-east-1
  secret-replicator drill policy.yaml --to eu-west-1 --region us-east-1

Exit codes:
  0  success
  1  findings: a warning with `check --strict`, or a failed test
  2  failure: a policy with errors, an unreadable file, or an invalid option
The commands that call AWS exit with 2 for findings and 1 for a failure.

Results go to standard output, including the problems that `check` finds. Errors that prevent a
result, and notes about a result, go to standard error. With `--output json`, the problems of an
invalid policy or test file go to standard output.

Colors appear only on a terminal. The environment variable NO_COLOR disables them there, too."
)]
pub(crate) struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show every problem of a policy
    ///
    /// Reads a policy in YAML or JSON and shows all problems at once, each with its line, a stable
    /// code and a hint. The function fails each event while its policy has errors. A policy that has
    /// only warnings works, but may not have the intended effect.
    Check(check::Arguments),
    /// Explain what a policy does with one secret
    ///
    /// Shows why each rule matches or does not match, the decision for each Region, the KMS key of
    /// each replica and the source of that key, and the API calls that the function would make. The
    /// secret does not have to exist.
    Explain(explain::Arguments),
    /// Run the test cases of a policy
    ///
    /// Each case describes a secret and the expected decision. The comparison is exact: a case fails
    /// if the policy replicates to, or refuses, a Region that the case does not name. Only the
    /// refusal of the primary Region needs no expectation. A failed case shows the expectations that
    /// the decision meets.
    Test(test::Arguments),
    /// Print a policy as the stack's parameter, quoted for a tool
    ///
    /// Deployment tools parse their parameters, and change a policy that is not quoted for them. The
    /// output is the argument, file or string that brings the policy to the parameter
    /// `ReplicationPolicy` unchanged. A policy with errors is not printed.
    Parameter(parameter::Arguments),
    /// Package a policy as a Lambda layer
    ///
    /// A layer holds policies that are too long for the parameter `ReplicationPolicy`, and the stacks of an
    /// organization can share it by the parameter `PolicyLayerArn`. Equal policies make equal zips. A policy
    /// with errors is not packaged.
    PackagePolicy(package_policy::Arguments),
    /// Print the guardrails that follow from a policy
    ///
    /// The service control policy keeps the replicas of all principals in the allowed Regions, the tag
    /// policy fixes the spelling of the tags that the rules read, and the identity policy lets a role
    /// replicate to the allowed Regions. A policy with errors has none.
    Export(export::Arguments),
    /// Show what the function would change in an account, and what that costs
    ///
    /// Reads the secrets of the primary Regions and of their replica Regions, and shows what a sweep
    /// with the policy would do. It needs no deployment, only read-only credentials (docs/CLI.md), and
    /// never writes. Credentials and Region are found as the AWS CLI finds them.
    #[cfg(feature = "aws")]
    Plan(plan::Arguments),
    /// Show which secrets are covered, in sync, behind, failed or missing in each Region
    ///
    /// Reads the secrets of the primary Regions and of their replica Regions, and compares the versions.
    /// It needs no deployment, only read-only credentials (docs/CLI.md), and never writes. Credentials
    /// and Region are found as the AWS CLI finds them.
    #[cfg(feature = "aws")]
    Status(status::Arguments),
    /// Show which secrets could be promoted in a failover Region
    ///
    /// Checks for each secret that the policy covers that its replica is in the Region, carries the current
    /// value, and has a key that works. Needs read-only credentials, never writes, and never reads a value.
    /// A primary Region that does not answer is named, and the report rests on the inventory.
    #[cfg(feature = "aws")]
    Drill(drill::Arguments),
    /// Promote the replicas of a failover Region, when their primary Region is unavailable
    ///
    /// Shows what would be promoted, asks for a confirmation, and makes each replica a standalone secret.
    /// Needs nothing of the primary Region. A second run changes nothing. A promotion cannot be undone.
    #[cfg(feature = "aws")]
    Promote(promote::Arguments),
    /// Show what stands where after a failover, and the steps that lead back
    ///
    /// Compares the versions of both sides of each promoted secret, says which value is newer if the versions
    /// show it, and prints the calls in order. Makes none of them, or with `--perform` those that destroy nothing.
    /// Never reads a value.
    #[cfg(feature = "aws")]
    Failback(failback::Arguments),
    /// Find the broken link of a deployed stack
    ///
    /// Follows the chain from a changed secret to its replica and to the operators: stack, function,
    /// rules, trail, roles, keys, Regions, queues, schedule, last sweep, alarms and their topic. Shows one
    /// finding per fault, with its remediation. Needs read-only credentials and changes nothing.
    #[cfg(feature = "doctor")]
    Doctor(crate::doctor::Arguments),
    /// Print a completion script for your shell
    Completions(completions::Arguments),
}

/// The names of the commands that read an AWS account.
const ACCOUNT_COMMANDS: [&str; 6] = ["plan", "status", "drill", "promote", "failback", "doctor"];

impl Command {
    /// Returns the exit codes of the command.
    pub(crate) fn exit_codes(&self) -> ExitCodes {
        match self {
            Self::Check(_)
            | Self::Explain(_)
            | Self::Test(_)
            | Self::Parameter(_)
            | Self::PackagePolicy(_)
            | Self::Export(_)
            | Self::Completions(_) => ExitCodes::Checks,
            #[cfg(feature = "aws")]
            Self::Plan(_)
            | Self::Status(_)
            | Self::Drill(_)
            | Self::Promote(_)
            | Self::Failback(_) => ExitCodes::Account,
            #[cfg(feature = "doctor")]
            Self::Doctor(_) => ExitCodes::Account,
        }
    }
}

/// Prints a wrong usage with a tip, the help or the version. Returns the exit code, which must not be that of a
/// change to make.
pub(crate) fn usage(error: clap::Error) -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let error = tips::with_tip(error, &arguments, &Arguments::command());
    let name = arguments.first().map_or("", String::as_str);
    let codes = if ACCOUNT_COMMANDS.contains(&name) {
        ExitCodes::Account
    } else {
        ExitCodes::Checks
    };
    // A lost message does not change the exit code.
    let _ = error.print();
    let exit = if error.use_stderr() {
        Exit::Failure
    } else {
        Exit::Success
    };
    ExitCode::from(codes.code(exit))
}

#[cfg(test)]
mod tests {
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
