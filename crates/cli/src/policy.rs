//! Loads a policy for a command.

use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Checked, DEFAULT_POLICY, Policy, Problem};

use crate::check::CheckReport;
use crate::diagnostic;
use crate::document::Document;
use crate::options::Format;
use crate::output::{CommandOutput, Exit, json};
use crate::terminal::count;

/// A policy without errors.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The policy's name in messages.
    pub(crate) name: String,
    /// The policy.
    pub(crate) policy: Policy,
    warnings: Vec<Problem>,
}

/// A document with errors.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// The document.
    pub(crate) document: Document,
    /// The problems.
    pub(crate) problems: Vec<Problem>,
}

/// Returns the policy that the function uses by default.
pub(crate) fn built_in() -> Document {
    Document::new("the built-in policy", DEFAULT_POLICY)
}

/// Checks and loads a policy.
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
    /// Formats a note about warnings, for standard error. Empty without warnings.
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
    /// Formats the problems instead of the command's result. Text goes to standard error, and JSON goes
    /// to standard output, where programs expect it.
    pub(crate) fn output(self, format: Format) -> anyhow::Result<CommandOutput> {
        let Self { document, problems } = self;
        let (stdout, stderr) = match format {
            Format::Json => {
                let report = CheckReport {
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
        Ok(CommandOutput {
            stdout,
            stderr,
            exit: Exit::Failure,
        })
    }
}
