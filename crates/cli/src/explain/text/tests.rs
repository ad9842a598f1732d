use std::collections::BTreeMap;

use secret_replicator_core::explain::explain;
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::policy;
use secret_replicator_core::secret::{Region, Secret};

use super::*;
use crate::output::plain;

const POLICY: &str = r#"
version: 1
groups: { dr: [us-west-2] }
kms-keys: { us-west-2: alias/secrets }
rules:
  - name: secret-names-its-regions
    when: { tags: { replicate-to: "*" } }
    replicate-to: { tag: replicate-to }
  - name: tier-1
    when: { tags: { tier: ["0", "1"] }, secret-name: "prod/*" }
    replicate-to: [dr, eu-west-1, us-east-1]
    kms-key: { eu-west-1: aws/secretsmanager }
  - name: overwriting
    when: { tags: { owner: platform } }
    replicate-to: eu-central-1
    kms-key: alias/eu
    overwrite: true
  - name: never-to-asia
    when: all
    forbid: ["ap-*"]
"#;

fn shown(name: &str, tags: &[(&str, &str)], kms_key: Option<&str>) -> String {
    let tags: BTreeMap<String, String> = tags
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let region = Region::parse("us-east-1").unwrap();
    let described = Secret::hypothetical(name, tags, &region, kms_key).unwrap();
    let limits = Limits {
        allowed_regions: AllowedRegions::Any,
        overwrite: Overwrite::Allowed,
        removal: RemovalLimit::Never,
    };
    let policy = policy::check(POLICY, &AllowedRegions::Any).unwrap().policy;
    let explanation = explain(&described, &policy, &limits);
    plain(&(secret(&described) + &render(&explanation)))
}

#[test]
fn a_tag_key_in_another_case_is_named() {
    let shown = shown("prod/db", &[("Owner", "platform")], None);
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = "the secret has no tag `owner`, but the tag `Owner`: tag keys are case-sensitive";
    assert!(shown.contains(line), "{shown}");
    assert!(shown.contains("the secret has no tag `tier` ✘"), "{shown}");
}

#[test]
fn the_tag_of_a_rule_in_another_case_is_named() {
    let text = "{version: 1, rules: [{name: a, when: all, replicate-to: {tag: replicate-to}}]}";
    let policy = policy::check(text, &AllowedRegions::Any).unwrap().policy;
    let region = Region::parse("us-east-1").unwrap();
    let tags = BTreeMap::from([("Replicate-To".to_owned(), "eu-west-1".to_owned())]);
    let secret = Secret::hypothetical("prod/db", tags, &region, None).unwrap();
    let limits = Limits {
        allowed_regions: AllowedRegions::Any,
        overwrite: Overwrite::Never,
        removal: RemovalLimit::Never,
    };
    let [rule] = &explain(&secret, &policy, &limits).rules[..] else {
        panic!("one rule")
    };
    assert_eq!(
        rule.because,
        "its condition holds, and the secret has no tag `replicate-to`, but the tag \
         `Replicate-To`: tag keys are case-sensitive"
    );
}

#[test]
fn every_fate_of_a_region_is_shown_with_its_reason() {
    insta::assert_snapshot!(shown(
        "prod/db",
        &[
            ("tier", "1"),
            ("owner", "platform"),
            ("replicate-to", "ap-south-1 eu-west-3 frankfurt"),
        ],
        Some("alias/app"),
    ));
}

#[test]
fn everything_that_takes_a_region_away_is_shown() {
    let tags = [(
        "replicate-to".to_owned(),
        "ap-south-1 cn-north-1".to_owned(),
    )];
    let primary = Region::parse("us-east-1").unwrap();
    let secret = Secret::hypothetical("prod/db", tags.into(), &primary, None).unwrap();
    let limits = Limits {
        allowed_regions: AllowedRegions::Only([Region::parse("eu-west-1").unwrap()].into()),
        overwrite: Overwrite::Never,
        removal: RemovalLimit::Never,
    };
    let policy = policy::check(POLICY, &AllowedRegions::Any).unwrap().policy;
    insta::assert_snapshot!(plain(&render(&explain(&secret, &policy, &limits))));
}

#[test]
fn a_secret_that_no_rule_covers_is_skipped() {
    insta::assert_snapshot!(shown("dev/db", &[("tier", "1")], None));
}

#[test]
fn a_secret_may_want_no_replica() {
    insta::assert_snapshot!(shown("dev/db", &[("replicate-to", "none")], None));
}

#[test]
fn an_empty_tag_is_named() {
    insta::assert_snapshot!(shown("dev/db", &[("replicate-to", " ")], None));
}

#[test]
fn words_are_quoted_for_a_shell_only_if_they_must_be() {
    assert_eq!(quoted("prod/db_1+=.@-"), "prod/db_1+=.@-");
    assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
    assert_eq!(quoted(""), "''");
    assert_eq!(
        kebab("ReplicateSecretToRegions"),
        "replicate-secret-to-regions"
    );
}
