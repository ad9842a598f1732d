//! The output of a command: what it writes to standard output and standard error, and an exit code.
//!
//! Commands return their output instead of printing it, so that tests can compare it exactly.

use std::fmt;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

/// The output of a command.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    /// What goes to standard output. Colors are removed if standard output is not a terminal.
    pub(crate) stdout: Stdout,
    /// The text for standard error.
    pub(crate) stderr: String,
    /// The exit code of the process.
    pub(crate) exit: Exit,
}

/// What a command writes to standard output.
pub(crate) enum Stdout {
    /// A text.
    Text(String),
    /// A report of all secrets, which is formatted while it is written. Its text would need more memory than the
    /// report.
    #[cfg(feature = "aws")]
    Report(WriteReport),
}

/// Formats a report while it is written.
#[cfg(feature = "aws")]
type WriteReport = Box<dyn Fn(&mut dyn Write) -> io::Result<()>>;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded without findings.
    Success,
    /// The command has findings: a warning with `--strict`, a failed test, a change to make.
    Findings,
    /// The command failed: an invalid policy, an unreadable file, or an invalid option.
    Failure,
    /// The user interrupted the command, and it ended its writes.
    #[cfg(feature = "aws")]
    Interrupted,
}

/// The exit codes of a command's ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCodes {
    /// 1 for findings, 2 for a failure, as compilers and linters have it.
    Checks,
    /// 2 for findings, 1 for a failure, as `terraform plan -detailed-exitcode` has it.
    Account,
}

impl ExitCodes {
    /// Returns the exit code of the process.
    pub(crate) fn code(self, exit: Exit) -> u8 {
        match (exit, self) {
            (Exit::Success, _) => 0,
            #[cfg(feature = "aws")]
            (Exit::Interrupted, _) => crate::interrupt::INTERRUPTED,
            (Exit::Findings, Self::Checks) | (Exit::Failure, Self::Account) => 1,
            (Exit::Failure, Self::Checks) | (Exit::Findings, Self::Account) => 2,
        }
    }
}

impl Stdout {
    /// Creates the report of `--output json`.
    #[cfg(feature = "aws")]
    pub(crate) fn json(report: impl Serialize + 'static) -> Self {
        Self::Report(Box::new(move |to| {
            serde_json::to_writer_pretty(&mut *to, &report)?;
            to.write_all(b"\n")
        }))
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Text(text) => to.write_all(text.as_bytes()),
            #[cfg(feature = "aws")]
            Self::Report(report) => report(to),
        }
    }
}

impl From<String> for Stdout {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// The text.
impl fmt::Display for Stdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text).map_err(|_| fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for Stdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stdout").field(&self.to_string()).finish()
    }
}

impl CommandOutput {
    /// Creates an output that consists of standard output only.
    pub(crate) fn to_stdout(stdout: String, exit: Exit) -> Self {
        Self {
            stdout: stdout.into(),
            stderr: String::new(),
            exit,
        }
    }

    /// Creates the output of a command that failed. The notes precede the error.
    pub(crate) fn failure(notes: &str, error: &anyhow::Error) -> Self {
        Self {
            stdout: String::new().into(),
            stderr: format!("{notes}error: {error:#}\n"),
            exit: Exit::Failure,
        }
    }

    /// Prints the texts and returns the exit code.
    pub(crate) fn print(&self, codes: ExitCodes) -> ExitCode {
        // A lost note does not suppress the result.
        let _ = write_text(anstream::stderr(), &self.stderr);
        let Err(error) = write(anstream::stdout(), |to| self.stdout.write(to)) else {
            return ExitCode::from(codes.code(self.exit));
        };
        let message = format!(
            "error: failed to write to standard output: {error}; check the disk space and the file\n"
        );
        let _ = write_text(anstream::stderr(), &message);
        ExitCode::from(codes.code(Exit::Failure))
    }
}

fn write_text(to: impl Write, text: &str) -> io::Result<()> {
    write(to, |to| to.write_all(text.as_bytes()))
}

/// Writes to a stream. A broken pipe is not an error, because readers such as `head` stop early.
fn write(to: impl Write, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    match content(&mut to).and_then(|()| to.flush()) {
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
