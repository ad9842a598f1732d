//! Measures checking a policy and deciding about a secret.
//!
//! Run with `cargo bench -p secret-replicator-core --bench policy`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use divan::Bencher;
use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::decide;
use secret_replicator_core::policy::{self, Policy};
use secret_replicator_core::secret::{Region, Secret};

const RULES: [usize; 3] = [1, 50, 500];

fn main() {
    divan::main();
}

/// Returns a policy with rules for each team and for all teams.
fn document(rules: usize) -> String {
    let mut text =
        "version: 1\ngroups:\n  dr: [us-west-2]\n  eu: [eu-west-1, eu-central-1]\nrules:\n"
            .to_owned();
    for index in 0..rules {
        let effect = match index % 5 {
            0 => "replicate-to: { tag: replicate-to }",
            1 => "forbid: { except: [\"eu-*\", dr] }",
            2 => "replicate-to: [dr, eu]\n    kms-key: { eu: alias/eu, \"*\": alias/dr }",
            _ => "replicate-to: [dr, eu-west-1]",
        };
        write!(
            text,
            "  - name: team-{index}\n    when:\n      tags: {{ team: [team-{index}, all], tier: \"?\" }}\n      \
             secret-name: [\"prod/*\", \"*/shared\"]\n      not: {{ tags: {{ replicate: \"no\" }} }}\n    {effect}\n"
        )
        .expect("a text");
    }
    text
}

/// Returns a policy of short rules.
fn short_document(rules: usize) -> String {
    let mut text = "version: 1\nrules:\n".to_owned();
    for index in 0..rules {
        writeln!(
            text,
            "  - {{ name: team-{index}, when: {{ tags: {{ team: team-{index} }} }}, replicate-to: [us-west-2] }}"
        )
        .expect("a text");
    }
    text
}

/// Returns a policy whose rules differ only in wildcards.
fn wild_document(rules: usize) -> String {
    let mut text = "version: 1\nrules:\n".to_owned();
    for index in 0..rules {
        writeln!(
            text,
            "  - {{ name: team-{index}, when: {{ secret-name: \"*/team-{index}/*\" }}, \
             replicate-to: [us-west-2], kms-key: alias/team-{index} }}"
        )
        .expect("a text");
    }
    text
}

fn read(rules: usize) -> Policy {
    let checked = policy::check(&document(rules), &AllowedRegions::Any);
    checked.expect("a policy").policy
}

fn secret(team: &str) -> Secret {
    let tags = [
        ("team", team),
        ("tier", "1"),
        ("replicate-to", "eu ap-south-1"),
    ];
    let tags: BTreeMap<String, String> = tags
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let region = Region::parse("us-east-1").expect("a Region");
    Secret::hypothetical("prod/db", tags, &region, None).expect("a secret")
}

const LIMITS: Limits = Limits {
    allowed_regions: AllowedRegions::Any,
    overwrite: Overwrite::Never,
    removal: RemovalLimit::Never,
};

#[divan::bench(args = RULES)]
fn check(bencher: Bencher, rules: usize) {
    let text = document(rules);
    bencher.bench(|| policy::check(&text, &AllowedRegions::Any));
}

#[divan::bench(args = RULES)]
fn check_short_rules(bencher: Bencher, rules: usize) {
    let text = short_document(rules);
    bencher.bench(|| policy::check(&text, &AllowedRegions::Any));
}

#[divan::bench(args = RULES)]
fn check_rules_with_wildcards(bencher: Bencher, rules: usize) {
    let text = wild_document(rules);
    bencher.bench(|| policy::check(&text, &AllowedRegions::Any));
}

/// Measures a decision for which one rule matches.
#[divan::bench(args = RULES)]
fn decide_by_one_rule(bencher: Bencher, rules: usize) {
    let (policy, secret) = (read(rules), secret("team-0"));
    bencher.bench(|| decide(&secret, &policy, &LIMITS));
}

/// Measures a decision for which every rule matches.
#[divan::bench(args = RULES)]
fn decide_by_every_rule(bencher: Bencher, rules: usize) {
    let (policy, secret) = (read(rules), secret("all"));
    bencher.bench(|| decide(&secret, &policy, &LIMITS));
}
