//! Property tests: what holds for every policy, every secret and every input.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator::plan::{Decision, Fence, Plan, Step, Target, decide};
use secret_replicator::policy::{Policy, TagValue};
use secret_replicator::secret::{
    Encryption, KmsKey, Region, Replica, ReplicaStatus, Secret, SecretArn, SecretId,
};
use secret_replicator::settings::Settings;
use secret_replicator::trigger::{self, Home, Request};
use serde_json::{Value, json};

const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-south-1",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
];
const TAG_KEYS: [&str; 4] = ["replicate-to", "tier", "environment", "Tier"];
const TAG_VALUES: [&str; 8] = [
    "",
    "0",
    "1",
    "prod",
    "none",
    "eu-west-1 us-west-2",
    "us-east-1,cn-north-1",
    "frankfurt eu-west-1",
];
const NAMES: [&str; 5] = ["prod/db", "prod/", "stage/db", "a", "ünï"];
const PATTERNS: [&str; 8] = ["*", "prod/*", "?", "0", "1", "prod", "*db", "nothing"];

fn region() -> impl Strategy<Value = Region> {
    select(&REGIONS[..]).prop_map(|code| Region::parse(code).unwrap())
}

/// A rule as JSON, without its name.
fn rule() -> impl Strategy<Value = Value> {
    let patterns = || vec(select(&PATTERNS[..]), 1..3);
    let tags = option::of(btree_map(select(&TAG_KEYS[..]), patterns(), 1..3));
    let when = (tags, option::of(patterns())).prop_map(|(tags, name)| match (tags, name) {
        (None, None) => json!("all"),
        (Some(tags), None) => json!({ "tags": tags }),
        (None, Some(name)) => json!({ "secret-name": name }),
        (Some(tags), Some(name)) => json!({ "tags": tags, "secret-name": name }),
    });
    let to = prop_oneof![
        vec(select(&REGIONS[..]), 1..4).prop_map(|regions| json!(regions)),
        select(&TAG_KEYS[..]).prop_map(|key| json!({ "tag": key })),
    ];
    (when, to).prop_map(|(when, to)| json!({ "when": when, "replicate-to": to }))
}

/// Rules with names of their own.
fn rules() -> impl Strategy<Value = Vec<Value>> {
    vec(rule(), 1..6).prop_map(|mut rules| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule["name"] = json!(format!("rule-{index}"));
        }
        rules
    })
}

fn policy(rules: &[Value]) -> Policy {
    Policy::parse(&json!({ "version": 1, "rules": rules }).to_string()).unwrap()
}

fn tags() -> impl Strategy<Value = BTreeMap<String, String>> {
    let value = prop_oneof![select(&TAG_VALUES[..]).prop_map(str::to_owned), ".{0,256}"];
    btree_map(select(&TAG_KEYS[..]).prop_map(str::to_owned), value, 0..4)
}

fn replica() -> impl Strategy<Value = Replica> {
    let status = select(vec![
        ReplicaStatus::InSync,
        ReplicaStatus::InProgress,
        ReplicaStatus::Failed,
        ReplicaStatus::Unknown("Detached".to_owned()),
    ]);
    let message = select(vec![
        None,
        Some("Replication failed: Secret name a already exists in region eu-west-1."),
        Some("Replication failed: a is currently replicated to eu-west-1 with a different arn"),
        Some("No permissions available on the KMS key to complete the replication"),
        Some("who knows"),
    ]);
    (status, message).prop_map(|(status, message)| Replica {
        status,
        message: message.map(str::to_owned),
        kms_key: None,
    })
}

fn encryption() -> impl Strategy<Value = Encryption> {
    select(vec![
        None,
        Some("alias/aws/secretsmanager"),
        Some("arn:aws:kms:us-east-1:123456789012:key/mrk-1234"),
        Some("arn:aws:kms:us-east-1:123456789012:key/1234"),
        Some("alias/app"),
    ])
    .prop_map(Encryption::from_kms_key_id)
}

/// A primary secret that nothing forbids to replicate.
fn primary() -> impl Strategy<Value = Secret> {
    let name = prop_oneof![select(&NAMES[..]).prop_map(str::to_owned), "[^!]{1,64}"];
    let replicas = btree_map(region(), replica(), 0..4);
    (
        region(),
        name,
        tags(),
        encryption(),
        replicas,
        any::<bool>(),
    )
        .prop_map(
            |(home, name, tags, encryption, replicas, has_value)| Secret {
                arn: SecretArn::parse(&format!(
                    "arn:{}:secretsmanager:{home}:123456789012:secret:{name}-a1b2c3",
                    home.partition()
                ))
                .unwrap(),
                name,
                tags,
                encryption,
                primary_region: None,
                owning_service: None,
                scheduled_for_deletion: false,
                has_value,
                replicas,
            },
        )
}

fn fence() -> impl Strategy<Value = Fence> {
    prop_oneof![
        Just(Fence::Open),
        btree_set(region(), 0..4).prop_map(Fence::Regions),
    ]
}

fn plan(decision: Decision) -> Option<Plan> {
    match decision {
        Decision::Act(plan) => Some(plan),
        Decision::Skip(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_replica_is_ever_requested_in_the_own_region_beyond_the_partition_or_beyond_the_fence(
        rules in rules(), secret in primary(), fence in fence(),
    ) {
        let Some(plan) = plan(decide(&secret, &policy(&rules), &fence)) else { return Ok(()) };
        for target in plan.targets() {
            prop_assert_ne!(target.region(), secret.arn.region());
            prop_assert_eq!(target.region().partition(), secret.arn.region().partition());
            if let Fence::Regions(regions) = &fence {
                prop_assert!(regions.contains(target.region()));
            }
        }
    }

    #[test]
    fn every_region_that_a_rule_or_a_tag_wants_is_accounted_for(
        rules in rules(), secret in primary(), fence in fence(),
    ) {
        let policy = policy(&rules);
        let verdict = policy.evaluate(&secret.name, &secret.tags);
        match decide(&secret, &policy, &fence) {
            Decision::Skip(_) => prop_assert!(verdict.rules.is_empty()),
            Decision::Act(plan) => {
                prop_assert_eq!(plan.steps.keys().cloned().collect::<BTreeSet<_>>(), verdict.regions);
                prop_assert_eq!(plan.bad_tokens, verdict.bad_tokens);
                prop_assert_eq!(plan.rules, verdict.rules);
            }
        }
    }

    #[test]
    fn the_order_of_the_rules_never_matters(
        (rules, shuffled) in rules().prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        secret in primary(), fence in fence(),
    ) {
        prop_assert_eq!(
            decide(&secret, &policy(&rules), &fence),
            decide(&secret, &policy(&shuffled), &fence)
        );
    }

    #[test]
    fn another_rule_never_takes_a_region_away(
        rules in rules(), secret in primary(), fence in fence(),
    ) {
        let fewer = plan(decide(&secret, &policy(&rules[..rules.len().div_ceil(2)]), &fence));
        let more = plan(decide(&secret, &policy(&rules), &fence));
        if let Some(fewer) = fewer {
            let more = more.expect("what was covered stays covered");
            prop_assert!(fewer.targets().all(|target| more.targets().any(|other| other == target)));
        }
    }

    #[test]
    fn a_narrower_fence_never_adds_a_target(
        rules in rules(), secret in primary(), regions in btree_set(region(), 0..6), drop in region(),
    ) {
        let mut narrow = regions.clone();
        narrow.remove(&drop);
        let wide = plan(decide(&secret, &policy(&rules), &Fence::Regions(regions)));
        let narrow = plan(decide(&secret, &policy(&rules), &Fence::Regions(narrow)));
        if let (Some(wide), Some(narrow)) = (wide, narrow) {
            prop_assert!(narrow.targets().all(|target| wide.targets().any(|other| other == target)));
        }
    }

    #[test]
    fn replicas_managed_secrets_and_secrets_scheduled_for_deletion_are_never_written_to(
        rules in rules(), secret in primary(), other in region(), mark in 0..5,
    ) {
        let mut secret = secret;
        match mark {
            0 => secret.scheduled_for_deletion = true,
            1 => secret.owning_service = Some("rds".to_owned()),
            2 => secret.name = "rds!cluster-1234".to_owned(),
            3 => {
                let tag = "aws:secretsmanager:owningService".to_owned();
                secret.tags.insert(tag, "rds".to_owned());
            }
            _ if other == *secret.arn.region() => return Ok(()),
            _ => secret.primary_region = Some(other),
        }
        prop_assert!(plan(decide(&secret, &policy(&rules), &Fence::Open)).is_none());
    }

    #[test]
    fn once_every_request_is_in_sync_nothing_more_is_requested(
        rules in rules(), secret in primary(), fence in fence(),
    ) {
        let policy = policy(&rules);
        let Some(first) = plan(decide(&secret, &policy, &fence)) else { return Ok(()) };
        let mut after = secret.clone();
        for target in first.targets() {
            let replica = Replica { status: ReplicaStatus::InSync, message: None, kms_key: None };
            after.replicas.insert(target.region().clone(), replica);
        }
        let second = plan(decide(&after, &policy, &fence)).expect("it is still covered");
        prop_assert!(!second.writes());
    }

    #[test]
    fn a_replicas_key_is_never_weaker_than_the_primarys(
        secret in primary(), region in region(),
    ) {
        let Ok(target) = Target::new(&secret, &region, &Fence::Open) else { return Ok(()) };
        match &secret.encryption {
            Encryption::AwsManagedKey => prop_assert_eq!(target.kms_key(), None),
            Encryption::MultiRegionKey(_) => {
                let key = target.kms_key().map(KmsKey::as_str).unwrap_or_default();
                prop_assert!(key.ends_with("mrk-1234") && key.contains(region.as_str()), "{}", key);
            }
            Encryption::CustomerKey(_) => prop_assert!(false, "{:?}", target),
        }
    }

    #[test]
    fn a_replica_that_is_there_is_requested_again_only_if_it_failed_and_may_heal(
        rules in rules(), secret in primary(), fence in fence(),
    ) {
        let Some(plan) = plan(decide(&secret, &policy(&rules), &fence)) else { return Ok(()) };
        for (region, step) in plan.steps {
            let replica = secret.replicas.get(&region);
            let failed = replica.is_some_and(|replica| replica.status == ReplicaStatus::Failed);
            match step {
                Step::Replicate(_) => prop_assert!(replica.is_none()),
                Step::Retry(_) | Step::Leave(..) => prop_assert!(failed),
                Step::Keep(_) => prop_assert!(replica.is_some() && !failed),
                Step::Refuse(..) => {}
            }
        }
    }

    #[test]
    fn a_tag_value_is_read_alike_whatever_separates_its_regions(
        regions in vec(region(), 1..8), separators in vec(select(&[" ", "  ", ",", ", ", "+", "/", ":", ";"][..]), 8),
    ) {
        let text = regions.iter().zip(separators).fold(String::new(), |text, (region, separator)| {
            text + region.as_str() + separator
        });
        let value = TagValue::parse(&text);
        prop_assert_eq!(value.regions, regions.into_iter().collect::<BTreeSet<_>>());
        prop_assert!(value.errors.is_empty());
    }

    #[test]
    fn any_text_as_a_tag_value_is_read_without_a_panic(text in any::<String>()) {
        let value = TagValue::parse(&text);
        prop_assert!(!value.regions.is_empty() || !value.errors.is_empty() || text.trim() == "none");
    }

    #[test]
    fn any_text_as_a_policy_is_read_or_refused_with_problems(text in policy_like()) {
        if let Err(invalid) = Policy::parse(&text) {
            prop_assert!(!invalid.problems.is_empty());
            for problem in invalid.problems {
                prop_assert!(problem.line >= 1 && problem.column >= 1, "{}", problem);
            }
        }
    }

    #[test]
    fn any_settings_are_taken_or_refused_with_problems(values in vec(any::<String>(), 8)) {
        let names = [
            "AWS_REGION", "REPLICATION_POLICY", "ALLOWED_REPLICA_REGIONS", "ALLOW_OVERWRITE",
            "ALLOW_REMOVAL", "DRY_RUN", "SETTLE_SECONDS", "METRICS_NAMESPACE",
        ];
        let variable = |name: &str| {
            names.iter().position(|other| *other == name).map(|index| Ok(values[index].clone()))
        };
        if let Err(invalid) = Settings::read(&variable, &|_| Err("no file".to_owned())) {
            prop_assert!(!invalid.problems.is_empty());
        }
    }

    #[test]
    fn any_text_as_an_event_becomes_a_trigger(text in any::<String>()) {
        let trigger = trigger::parse(&text, &home());
        prop_assert!(matches!(trigger.request, Request::Bad(_)));
    }

    #[test]
    fn any_json_as_the_detail_of_an_event_becomes_a_trigger(
        detail in btree_map(select(&DETAIL_KEYS[..]), any_json(), 0..9),
    ) {
        let event = json!({
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.secretsmanager",
            "detail": detail,
        });
        let trigger = trigger::parse(&event.to_string(), &home());
        prop_assert!(!trigger.origin.name.is_empty() || detail["eventName"] == "");
        if let Request::Reconcile { secret: SecretId::Arn(arn), .. } = trigger.request {
            prop_assert_eq!((arn.account(), arn.region().as_str()), ("123456789012", "us-east-1"));
        }
    }
}

const DETAIL_KEYS: [&str; 9] = [
    "eventSource",
    "eventName",
    "eventID",
    "eventTime",
    "errorCode",
    "awsRegion",
    "recipientAccountId",
    "requestParameters",
    "responseElements",
];

fn home() -> Home {
    Home {
        region: Region::parse("us-east-1").unwrap(),
        account: Some("123456789012".to_owned()),
    }
}

/// Text that is often nearly a policy.
fn policy_like() -> impl Strategy<Value = String> {
    let words = select(vec![
        "version:",
        "1",
        "rules:",
        "\n",
        "  ",
        "- ",
        "name: a",
        "when: all",
        "when:",
        "tags:",
        "{",
        "}",
        "[",
        "]",
        ",",
        "replicate-to:",
        "tag:",
        "eu-west-1",
        "\"",
        "'",
        "&a",
        "*a",
        "|",
        "#",
        "!",
    ]);
    prop_oneof![
        any::<String>(),
        vec(words, 0..40).prop_map(|words| words.concat())
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = select(vec![
        "CreateSecret",
        "secretsmanager.amazonaws.com",
        "arn",
        "name",
        "secretId",
        "us-east-1",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-a1b2c3",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(words.clone(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}
