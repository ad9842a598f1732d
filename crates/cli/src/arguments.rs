//! The command line, and the options that several commands share.

use std::collections::BTreeSet;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::secret::Region;

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

/// How a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// The option that stands for the function's setting `ALLOWED_REPLICA_REGIONS`.
#[derive(Args)]
pub(crate) struct AllowedRegionsOption {
    /// The Regions that replicas may be created in, as in the function's setting
    /// `ALLOWED_REPLICA_REGIONS`; without it, only the policy limits
    #[arg(long, value_name = "REGIONS", value_parser = allowed_regions)]
    allowed_replica_regions: Option<AllowedRegions>,
}

impl AllowedRegionsOption {
    /// What the option allows.
    pub(crate) fn get(&self) -> AllowedRegions {
        self.allowed_replica_regions
            .clone()
            .unwrap_or(AllowedRegions::Any)
    }
}

/// Reads a list of Regions as the function's setting writes it. An empty one limits nothing, as
/// there.
///
/// # Errors
/// What is no Region, and how to write the list.
pub(crate) fn allowed_regions(text: &str) -> Result<AllowedRegions, String> {
    let tokens = text
        .split([' ', ',', '\t', '\n'])
        .filter(|token| !token.is_empty());
    let regions: Result<BTreeSet<Region>, _> = tokens.map(Region::parse).collect();
    match regions {
        Ok(regions) if !regions.is_empty() => Ok(AllowedRegions::Only(regions)),
        Ok(_) if text.trim().is_empty() => Ok(AllowedRegions::Any),
        Ok(_) => Err("names no Region; leave it empty to limit nothing".to_owned()),
        Err(error) => Err(format!(
            "{error}; list Regions separated by spaces or commas"
        )),
    }
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

    #[test]
    fn the_allowed_regions_are_read_as_the_function_reads_them() {
        let two = ["eu-west-1", "us-west-2"].map(|code| Region::parse(code).unwrap());
        let two = AllowedRegions::Only(two.into());
        for text in ["eu-west-1 us-west-2", " us-west-2,eu-west-1,\n"] {
            assert_eq!(allowed_regions(text).as_ref(), Ok(&two), "{text}");
        }
        assert_eq!(allowed_regions(" "), Ok(AllowedRegions::Any));
        assert!(allowed_regions(",").is_err());
        assert!(
            allowed_regions("eu-west-1 frankfurt")
                .unwrap_err()
                .contains("`frankfurt`")
        );
    }
}
