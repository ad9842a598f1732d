//! The result of a command: two texts and an exit code.
//!
//! Commands return a value and print nothing, so tests see exactly what users see.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The text for standard output. Its colours are removed where there is no terminal.
    pub(crate) stdout: String,
    /// The text for standard error.
    pub(crate) stderr: String,
    /// The exit code of the process.
    pub(crate) exit: Exit,
}

/// The exit code of the process. Every command uses the same three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command found nothing to report.
    Success = 0,
    /// The command found something: a warning with `--strict`, or a failed test.
    Findings = 1,
    /// The command could not do its work: an invalid policy, an unreadable file, an unknown option.
    Failure = 2,
}

impl Outcome {
    /// An outcome with standard output only.
    pub(crate) fn printed(stdout: String, exit: Exit) -> Self {
        Self {
            stdout,
            stderr: String::new(),
            exit,
        }
    }

    /// Prints the texts and returns the exit code.
    pub(crate) fn show(&self) -> ExitCode {
        let written = write(&mut anstream::stderr(), &self.stderr)
            .and_then(|()| write(&mut anstream::stdout(), &self.stdout));
        match written {
            Ok(()) => ExitCode::from(self.exit as u8),
            Err(_) => ExitCode::from(Exit::Failure as u8),
        }
    }
}

/// Writes a text. A reader that stops early, as `head` does, is not a failure.
fn write(to: &mut impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Formats a value as JSON for `--output json`.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    Ok(text + "\n")
}

/// Removes the colours of a text, to compare the words only.
#[cfg(test)]
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
