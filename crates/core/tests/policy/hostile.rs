//! The checker quickly rejects documents that try to exhaust it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Severity};
use secret_replicator_core::secret::Region;

use crate::corpus::problems;

/// The checker takes milliseconds. This limit holds on a busy machine too, and only a check whose time grows
/// exponentially exceeds it.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Returns the codes of a text's problems, and checks that finding them takes less than `TIMEOUT`.
fn codes(text: &str) -> Vec<&'static str> {
    let start = Instant::now();
    let problems = problems(text, &AllowedRegions::Any);
    assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
    problems.iter().map(|problem| problem.code).collect()
}

/// Returns a policy whose rules all replicate, forbid and name a key.
fn rules(count: usize) -> String {
    let rules = (0..count).map(|index| {
        format!(
            "  - {{ name: r{index}, when: {{ tags: {{ team: t{index} }} }}, \
             replicate-to: [eu-west-1, us-west-2], forbid: us-west-2, kms-key: alias/k{index} }}\n"
        )
    });
    format!("version: 1\nrules:\n{}", rules.collect::<String>())
}

#[test]
fn a_document_of_ten_megabytes_is_refused_unread() {
    let document = format!("version: 1\n# {}\n", "long ".repeat(2 * 1024 * 1024));
    assert_eq!(codes(&document), ["document-too-large"]);
}

#[test]
fn a_bomb_of_aliases_is_refused_at_its_first_anchor() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..100 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{below}]").unwrap();
    }
    assert_eq!(codes(&bomb), ["unsupported-yaml"]);
}

#[test]
fn deep_nesting_is_refused() {
    let blocks = (0..700).map(|depth| format!("{}a:\n", " ".repeat(depth)));
    let documents = [
        "[".repeat(500_000),
        "{a: ".repeat(200_000),
        "- ".repeat(500_000),
        "? ".repeat(500_000),
        blocks.collect(),
    ];
    for document in documents {
        assert_eq!(codes(&document), ["not-yaml"]);
    }
}

/// Returns a policy whose rules differ only in wildcards.
fn alike(count: usize, pattern: impl Fn(usize) -> String) -> String {
    let rules = (0..count).map(|index| {
        format!(
            "  - {{ name: r{index}, when: {{ secret-name: [{}] }}, replicate-to: us-west-2, \
             kms-key: alias/k{index}, overwrite: false }}\n",
            pattern(index)
        )
    });
    let rules: String = rules.collect();
    format!("version: 1\nrules:\n{rules}  - {{ name: f, when: all, forbid: [\"eu-*\"] }}\n")
}

#[test]
fn hundreds_of_rules_with_wildcards_are_a_policy() {
    let teams = alike(999, |i| format!("\"prod/team-{i}/*\", \"*/team-{i}/*\""));
    let stars = alike(900, |i| format!("\"{}{i}\"", "*a".repeat(40)));
    for document in [teams, stars] {
        let checked = policy::check(&document, &AllowedRegions::Any).unwrap();
        assert!(checked.policy.rules().len() >= 900);
    }
}

#[test]
fn long_lists_of_names_are_a_policy() {
    let names: Vec<String> = (0..20_000).map(|index| format!("name-{index}")).collect();
    let names = names.join(", ");
    let document = format!(
        "version: 1\nrules:\n  - {{ name: a, when: {{ secret-name: [{names}] }}, replicate-to: us-west-2 }}\n  \
         - {{ name: b, when: {{ secret-name: [{names}] }}, forbid: us-west-2 }}\n"
    );
    assert!(policy::check(&document, &AllowedRegions::Any).is_ok());
}

#[test]
fn long_words_get_no_hint_and_are_refused_quickly() {
    let long = "a".repeat(900);
    let groups: Vec<String> = (0..100).map(|i| format!("{long}{i}: us-west-2")).collect();
    let words: Vec<String> = (0..190).map(|i| format!("{long}x{i}")).collect();
    let rules = (0..4).map(|i| {
        let words = words.join(", ");
        format!("  - {{ name: r{i}, when: all, replicate-to: [{words}] }}\n")
    });
    let rules: String = rules.collect();
    let groups = groups.join(", ");
    let document = format!("version: 1\ngroups: {{ {groups} }}\nrules:\n{rules}");
    assert_eq!(codes(&document).last(), Some(&"too-many-problems"));
}

#[test]
fn long_patterns_of_regions_are_refused_quickly() {
    let pattern = "abcdefghijklmnopqrstuvwxyz?*?*?*?*?*?*?*x";
    let list = vec![format!("\"{pattern}\""); 190].join(", ");
    let rules = (0..40).map(|i| format!("  - {{ name: r{i}, when: all, forbid: [{list}] }}\n"));
    let rules: String = rules.collect();
    let document = format!("version: 1\nrules:\n{rules}");
    assert_eq!(codes(&document)[0], "never-matches");
}

#[test]
fn a_key_need_not_work_in_the_primary_secrets_own_region() {
    let document = "version: 1\ngroups: { dr: [us-east-1, us-west-2] }\nrules:\n  - name: a\n    \
                    when: { primary-region: us-east-1 }\n    replicate-to: dr\n    \
                    kms-key: arn:aws:kms:us-west-2:123456789012:alias/x\n";
    assert!(policy::check(document, &AllowedRegions::Any).is_ok());
}

#[test]
fn aliases_that_kms_does_not_accept_are_not_keys() {
    for key in [
        "\"alias/a b*\"",
        "\"alias/x,Region=eu-west-1\"",
        "alias/aws/ssm",
        "\"arn:aws:kms:us-west-2:123456789012:alias/:x\"",
        "\"arn:aws:kms:us-west-2:123456789012:alias/x:alias/aws/secretsmanager\"",
    ] {
        let document = format!(
            "version: 1\nrules: [{{ name: a, when: all, replicate-to: us-west-2, kms-key: {key} }}]\n"
        );
        assert_eq!(codes(&document), ["not-a-key"], "{key}");
    }
}

#[test]
fn more_than_a_thousand_rules_are_refused() {
    assert_eq!(codes(&rules(1_001)), ["too-many-rules"]);
}

#[test]
fn five_hundred_rules_are_a_policy() {
    let checked = policy::check(&rules(500), &AllowedRegions::Any).unwrap();
    assert_eq!(checked.policy.rules().len(), 500);
}

#[test]
fn a_text_of_many_wildcards_is_refused_quickly() {
    let stars = "*a".repeat(100_000);
    let document = format!(
        "version: 1\nrules: [{{ name: a, when: {{ secret-name: \"{stars}\" }}, forbid: us-west-2 }}]\n"
    );
    assert_eq!(codes(&document), ["never-matches"]);
}

#[test]
fn lists_of_more_regions_than_aws_has_are_refused() {
    let group = |count: usize| {
        let regions: Vec<String> = (0..count).map(|index| format!("aa-bb-{index}")).collect();
        let rules = (0..1_000).map(|index| {
            format!(
                "  - {{ name: r{index}, when: all, replicate-to: many, kms-key: alias/k{index} }}\n"
            )
        });
        let rules: String = rules.collect();
        format!(
            "version: 1\ngroups: {{ many: [{}] }}\nrules:\n{rules}",
            regions.join(", ")
        )
    };
    assert_eq!(codes(&group(201)), ["too-many-regions"]);
    // Unknown Regions are warnings.
    assert!(policy::check(&group(200), &AllowedRegions::Any).is_ok());
}

#[test]
fn a_hundred_problems_are_shown_and_the_others_counted() {
    let words: Vec<String> = (0..10_000).map(|index| format!("word{index}: 1")).collect();
    let document = format!("version: 1\nrules: [{{ {} }}]\n", words.join(", "));
    let codes = codes(&document);
    assert_eq!(codes.len(), 101);
    assert_eq!(codes.last(), Some(&"too-many-problems"));
    let invalid = policy::check(&document, &AllowedRegions::Any).unwrap_err();
    let last = invalid.problems.last().map(ToString::to_string);
    // `name` and `when` are also missing.
    assert!(
        last.is_some_and(|last| last.contains(" 9902 more errors")),
        "{invalid}"
    );
    assert!(invalid.to_string().contains("has 10002 problems"));
}

#[test]
fn warnings_never_hide_an_error() {
    let rules = (0..150)
        .map(|index| format!("  - {{ name: r{index}, when: all, replicate-to: sa-east-1 }}\n"));
    let rules: String = rules.collect();
    let document = format!("version: 1\nrules:\n{rules}  - {{ name: last, wehn: all }}\n");
    let allowed = AllowedRegions::Only([Region::parse("eu-west-1").unwrap()].into());
    let invalid = policy::check(&document, &allowed).unwrap_err();
    let errors: Vec<_> = invalid
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    assert!(
        errors.iter().any(|error| error.code == "unknown-field"),
        "{invalid}"
    );
    let last = invalid.problems.last().unwrap();
    // The first warning beyond the limit is the one that the error displaced.
    assert_eq!(
        (last.severity, last.code),
        (Severity::Warning, "too-many-problems")
    );
    let hidden = last.count;
    let shown = invalid.problems.len() - 1;
    assert_eq!((shown, hidden), (100, 150 + errors.len() - 100));
    assert_eq!(last.line, 3 + 100 - u64::try_from(errors.len()).unwrap());
}

#[test]
fn an_error_behind_a_hundred_warnings_still_refuses_the_policy() {
    let warned = (0..120).map(|index| {
        format!("  - {{ name: r{index}, when: {{ primary-region: us-east-1 }}, replicate-to: us-east-1 }}\n")
    });
    let warned: Vec<String> = warned.collect();
    let warned = format!("version: 1\nrules:\n{}", warned.concat());
    let checked = policy::check(&warned, &AllowedRegions::Any).unwrap();
    assert_eq!(checked.warnings.len(), 101);
    let document = format!("{warned}  - {{ name: last }}\n");
    assert!(policy::check(&document, &AllowedRegions::Any).is_err());
}
