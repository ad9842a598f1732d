//! The output of a command: two texts and an exit code.
//!
//! Commands return their output instead of printing it, so that tests can compare it exactly.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

/// The output of a command.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    /// The text for standard output. Its colors are removed if standard output is not a terminal.
    pub(crate) stdout: String,
    /// The text for standard error.
    pub(crate) stderr: String,
    /// The exit code of the process.
    pub(crate) exit: Exit,
}

/// The exit code of the process, common to all commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded without findings.
    Success = 0,
    /// The command has findings: a warning with `--strict`, or a failed test.
    Findings = 1,
    /// The command failed: an invalid policy, an unreadable file, or an invalid option.
    Failure = 2,
}

impl CommandOutput {
    /// Creates an output that consists of standard output only.
    pub(crate) fn to_stdout(stdout: String, exit: Exit) -> Self {
        Self {
            stdout,
            stderr: String::new(),
            exit,
        }
    }

    /// Prints the texts and returns the exit code.
    pub(crate) fn print(&self) -> ExitCode {
        // A lost note does not suppress the result.
        let _ = write(&mut anstream::stderr(), &self.stderr);
        let Err(error) = write(&mut anstream::stdout(), &self.stdout) else {
            return ExitCode::from(self.exit as u8);
        };
        let message = format!(
            "error: failed to write to standard output: {error}; check the disk space and the file\n"
        );
        let _ = write(&mut anstream::stderr(), &message);
        ExitCode::from(Exit::Failure as u8)
    }
}

/// Writes a text. A broken pipe is not an error, because readers such as `head` stop early.
fn write(to: &mut impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Formats a value as JSON for `--output json`.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value).context("failed to write JSON")?;
    Ok(text + "\n")
}

/// Removes the colors from a text.
#[cfg(test)]
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
