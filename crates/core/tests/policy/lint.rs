//! The problems that the checker reports about one rule, and the conflicts that it leaves to the plan.

use std::collections::BTreeSet;

use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Problem};
use secret_replicator_core::secret::Region;

/// Returns the problems of a policy.
fn problems(text: &str) -> Vec<Problem> {
    match policy::check(text, &AllowedRegions::Any) {
        Ok(checked) => checked.warnings,
        Err(invalid) => invalid.problems,
    }
}

/// Returns the codes of the problems of a policy with these rules.
fn codes(rules: &str) -> Vec<&'static str> {
    let problems = problems(&format!("version: 1\nrules:\n{rules}"));
    problems.iter().map(|problem| problem.code).collect()
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
fn a_pattern_or_a_tag_key_like_a_regular_expression_is_reported() {
    let rule = |condition: &str| {
        codes(&format!(
            "  - {{name: a, when: {{{condition}}}, replicate-to: eu-west-1}}\n"
        ))
    };
    for name in ["prod.*", "prod/.+", "prod-.+", "/prod/.*"] {
        let condition = format!("secret-name: {name}");
        assert_eq!(rule(&condition), ["regular-expression"], "{name}");
    }
    for name in ["v1.*", "prod.*.db", "prod/*", "a+b"] {
        assert_eq!(rule(&format!("secret-name: {name}")), [""; 0], "{name}");
    }
    for value in [
        "^prod", "/^prod/", "'${ENV}'", "'{a,b}'", "'!prod'", "'prod$'", "'[ab]'",
    ] {
        let condition = format!("tags: {{k: {value}}}");
        assert_eq!(rule(&condition), ["regular-expression"], "{value}");
    }
    assert_eq!(rule("tags: {'^k$': a}"), ["regular-expression"]);
    assert_eq!(rule("tags: {k: a}"), [""; 0]);
}

#[test]
fn a_misspelled_target_field_is_one_problem_also_beside_a_key() {
    let rule = "  - {name: a, when: all, replicate_to: eu-west-1, kms-key: alias/a}\n";
    assert_eq!(codes(rule), ["unknown-field"]);
    let rule = "  - {name: a, when: all, forbid: eu-west-1, kms-key: alias/a}\n";
    assert_eq!(codes(rule), ["field-without-effect"]);
}

#[test]
fn a_hint_says_what_to_write_for_none_a_negation_an_arn_and_a_reserved_character() {
    let hint = |rule: &str| {
        let problems = problems(&format!("version: 1\nrules:\n  - {{name: a, {rule}}}\n"));
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        format!("{}; {}", problem.message, problem.hint)
    };
    for (rule, expected) in [
        (
            "when: all, forbid: none",
            "; `none` is a value of tags: remove this field",
        ),
        (
            "when: all, forbid: [none]",
            "; `none` is a value of tags: remove it",
        ),
        (
            "when: all, replicate-to: [none]",
            "; `none` is a value of tags: remove it",
        ),
        ("when: all, replicate-to: none", "write `forbid: \"*\"`"),
        (
            "when: all, forbid: all",
            "write `\"*\"` for every Region in `forbid` and `primary-region`; in `replicate-to`, list \
             the Regions",
        ),
        (
            "when: all, forbid: '!eu-*'",
            "write `forbid: { except: \"eu-*\" }`",
        ),
        (
            "when: {secret-name: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3'}, \
             replicate-to: eu-west-1",
            "it follows `:secret:` and ends before the last `-`",
        ),
        (
            "when: all, replicate-to: @eu",
            "a value begins with `@`; quote the value: it begins with a \
          character that YAML reserves",
        ),
    ] {
        let shown = hint(rule);
        assert!(shown.ends_with(expected), "{shown}");
    }
}

#[test]
fn only_groups_and_keys_of_targets_must_be_in_allowed_regions() {
    let warnings = |target: &str| {
        let text = format!(
            "version: 1\ngroups: {{ far: [sa-east-1, ap-south-1] }}\nkms-keys: {{ ca-central-1: alias/x \
             }}\nrules:\n  - {{ name: a, when: {{ primary-region: far }}, replicate-to: {target} }}\n  \
             - {{ name: b, when: all, forbid: far }}\n"
        );
        let allowed = AllowedRegions::Only([Region::parse("eu-west-1").unwrap()].into());
        policy::check(&text, &allowed).unwrap().warnings
    };
    let lines = |target: &str| -> Vec<u64> {
        warnings(target)
            .iter()
            .map(|warning| warning.line)
            .collect()
    };
    assert_eq!(lines("eu-west-1"), [0; 0]);
    assert_eq!(lines("far"), [2]);
    assert_eq!(lines("ca-central-1"), [3, 5]);
    assert_eq!(lines("{ tag: regions }"), [2, 3]);
    assert!(warnings("far")[0].hint.contains("add them to"));
    assert!(warnings("ca-central-1")[0].hint.contains("add it to"));
}

#[test]
fn a_misspelled_target_has_the_hint_for_its_cause() {
    let hint = |target: &str| {
        let text = format!(
            "version: 1\ngroups: {{ dr: us-west-2, eu: eu-west-1 }}\nrules:\n  - {{ name: a, when: \
             all, replicate-to: \"{target}\" }}\n"
        );
        problems(&text).remove(0).hint
    };
    assert_eq!(hint("US-WEST-2"), "did you mean `us-west-2`?");
    assert_eq!(hint("DR"), "did you mean the group `dr`?");
    assert_eq!(hint("eu-west-1 dr"), "write a list: `[eu-west-1, dr]`");
    assert_eq!(
        hint("eu-west-1,us-west-2"),
        "write a list: `[eu-west-1, us-west-2]`"
    );
    assert!(hint("d*").contains("wildcards"));
    assert!(!hint("us").contains("did you mean"));
}

#[test]
fn keys_of_the_policy_and_an_empty_document_have_their_own_hints() {
    let found = problems("version: 1\nkms-keys: alias/x\nrules: []\n").remove(0);
    assert!(found.hint.starts_with("map Regions to keys"), "{found}");
    let found = problems("").remove(0);
    assert_eq!(found.message, "the document is empty");
}

#[test]
fn control_characters_are_rejected_in_names_and_escaped_in_messages() {
    let found = problems(
        "version: 1\nrules:\n  - { name: \"a\\e[31m\", when: all, replicate-to: us-west-2, \"b\\e\": c }\n",
    );
    let codes: Vec<_> = found.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["control-character", "unknown-field"]);
    for problem in found {
        assert!(!problem.to_string().contains('\u{1b}'), "{problem}");
        assert!(problem.to_string().contains("\\u{1b}"), "{problem}");
    }
}

#[test]
fn a_list_with_an_unknown_region_gets_no_warning_besides() {
    let rules = |regions: &str| {
        format!("  - {{name: a, when: {{primary-region: [{regions}]}}, replicate-to: eu-west-1}}\n")
    };
    assert_eq!(codes(&rules("eu-west-1, eu-wst")), codes(&rules("eu-wst")));
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
fn duplicates_are_reported_in_long_maps_too() {
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

#[test]
fn a_group_with_a_problem_gets_no_warning_besides() {
    let text = "version: 1\ngroups: { home: nowhere }\nrules:
  - {name: a, when: {primary-region: eu-west-1}, replicate-to: home, kms-key: {home: alias/a}}\n";
    let codes: Vec<_> = problems(text).iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["invalid-region"]);
}

#[test]
fn rules_that_conflict_or_forbid_one_another_are_left_to_the_plan() {
    let policies = [
        "  - {name: a, when: all, replicate-to: us-west-2, overwrite: true}
  - {name: b, when: all, replicate-to: us-west-2, overwrite: false}
",
        "  - {name: a, when: all, replicate-to: us-west-2, forbid: '*'}\n",
        "  - {name: a, when: {tags: {tier: 1}, not: {tags: {tier: 1}}}, replicate-to: us-west-2}\n",
        "  - {name: a, when: {not: {tags: {dr: '*'}}}, replicate-to: {tag: dr}}\n",
    ];
    for rules in policies {
        assert_eq!(codes(rules), [""; 0], "{rules}");
    }
}

#[test]
fn a_hint_says_what_to_write_for_words_and_for_a_missing_space() {
    for (text, expected) in [
        (
            "{version: 1, groups: {dr: us-west-2, eu: eu-west-1}, rules: [{name: a, when: all, \
             replicate-to: drr}]}",
            "write a Region code, for instance `eu-west-1`, or a group: `dr`, `eu`",
        ),
        (
            "{version: 1, rules: [{name: a, when: all, forbid: except eu-west-1 us-west-2}]}",
            "write `forbid: { except: [eu-west-1, us-west-2] }`",
        ),
        (
            "{version: 1, rules: [{name: a, when: all, forbid: 'except: eu-west-1'}]}",
            "write `forbid: { except: [eu-west-1] }`",
        ),
        (
            "version: 1\nrules:\n  - name: a\n    when: all\n    forbid:\"*\"\n  - name: b\n",
            "write a space after the `:`, and check the indentation",
        ),
        (
            "version: 1\ngroups:\n  dr:[us-west-2]\n  eu: [eu-west-1]\n",
            "quote the value if it contains `: `; otherwise check the indentation, and the space after \
             the `:` of the line before",
        ),
    ] {
        let problems = problems(text);
        let found = problems.iter().any(|problem| problem.hint == expected);
        assert!(found, "{expected}\n{problems:#?}");
    }
}
