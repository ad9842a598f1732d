//! Collects the problems of a document, errors before warnings.

use std::collections::BTreeMap;

use super::node::Node;
use super::paths::{Identity, paths};
use super::problem::{Problem, Severity, escape_control};

/// The maximum number of problems reported individually. The length of log lines is limited, and people
/// fix the first problems first. Errors displace warnings.
const MAX_PROBLEMS: usize = 100;

/// The problems of a document.
#[derive(Debug, Default)]
pub(super) struct Problems {
    /// The problems, without paths yet, and their nodes.
    listed: Vec<(Problem, Identity)>,
    /// The problems beyond [`MAX_PROBLEMS`], by severity.
    hidden: BTreeMap<Severity, Hidden>,
    /// The number of errors in `listed`.
    errors: usize,
}

/// Problems of one severity that are only counted.
#[derive(Debug)]
struct Hidden {
    count: usize,
    /// The line and the column of the first one.
    first: (u64, u64),
}

impl Problems {
    /// Adds a problem of a node.
    pub(super) fn push(&mut self, problem: Problem, node: Identity) {
        if !self.has_room(problem.severity) {
            self.hide(problem.severity, (problem.line, problem.column));
            return;
        }
        self.errors += usize::from(problem.severity == Severity::Error);
        self.listed.push((problem, node));
    }

    /// Returns the problems in the order of the document, with their paths from its root.
    #[must_use]
    pub(super) fn into_sorted(self, root: &Node<'_>) -> Vec<Problem> {
        let identities = self.listed.iter().map(|(_, identity)| *identity);
        let paths = paths(root, identities);
        let located = self.listed.into_iter().map(|(mut problem, identity)| {
            problem.path = paths
                .get(&identity)
                .map_or_else(String::new, |path| escape_control(path));
            problem
        });
        let mut problems: Vec<_> = located.collect();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let hidden = self.hidden.into_iter();
        problems.extend(hidden.map(|(severity, hidden)| hidden.into_problem(severity)));
        problems
    }

    /// Returns whether further errors are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.errors >= MAX_PROBLEMS
    }

    /// Makes room for a problem of this severity. Returns false if there is none.
    fn has_room(&mut self, severity: Severity) -> bool {
        if self.listed.len() < MAX_PROBLEMS {
            return true;
        }
        if severity == Severity::Warning || self.is_full() {
            return false;
        }
        let is_warning = |(problem, _): &(Problem, _)| problem.severity == Severity::Warning;
        let Some(index) = self.listed.iter().rposition(is_warning) else {
            return false;
        };
        let (warning, _) = self.listed.remove(index);
        self.hide(Severity::Warning, (warning.line, warning.column));
        true
    }

    fn hide(&mut self, severity: Severity, position: (u64, u64)) {
        let hidden = self.hidden.entry(severity).or_insert(Hidden {
            count: 0,
            first: position,
        });
        hidden.count += 1;
        hidden.first = hidden.first.min(position);
    }
}

impl Hidden {
    fn into_problem(self, severity: Severity) -> Problem {
        let Self { count, first } = self;
        let noun = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let plural = if count == 1 { "" } else { "s" };
        Problem {
            severity,
            path: String::new(),
            line: first.0,
            column: first.1,
            code: "too-many-problems",
            message: format!("{count} more {noun}{plural}"),
            hint: "fix the listed problems first".to_owned(),
            count,
        }
    }
}
