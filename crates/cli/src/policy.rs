//! Loads a policy for a command.

use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::policy::{
    self, Checked, DEFAULT_POLICY, Policy, Problem, escape_control,
};
use secret_replicator_core::secret::Region;

use crate::check::CheckReport;
use crate::diagnostic;
use crate::document::{Document, STANDARD_INPUT};
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
    limits: Limits,
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
pub(crate) fn load(document: Document, limits: &Limits) -> Result<Loaded, Rejected> {
    match policy::check_with_limits(&document.text, limits) {
        Ok(Checked { policy, warnings }) => Ok(Loaded {
            name: document.name,
            policy,
            warnings,
            limits: limits.clone(),
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
        let warnings: usize = self.warnings.iter().map(|warning| warning.count).sum();
        let them = if warnings == 1 { "it" } else { "them" };
        let warnings = count(warnings, "warning");
        let name = escape_control(&self.name);
        format!("{name}: {warnings}; `{}` shows {them}\n", self.command())
    }

    /// Returns the command that shows the warnings.
    fn command(&self) -> String {
        let path = match self.name.as_str() {
            "standard input" => STANDARD_INPUT.to_owned(),
            name => quoted(name),
        };
        let Limits {
            allowed_regions,
            overwrite,
            removal,
        } = &self.limits;
        let allowed = match allowed_regions {
            AllowedRegions::Any => String::new(),
            AllowedRegions::Only(regions) => {
                let regions: Vec<_> = regions.iter().map(Region::as_str).collect();
                format!(" --allowed-replica-regions \"{}\"", regions.join(" "))
            }
        };
        let overwrite = match overwrite {
            Overwrite::Allowed => " --allow-overwrite",
            Overwrite::Never => "",
        };
        let removal = match removal {
            RemovalLimit::Allowed => " --allow-removal",
            RemovalLimit::Never => "",
        };
        format!("secret-replicator check {path}{allowed}{overwrite}{removal}")
    }
}

/// Quotes an argument for a shell, if necessary.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:@,".contains(c);
    if argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", escape_control(argument).replace('\'', "'\\''"))
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
                    problems,
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
            stdout: stdout.into(),
            stderr,
            exit: Exit::Failure,
        })
    }
}
