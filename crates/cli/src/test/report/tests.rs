use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy;

use super::super::{case, file};
use super::*;
use crate::output::plain;

const POLICY: &str = r#"
version: 1
kms-keys: { us-west-2: alias/secrets }
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [us-west-2, eu-west-1, us-east-1]
    kms-key: { eu-west-1: aws/secretsmanager }
  - name: overwriting
    when: { tags: { owner: platform } }
    replicate-to: eu-central-1
    overwrite: true
  - name: tagged
    when: { tags: { replicate-to: "*" } }
    replicate-to: { tag: replicate-to }
  - name: never-to-asia
    when: all
    forbid: ["ap-*"]
"#;

fn report(tests: &str) -> String {
    let file = file::parse(tests).unwrap();
    let policy = policy::check(POLICY, &AllowedRegions::Any).unwrap().policy;
    let limits = file.limits.clone();
    let cases = file.tests.iter();
    let cases = cases
        .map(|test| case::run(test, &policy, &limits))
        .collect();
    plain(&TestReport::new("tests.yaml", "policy.yaml", cases).text())
}

/// Returns the report on one case about the secret `db` in us-east-1.
fn one(secret: &str, expect: &str) -> String {
    report(&format!(
        "settings: {{ allow-overwrite: true, allowed-replica-regions: \"us-west-2 eu-west-1 \
         eu-central-1\" }}\ntests:\n- name: it\n  secret: {{ name: db, primary-region: us-east-1, \
         {secret} }}\n  expect: {expect}\n"
    ))
}

const TIER: &str = "tags: { tier: 1 }";

/// Secrets, with expectations that the policy meets.
const MET: &[(&str, &str)] = &[
    (TIER, "{ replicate: [us-west-2, eu-west-1] }"),
    (
        TIER,
        "{ replicate: { us-west-2: alias/secrets, eu-west-1: aws/secretsmanager } }",
    ),
    (
        TIER,
        "{ replicate: { us-west-2: alias/secrets, eu-west-1: alias/aws/secretsmanager }, \
             refuse: { us-east-1: primary-region }, rules: [tier-1] }",
    ),
    (
        "kms-key: alias/app, tags: { owner: platform }",
        "{ refuse: { eu-central-1: weaker-encryption } }",
    ),
    (
        "tags: { owner: platform }",
        "{ replicate: [eu-central-1], overwrite: [eu-central-1] }",
    ),
    (
        "tags: { replicate-to: ap-south-1 frankfurt eu-west-3 }",
        "{ refuse: { ap-south-1: forbidden-by-policy, frankfurt: invalid-region, \
             eu-west-3: region-not-allowed } }",
    ),
    (
        "tags: { replicate-to: \"\" }",
        "{ refuse: { \"\": empty-tag-value } }",
    ),
    (
        "tags: { replicate-to: none }",
        "{ replicate: [], rules: [tagged] }",
    ),
    ("tags: {}", "{ skip: no-rule-matched }"),
];

#[test]
fn expectations_that_are_met_pass() {
    for (secret, expect) in MET {
        assert_eq!(
            one(secret, expect),
            "ok      it\n\n1 passed, 0 failed\n",
            "{expect}"
        );
    }
}

/// Secrets, with expectations that the policy does not meet and the difference.
const UNMET: &[(&str, &str, &str)] = &[
    (
        TIER,
        "{ replicate: [us-west-2] }",
        "eu-west-1: expected nothing, found a replica with aws/secretsmanager",
    ),
    (
        TIER,
        "{ replicate: { us-west-2: alias/other, eu-west-1: aws/secretsmanager } }",
        "us-west-2: expected a replica with alias/other, found a replica with alias/secrets",
    ),
    (
        TIER,
        "{ replicate: [us-west-2, eu-west-1], refuse: { eu-west-3: primary-region } }",
        "eu-west-3: expected refused (primary-region), found nothing",
    ),
    (
        TIER,
        "{ replicate: [us-west-2, eu-west-1], rules: [tier-1, tagged] }",
        "rules: expected [tagged, tier-1], found [tier-1]",
    ),
    (
        TIER,
        "{ skip: no-rule-matched }",
        "secret: expected skipped (no-rule-matched), found covered",
    ),
    (
        "tags: {}",
        "{ replicate: [us-west-2, eu-west-1] }",
        "secret: expected covered, found skipped (no-rule-matched)",
    ),
    (
        "tags: { owner: platform }",
        "{ replicate: [eu-central-1] }",
        "eu-central-1: expected a replica with any key, found a replica with \
             aws/secretsmanager, overwriting",
    ),
    (
        "tags: { replicate-to: \"\" }",
        "{ replicate: [] }",
        "(an empty tag): expected nothing, found refused (empty-tag-value)",
    ),
];

#[test]
fn every_difference_fails_the_case_and_is_named() {
    for (secret, expect, difference) in UNMET {
        let text = one(secret, expect);
        assert!(text.starts_with("FAILED  it (tests.yaml:3)\n"), "{text}");
        assert!(text.contains(&format!("        {difference}\n")), "{text}");
        assert!(text.ends_with("0 passed, 1 failed\n"), "{text}");
    }
}

#[test]
fn a_failed_case_gets_the_expectations_that_the_decision_meets() {
    for (secret, expect, _) in UNMET {
        let text = one(secret, expect);
        let hint = text.lines().find_map(|line| {
            line.strip_prefix("        If this decision is intended, write: expect: ")
        });
        let met = one(secret, hint.unwrap_or_else(|| panic!("{text}")));
        assert_eq!(met, "ok      it\n\n1 passed, 0 failed\n", "{text}");
    }
}

/// Secrets with unmet expectations, and the expectations that the decision meets.
const INTENDED: &[(&str, &str, &str)] = &[
    (
        "tags: { replicate-to: ap-south-1 eu-west-1 }",
        "{ replicate: [eu-west-1] }",
        "{ replicate: [eu-west-1], refuse: { ap-south-1: forbidden-by-policy } }",
    ),
    (
        TIER,
        "{ replicate: { us-west-2: alias/other }, rules: [tagged] }",
        "{ replicate: { eu-west-1: aws/secretsmanager, us-west-2: alias/secrets }, rules: [tier-1] }",
    ),
    (
        "tags: { owner: platform }",
        "{ replicate: [] }",
        "{ replicate: [eu-central-1], overwrite: [eu-central-1] }",
    ),
    ("tags: {}", "{ replicate: [] }", "{ skip: no-rule-matched }"),
    (
        "tags: { replicate-to: none }",
        "{ skip: no-rule-matched }",
        "{ replicate: [] }",
    ),
    (
        "tags: { replicate-to: \"{} null\" }",
        "{ replicate: [] }",
        "{ replicate: [], refuse: { \"null\": invalid-region, \"{}\": invalid-region } }",
    ),
];

#[test]
fn the_intended_expectations_are_as_exact_as_the_written_ones() {
    for (secret, expect, intended) in INTENDED {
        let text = one(secret, expect);
        let hint = format!("        If this decision is intended, write: expect: {intended}\n");
        assert!(text.contains(&hint), "{intended}\n{text}");
        assert_eq!(one(secret, intended), "ok      it\n\n1 passed, 0 failed\n");
    }
}

#[test]
fn a_report_names_each_case_and_explains_the_failed_ones() {
    insta::assert_snapshot!(report(
        r#"
tests:
  - name: tier 1 goes to two Regions
    secret: { name: prod/db, tags: { tier: "1" }, primary-region: us-east-1 }
    expect: { replicate: [us-west-2, eu-west-1] }
  - name: nothing goes to Asia
    secret: { name: prod/db, tags: { replicate-to: ap-south-1 eu-west-1 }, primary-region: us-east-1 }
    expect: { replicate: [ap-south-1, eu-west-1] }
  - name: untagged secrets are skipped
    secret: { name: dev/db, primary-region: us-east-1 }
    expect: { skip: no-rule-matched }
"#
    ));
}
