//! What a command leaves behind: two texts and an exit code.
//!
//! Commands answer a value and print nothing, so tests see exactly what people see.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

/// What a command leaves behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What goes to standard output. Its colours vanish where there is no terminal.
    pub(crate) stdout: String,
    /// What goes to standard error.
    pub(crate) stderr: String,
    /// How the process ends.
    pub(crate) exit: Exit,
}

/// How the process ends. Every command means the same by each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Fine = 0,
    /// The question was answered, and the answer is no: a warning with `--strict`, a failed test.
    Unwelcome = 1,
    /// The question could not be answered: a wrong policy, an unreadable file, a wrong option.
    Unusable = 2,
}

impl Outcome {
    /// An outcome with standard output alone.
    pub(crate) fn printed(stdout: String, exit: Exit) -> Self {
        Self {
            stdout,
            stderr: String::new(),
            exit,
        }
    }

    /// Prints the texts, and answers the exit code.
    pub(crate) fn show(&self) -> ExitCode {
        let written = write(&mut anstream::stderr(), &self.stderr)
            .and_then(|()| write(&mut anstream::stdout(), &self.stdout));
        match written {
            Ok(()) => ExitCode::from(self.exit as u8),
            Err(_) => ExitCode::from(Exit::Unusable as u8),
        }
    }
}

/// Whoever reads the output may stop early, as `head` does; that is no failure.
fn write(to: &mut impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// A value as JSON for `--output json`.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    Ok(text + "\n")
}

/// Turns the colours of a text into nothing, for comparing what is said.
#[cfg(test)]
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
