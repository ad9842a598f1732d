//! Queries of a parsed policy.

use std::collections::BTreeSet;

use secret_replicator_core::limits::AllowedRegions;
use secret_replicator_core::policy::{self, Policy};

const POLICY: &str = "
version: 1
groups:
  europe: [eu-west-1, eu-central-1]
rules:
  - name: overwrites
    when: all
    replicate-to: us-west-2
    overwrite: true
  - name: never-overwrites
    when: {secret-name: dev/*}
    replicate-to: us-west-2
    overwrite: false
  - name: from-tag
    when: all
    replicate-to: {tag: dr}
";

fn checked() -> Policy {
    let checked = policy::check(POLICY, &AllowedRegions::Any);
    checked.expect("a policy").policy
}

#[test]
fn a_rule_knows_the_tag_that_it_takes_regions_from() {
    let policy = checked();
    let tags: Vec<_> = (policy.rules().iter())
        .map(policy::Rule::tag_with_regions)
        .collect();
    assert_eq!(tags, [None, None, Some("dr")]);
}

#[test]
fn the_regions_of_groups_are_named_ones_too() {
    let policy = checked();
    let regions: BTreeSet<_> = policy
        .named_regions()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = ["eu-central-1", "eu-west-1", "us-west-2"];
    assert_eq!(regions, expected.map(String::from).into());
}
