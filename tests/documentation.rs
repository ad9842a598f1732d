//! Tests of the documentation. Its policies must be valid, its payloads must be actions, its links must
//! lead to files, and the reference must list every setting, reason, error and metric.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use secret_replicator_core::environment;
use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy;
use secret_replicator_core::request::{self, FunctionIdentity, Request};
use secret_replicator_core::secret::Region;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns every page of the documentation.
fn pages() -> BTreeMap<PathBuf, String> {
    let docs = std::fs::read_dir(root().join("docs")).expect("docs/");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "events/README.md",
    ];
    let pages = pages.into_iter().map(|page| root().join(page));
    pages
        .chain(docs)
        .map(|path| (path.clone(), read(&path)))
        .collect()
}

/// Returns the fenced blocks of a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    let after_opening = page.split(opening.as_str()).skip(1);
    after_opening
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

#[test]
fn every_policy_in_the_documentation_is_valid() {
    let mut count = 0;
    for (path, page) in pages() {
        for block in blocks(&page, "yaml") {
            if let Err(invalid) = policy::check(block, &AllowedRegions::Any) {
                panic!("{}: {invalid}", path.display());
            }
            count += 1;
        }
    }
    assert!(count >= 1);
}

#[test]
fn every_payload_in_the_documentation_is_an_action() {
    let function = FunctionIdentity {
        region: Region::parse("us-east-1").unwrap(),
        account: None,
        name: None,
    };
    let mut count = 0;
    for (path, page) in pages() {
        for rest in page.split("--payload '").skip(1) {
            let payload = rest.split('\'').next().unwrap_or_default();
            let request = request::parse(payload, &function).request;
            assert!(
                !matches!(request, Request::Bad(_) | Request::Skip { .. }),
                "{}: {payload}: {request:?}",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count >= 1);
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for (path, page) in pages() {
        for rest in page.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            if link.starts_with("http") {
                continue;
            }
            let target = path.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
        }
    }
}

/// Returns the first string literal of each line that contains `marker`.
fn quoted(source: &str, marker: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| line.contains(marker));
    lines
        .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
        .collect()
}

#[test]
fn the_reference_names_every_setting_reason_error_and_metric() {
    let reference = read(&root().join("docs/REFERENCE.md"));
    let source = |file: &str| read(&root().join(file));
    let mut words = quoted(&source("src/settings/reader.rs"), "get(\"");
    words.extend(quoted(&source("src/settings.rs"), "reader.boolean(\""));
    for file in ["failure", "progress", "refusal", "removal", "skip"] {
        let codes = quoted(
            &source(&format!("crates/core/src/reason/{file}.rs")),
            "=> \"",
        );
        words.extend(codes.into_iter().filter(|word| !word.contains(' ')));
    }
    words.extend(quoted(&source("src/record/reason.rs"), "code: \""));
    let errors = source("src/record/errors.rs");
    let errors = errors.split("pub enum ErrorType {").nth(1).unwrap();
    let errors = errors.split('}').next().unwrap().lines().map(str::trim);
    words.extend(
        errors
            .filter(|line| line.ends_with(','))
            .map(|line| line.replace(',', "")),
    );
    let metrics = ["src/record/metrics.rs", "src/record/metrics/essential.rs"];
    let metrics = metrics
        .map(source)
        .concat()
        .replace("Option<Duration>,", "u64,")
        .replace("Option<u64>,", "u64,")
        .replace("pub(super) ", "");
    let fields = metrics
        .lines()
        .filter_map(|line| line.trim().strip_suffix("u64,")?.strip_suffix(": "));
    words.extend(fields.map(pascal_case));
    assert!(words.len() > 40, "{words:?}");
    for word in words {
        assert!(
            reference.contains(&format!("`{word}`")),
            "`{word}` is not in docs/REFERENCE.md"
        );
    }
}

fn pascal_case(field: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    field.split('_').map(capital).collect()
}

#[test]
fn the_performance_page_describes_the_method_of_the_benchmark() {
    let method = read(&root().join("crates/bench/src/report/method.md"));
    let page = read(&root().join("docs/PERFORMANCE.md"));
    assert!(
        page.starts_with(&method),
        "docs/PERFORMANCE.md must start with crates/bench/src/report/method.md"
    );
}

/// Returns the file and the function of a test that RELIABILITY.md names.
fn named_test(name: &str) -> Option<(PathBuf, &str)> {
    let (modules, function) = name.rsplit_once("::")?;
    let path = modules.replace("::", "/");
    let folders = [
        ("tests", "rs"),
        ("tests", "py"),
        ("src", "rs"),
        ("crates/core/tests", "rs"),
        ("crates/core/src", "rs"),
        ("crates/aws/src", "rs"),
    ];
    let files = folders.map(|(folder, extension)| {
        let stem = root().join(folder).join(&path);
        stem.with_extension(extension)
    });
    let file = files.into_iter().find(|file| file.is_file())?;
    Some((file, function))
}

#[test]
fn every_test_that_is_named_as_evidence_exists() {
    let page = read(&root().join("docs/RELIABILITY.md"));
    let code = page.split('`').skip(1).step_by(2);
    let names: Vec<&str> = code.filter(|code| code.contains("::")).collect();
    for name in &names {
        let (file, function) = named_test(name).unwrap_or_else(|| panic!("{name}: no such file"));
        let text = read(&file);
        let is_there = ["fn", "def"]
            .iter()
            .any(|keyword| text.contains(&format!("{keyword} {function}(")));
        assert!(is_there, "{name} is not in {}", file.display());
    }
    assert!(!names.is_empty());
}

/// The number of invariants in RELIABILITY.md.
const INVARIANTS: usize = 13;

#[test]
fn every_invariant_has_its_tests() {
    let page = read(&root().join("docs/RELIABILITY.md"));
    for number in 1..=INVARIANTS {
        let head = format!("**I{number}. ");
        let (_, rest) = page
            .split_once(&head)
            .unwrap_or_else(|| panic!("{head} is missing"));
        let paragraph = rest.split("\n\n").next().unwrap_or_default();
        assert!(paragraph.contains("::"), "I{number} has no test");
    }
    let next = format!("**I{}. ", INVARIANTS + 1);
    assert!(!page.contains(&next), "{next} is not counted");
}

#[test]
fn every_invariant_has_its_evidence() {
    let page = read(&root().join("docs/RELIABILITY.md"));
    let (_, section) = page.split_once("## Evidence about AWS\n").expect("it");
    let table = section.split("\n## ").next().unwrap_or_default();
    let mut invariants = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| I")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [invariant, _, grade, otherwise] = cells[..] else {
            panic!("not four cells: {row}");
        };
        let grades = ["doc", "real", "field", "infer", "gap"];
        assert!(grades.contains(&grade), "{grade} is not a grade: {row}");
        assert!(!otherwise.is_empty(), "{row}");
        invariants.insert(invariant);
    }
    let numbers: Vec<String> = (1..=INVARIANTS)
        .map(|number| format!("I{number}"))
        .collect();
    assert_eq!(invariants, numbers.iter().map(String::as_str).collect());
}

/// `check` measures the environment that the template sets.
#[test]
fn the_measured_variables_are_those_of_the_template() {
    let template = read(&root().join("template.yaml"));
    let (_, rest) = template
        .split_once("        Variables:\n")
        .expect("the variables");
    let names = rest
        .lines()
        .map_while(|line| line.strip_prefix("          "));
    let names: BTreeSet<&str> = names
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    let others = environment::OTHER_VARIABLES.map(|(name, _)| name);
    let measured = others
        .into_iter()
        .chain(["REPLICATION_POLICY", "ALLOWED_REPLICA_REGIONS"]);
    assert_eq!(names, measured.collect());
}
