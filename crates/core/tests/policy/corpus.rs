//! Policies with errors and warnings: the checker reports all problems at once, each at its position.
//!
//! A YAML document begins with one comment `# expect: LINE:COLUMN code` per problem and, if needed, the
//! allowed Regions (`# allowed: REGION REGION`), or that the settings do not allow overwriting and removal
//! (`# limits: never`). JSON has no comments, so the problems of a JSON document
//! are in a file `NAME.expect` beside it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use secret_replicator_core::known_regions::LISTED_ON;
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::policy::{self, Problem, Severity};
use secret_replicator_core::secret::Region;

use crate::{files, read, root};

/// Codes whose documents are too long to store. `hostile.rs` generates them.
const WRITTEN_BY_TESTS: [&str; 4] = [
    "document-too-large",
    "too-many-problems",
    "too-many-regions",
    "too-many-rules",
];

/// The codes of warnings.
pub(crate) const WARNINGS: [&str; 11] = [
    "always-primary-region",
    "comma-in-text",
    "key-and-value",
    "key-without-effect",
    "overwrite-not-allowed",
    "quotes-in-text",
    "region-not-allowed",
    "regular-expression",
    "removal-not-allowed",
    "unknown-region",
    "unused-key",
];

/// Returns the errors and warnings of a text.
pub(crate) fn problems(text: &str, allowed_regions: &AllowedRegions) -> Vec<Problem> {
    match policy::check(text, allowed_regions) {
        Ok(checked) => checked.warnings,
        Err(invalid) => invalid.problems,
    }
}

pub(crate) struct Broken {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Broken {
    pub(crate) fn corpus() -> Vec<Self> {
        let paths = files("crates/core/tests/policies/broken", &["yaml", "json"]);
        let broken = paths.into_iter().map(|path| Self {
            text: read(&path),
            path,
        });
        broken.collect()
    }

    pub(crate) fn name(&self) -> String {
        let name = self.path.file_stem().expect("a name");
        name.to_string_lossy().into_owned()
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        if !self.text.contains("# limits: never\n") {
            return problems(&self.text, &self.allowed_regions());
        }
        let limits = Limits {
            allowed_regions: self.allowed_regions(),
            overwrite: Overwrite::Never,
            removal: RemovalLimit::Never,
        };
        let checked = policy::check_with_limits(&self.text, &limits);
        checked.expect("only warnings").warnings
    }

    fn allowed_regions(&self) -> AllowedRegions {
        let allowed_regions = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix("# allowed: "));
        allowed_regions.map_or(AllowedRegions::Any, |codes| {
            let regions = codes.split(' ').map(|code| Region::parse(code).unwrap());
            AllowedRegions::Only(regions.collect())
        })
    }

    /// Returns the expected problems of the document.
    fn expected(&self) -> Vec<String> {
        if self.path.extension().is_some_and(|own| own == "json") {
            let expected = read(&self.path.with_extension("expect"));
            return expected.lines().map(str::to_owned).collect();
        }
        let comments = self
            .text
            .lines()
            .map_while(|line| line.strip_prefix("# expect: "));
        comments.map(str::to_owned).collect()
    }
}

#[test]
fn every_problem_of_every_broken_policy_is_found_at_once_and_in_its_place() {
    let mut wrong = String::new();
    for broken in Broken::corpus() {
        let mut expected = broken.expected();
        let problems = broken.problems();
        let found = problems.iter().map(|problem| {
            let Problem {
                line, column, code, ..
            } = problem;
            format!("{line}:{column} {code}")
        });
        let mut found: Vec<String> = found.collect();
        found.sort();
        expected.sort();
        if found != expected {
            let name = broken.name();
            writeln!(wrong, "{name}: expected {expected:?}, found {found:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn problems_stand_in_the_order_of_the_document() {
    for broken in Broken::corpus() {
        let problems = broken.problems();
        let places = problems
            .iter()
            .map(|problem| (problem.line, problem.column));
        assert!(places.is_sorted(), "{}", broken.name());
    }
}

#[test]
fn a_broken_policy_is_named_after_its_problem() {
    for broken in Broken::corpus() {
        let codes: Vec<_> = broken
            .problems()
            .iter()
            .map(|problem| problem.code)
            .collect();
        let name = broken.name();
        assert!(
            codes.iter().any(|code| name.starts_with(code)),
            "{name}: {codes:?}"
        );
    }
}

#[test]
fn only_errors_refuse_a_policy() {
    for broken in Broken::corpus() {
        for problem in broken.problems() {
            let is_warning = WARNINGS.contains(&problem.code);
            assert_eq!(
                problem.severity == Severity::Warning,
                is_warning,
                "{problem}"
            );
        }
    }
}

#[test]
fn what_the_checker_says_of_every_broken_policy() {
    let mut messages = String::new();
    for broken in Broken::corpus() {
        writeln!(messages, "{}", broken.name()).unwrap();
        for problem in broken.problems() {
            writeln!(messages, "  {problem}").unwrap();
        }
    }
    insta::assert_snapshot!(messages.replace(LISTED_ON, "DATE"));
}

#[test]
fn the_corpus_has_every_code_that_the_checker_knows() {
    let corpus = Broken::corpus();
    assert!(corpus.len() >= 40);
    let found = corpus
        .iter()
        .flat_map(Broken::problems)
        .map(|problem| problem.code);
    let found: BTreeSet<&str> = found.chain(WRITTEN_BY_TESTS).collect();
    let known = codes();
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    assert_eq!(found, known);
}

/// Returns the codes in the source of the checker: the string that follows the node in a call of `error`
/// or `warning`, and the string of a field `code`.
pub(crate) fn codes() -> BTreeSet<String> {
    let folders = [
        "crates/core/src/policy",
        "crates/core/src/policy/document",
        "crates/core/src/policy/node",
        "crates/core/src/policy/reader",
    ];
    let sources = folders.iter().flat_map(|folder| files(folder, &["rs"]));
    sources.flat_map(|path| codes_of(&path)).collect()
}

fn codes_of(path: &Path) -> Vec<String> {
    let source = read(path);
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = ["error(", "error_in_text(", "warning(", "code: "];
    let quoted = |marker: &str| -> Vec<String> {
        let arguments = source.split(marker).skip(1);
        let is_code = |word: &&str| {
            word.contains('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        };
        arguments
            .filter_map(|rest| rest.split(';').next()?.split('"').nth(1).filter(is_code))
            .map(str::to_owned)
            .collect()
    };
    calls.into_iter().flat_map(quoted).collect()
}

#[test]
fn the_corpus_has_no_leftovers() {
    for path in files("crates/core/tests/policies/broken", &["expect"]) {
        assert!(path.with_extension("json").exists(), "{}", path.display());
    }
    assert!(root().join("crates/core/tests/policies/broken").exists());
}
