//! The example policies are valid and tested, and the reference contains them unchanged.

use std::path::PathBuf;

use secret_replicator_core::limits::AllowedRegions;

use crate::corpus::{Broken, codes, problems};
use crate::{files, read, root};

/// Returns the paths of the example policies.
pub(crate) fn examples() -> Vec<PathBuf> {
    let mut paths = files("docs/policies", &["yaml"]);
    paths.retain(|path| !path.to_string_lossy().ends_with(".tests.yaml"));
    paths
}

fn reference() -> String {
    read(&root().join("docs/POLICY.md"))
}

#[test]
fn there_are_examples_for_what_people_want() {
    assert!(examples().len() >= 7);
}

#[test]
fn the_checker_has_nothing_to_say_about_an_example() {
    for path in examples() {
        let problems = problems(&read(&path), &AllowedRegions::Any);
        assert!(problems.is_empty(), "{}: {problems:?}", path.display());
    }
}

#[test]
fn every_example_has_tests_of_its_own_and_every_test_an_example() {
    for path in files("docs/policies", &["yaml"]) {
        let name = path.to_string_lossy().into_owned();
        let other = match name.strip_suffix(".tests.yaml") {
            Some(stem) => format!("{stem}.yaml"),
            None => name.replace(".yaml", ".tests.yaml"),
        };
        assert!(PathBuf::from(&other).exists(), "{other} is missing");
    }
}

#[test]
fn every_example_and_the_built_in_policy_name_the_schema() {
    let built_in = root().join("policy.yaml");
    for path in examples().into_iter().chain([built_in]) {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        let schema = first.strip_prefix("# yaml-language-server: $schema=");
        let schema = schema.expect("a comment in the first line");
        let schema = path.with_file_name(schema).canonicalize();
        let expected = root().join("schema/policy.schema.json").canonicalize();
        assert_eq!(schema.unwrap(), expected.unwrap(), "{}", path.display());
    }
}

#[test]
fn the_problem_that_the_reference_shows_is_what_the_checker_says() {
    let reference = reference();
    let (_, rest) = reference.split_once("```text\n").expect("a sample");
    let (sample, _) = rest.split_once("```").expect("its end");
    let corpus = Broken::corpus();
    let mut reported = corpus.iter().flat_map(Broken::problems);
    assert!(
        reported.any(|problem| format!("{problem}\n") == sample),
        "{sample}"
    );
}

#[test]
fn the_reference_shows_every_example_as_it_is_and_no_other() {
    let reference = reference();
    let blocks: Vec<&str> = reference
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    let examples: Vec<String> = examples().iter().map(|path| read(path)).collect();
    for (example, path) in examples.iter().zip(self::examples()) {
        assert!(
            blocks.contains(&example.as_str()),
            "{} differs",
            path.display()
        );
    }
    assert_eq!(blocks.len(), examples.len());
}

#[test]
fn the_reference_explains_every_code_of_the_checker_and_no_other() {
    let reference = reference();
    let (_, table) = reference
        .split_once("| code | | meaning |")
        .expect("the table of codes");
    let cells = table.lines().filter_map(|line| line.split('|').nth(1));
    let explained: Vec<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let codes = codes();
    for code in &codes {
        assert!(
            explained.contains(&code.as_str()),
            "`{code}` is not in docs/POLICY.md"
        );
    }
    assert_eq!(explained.len(), codes.len(), "{explained:?}");
}
