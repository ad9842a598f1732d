//! `secret-replicator completions`: a script that lets a shell complete the command line.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::outcome::{Exit, Outcome};

/// The options of `completions`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  source <(secret-replicator completions bash)
  secret-replicator completions zsh > \"${fpath[1]}/_secret-replicator\"
  secret-replicator completions fish > ~/.config/fish/completions/secret-replicator.fish

Exit codes:
  0  printed
  2  a shell that is not known")]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script that completes `command` in a shell.
///
/// # Errors
/// None; the signature is that of the other commands.
#[expect(clippy::unnecessary_wraps, reason = "the commands share one signature")]
pub(crate) fn run(arguments: &Arguments, mut command: Command) -> anyhow::Result<Outcome> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Ok(Outcome::printed(script, Exit::Success))
}
