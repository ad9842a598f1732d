//! Reading a policy for a command.

use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Checked, DEFAULT_POLICY, Policy, Problem};

use crate::check::Report;
use crate::diagnostic;
use crate::document::Document;
use crate::options::Format;
use crate::outcome::{Exit, Outcome, json};
use crate::words::count;

/// A policy that can be used.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The name that messages give it.
    pub(crate) name: String,
    /// The policy.
    pub(crate) policy: Policy,
    warnings: Vec<Problem>,
}

/// A document that cannot be used.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// The document.
    pub(crate) document: Document,
    /// What is wrong with it.
    pub(crate) problems: Vec<Problem>,
}

/// The policy that the function uses if no other is given.
pub(crate) fn built_in() -> Document {
    Document::new("the built-in policy", DEFAULT_POLICY)
}

/// Checks a policy that a command needs.
///
/// # Errors
/// The document with its problems, if it has errors.
pub(crate) fn load(
    document: Document,
    allowed_regions: &AllowedRegions,
) -> Result<Loaded, Rejected> {
    match policy::check(&document.text, allowed_regions) {
        Ok(Checked { policy, warnings }) => Ok(Loaded {
            name: document.name,
            policy,
            warnings,
        }),
        Err(invalid) => Err(Rejected {
            document,
            problems: invalid.problems,
        }),
    }
}

impl Loaded {
    /// A line that tells of warnings, for standard error: they are not what was asked for.
    pub(crate) fn note(&self) -> String {
        if self.warnings.is_empty() {
            return String::new();
        }
        let warnings = count(self.warnings.len(), "warning");
        let name = &self.name;
        format!("{name}: {warnings}; `secret-replicator check` shows them\n")
    }
}

impl Rejected {
    /// Says what is wrong, in place of what was asked for: people read it on standard error, a
    /// program gets JSON where it expects JSON.
    pub(crate) fn outcome(self, format: Format) -> anyhow::Result<Outcome> {
        let Self { document, problems } = self;
        let (stdout, stderr) = match format {
            Format::Json => {
                let report = Report {
                    file: &document.name,
                    problems: &problems,
                    rules: None,
                };
                (json(&report)?, String::new())
            }
            Format::Text => {
                let shown = diagnostic::render(&document, &problems);
                let summary = diagnostic::summary(&problems);
                let text = format!("{shown}{}: {summary}\n", document.name);
                (String::new(), text)
            }
        };
        Ok(Outcome {
            stdout,
            stderr,
            exit: Exit::Failure,
        })
    }
}
