//! What the checker makes of conditions that have to do with each other.

use std::collections::BTreeSet;

use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Problem};

/// The problems of a policy.
fn problems(text: &str) -> Vec<Problem> {
    match policy::check(text, &AllowedRegions::Any) {
        Ok(checked) => checked.warnings,
        Err(invalid) => invalid.problems,
    }
}

/// The codes of the problems of a policy with these rules.
fn codes(rules: &str) -> Vec<&'static str> {
    let problems = problems(&format!("version: 1\nrules:\n{rules}"));
    problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn what_one_rule_excludes_may_be_what_the_other_one_cannot_have() {
    let rules = |excluded: &str| {
        format!(
            "  - {{name: a, when: {{tags: {{env: prod}}}}, replicate-to: us-west-2, overwrite: true}}
  - {{name: b, when: {{tags: {{env: '*'}}, not: {{tags: {{env: {excluded}}}}}}},
     replicate-to: us-west-2, overwrite: false}}
"
        )
    };
    // Whatever matches `a` matches `b` too, unless `b` excludes it.
    assert_eq!(codes(&rules("dev")), ["rules-always-conflict"]);
    assert_eq!(codes(&rules("p*")), [""; 0]);
}

#[test]
fn both_rules_may_exclude_the_same() {
    let rules = |excluded: &str| {
        format!(
            "  - {{name: a, when: {{tags: {{env: '*'}}, not: {{secret-name: tmp/*}}}},
     replicate-to: us-west-2, overwrite: true}}
  - {{name: b, when: {{tags: {{env: '*'}}, not: {{secret-name: {excluded}}}}},
     replicate-to: us-west-2, overwrite: false}}
"
        )
    };
    // The one that excludes more lies within the other one.
    assert_eq!(codes(&rules("tmp/a/*")), ["rules-always-conflict"]);
    assert_eq!(codes(&rules("t*")), ["rules-always-conflict"]);
    assert_eq!(codes(&rules("test/*")), [""; 0]);
}

#[test]
fn only_a_rule_for_one_region_always_wants_that_region() {
    let rules = |regions: &str| {
        format!("  - {{name: a, when: {{primary-region: [{regions}]}}, replicate-to: eu-west-1}}\n")
    };
    assert_eq!(codes(&rules("eu-west-1")), ["always-primary-region"]);
    assert_eq!(codes(&rules("eu-west-1, eu-central-1")), [""; 0]);
    assert_eq!(codes(&rules("eu-central-1, eu-west-1")), [""; 0]);
}

#[test]
fn a_list_of_regions_with_a_slip_raises_no_doubts_besides() {
    let rules = |regions: &str| {
        format!("  - {{name: a, when: {{primary-region: [{regions}]}}, replicate-to: eu-west-1}}\n")
    };
    assert_eq!(codes(&rules("eu-west-1, eu-wst")), codes(&rules("eu-wst")));
}

#[test]
fn what_two_tags_list_may_be_told_apart_by_the_secret() {
    let rules = |tag: &str| {
        format!(
            "  - {{name: a, when: all, replicate-to: {{tag: dr}}, overwrite: true}}
  - {{name: b, when: all, replicate-to: {{tag: {tag}}}, overwrite: false}}
"
        )
    };
    assert_eq!(codes(&rules("dr")), ["rules-always-conflict"]);
    assert_eq!(codes(&rules("backup")), [""; 0]);
}

#[test]
fn a_condition_is_as_long_as_what_it_is_about_may_be() {
    let rules = |key: usize, value: usize, name: usize| {
        format!(
            "  - {{name: a, when: {{tags: {{{}: {}}}, secret-name: {}}}, replicate-to: us-west-2}}
",
            "k".repeat(key),
            "v".repeat(value),
            "n".repeat(name)
        )
    };
    assert_eq!(codes(&rules(128, 256, 512)), [""; 0]);
    for (key, value, name) in [(129, 256, 512), (128, 257, 512), (128, 256, 513)] {
        assert_eq!(codes(&rules(key, value, name)), ["never-matches"]);
    }
}

#[test]
fn a_rule_that_conflicts_with_several_is_told_of_the_first() {
    let rule = |name: &str, overwrite: bool| {
        format!(
            "  - {{name: {name}, when: all, replicate-to: us-west-2, overwrite: {overwrite}}}\n"
        )
    };
    let rules = [
        ("a", true),
        ("b", true),
        ("c", false),
        ("d", true),
        ("e", false),
    ];
    let rules: String = rules
        .map(|(name, overwrite)| rule(name, overwrite))
        .concat();
    let problems = problems(&format!("version: 1\nrules:\n{rules}"));
    let found: Vec<_> = (problems.iter())
        .map(|problem| {
            (
                problem.path.as_str(),
                problem.message.contains("rule and `a`"),
            )
        })
        .collect();
    // The one that is first to differ is `a` for `c` and `e`, and `c` for `d`.
    assert_eq!(
        found,
        [("rules[2]", true), ("rules[3]", false), ("rules[4]", true)]
    );
}

#[test]
fn what_is_written_twice_is_noticed_in_long_maps_too() {
    let groups = |repeated: &str| {
        let groups = (0..40).map(|index| format!("  g{index}: [eu-west-1]\n"));
        let groups: String = groups.collect();
        format!(
            "version: 1\ngroups:\n{groups}{repeated}rules:
  - {{name: a, when: all, replicate-to: us-west-2}}\n"
        )
    };
    let codes = |text: String| -> BTreeSet<&'static str> {
        problems(&text).iter().map(|problem| problem.code).collect()
    };
    let unused = codes(groups(""));
    assert!(!unused.contains("repeated-field"), "{unused:?}");
    assert!(codes(groups("  g7: [eu-west-1]\n")).contains("repeated-field"));
}
