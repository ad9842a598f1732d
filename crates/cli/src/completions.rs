//! `secret-replicator completions`: prints a shell completion script.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::output::{CommandOutput, Exit};

/// The options of `completions`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  source <(secret-replicator completions bash)
  secret-replicator completions zsh > \"${fpath[1]}/_secret-replicator\"
  secret-replicator completions fish > ~/.config/fish/completions/secret-replicator.fish

Exit codes:
  0  printed
  2  an unknown shell")]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Generates the completion script of `command` for a shell.
///
/// # Errors
/// None. The result type is the same for all commands.
#[expect(clippy::unnecessary_wraps, reason = "the commands share one signature")]
pub(crate) fn run(arguments: &Arguments, mut command: Command) -> anyhow::Result<CommandOutput> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script);
    // The generator for bash separates the words of the program's name in two ways, so no subcommand completes
    // (clap_complete 4.6.11).
    let script = script.replace("secret__subcmd__replicator", "secret__replicator");
    Ok(CommandOutput::to_stdout(script, Exit::Success))
}
