//! One secret whose replicas are in every state at once, and what the plan for it says of itself.

use std::collections::BTreeSet;

use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Decision, Plan, Step, decide};
use secret_replicator_core::policy;
use secret_replicator_core::reason::{FailureReason, RemovalReason};
use secret_replicator_core::secret::{
    Encryption, Region, RegionalSecret, Replica, ReplicaStatus, Secret,
};

const POLICY: &str = "
version: 1
rules:
  - name: here
    when: all
    replicate-to: [ap-northeast-1, ap-south-1, ca-central-1, eu-central-1, eu-north-1, eu-west-1, us-west-1]
  - { name: not-there, when: all, forbid: [us-west-1, us-west-2] }
removal: covered
";

const NAME_TAKEN: &str = "Replication failed: Secret name app already exists in region ap-south-1.";

/// A replica's status, and AWS's words about it.
type State = (&'static str, Option<&'static str>);

type Replicas = Vec<(&'static str, Option<State>)>;

/// Each Region, the state of its replica there, and the step that comes of it.
const STATES: [(&str, Option<State>, &str); 12] = [
    ("ap-northeast-1", None, "Replicate"),
    ("ap-northeast-2", Some(("InSync", None)), "Remove"),
    ("ap-northeast-3", Some(("Failed", None)), "Remove"),
    (
        "ap-south-1",
        Some(("Failed", Some(NAME_TAKEN))),
        "ReportFailure",
    ),
    ("ap-southeast-1", Some(("InProgress", None)), "AwaitRemoval"),
    ("ap-southeast-2", Some(("Detached", None)), "Retain"),
    ("ca-central-1", Some(("InSync", None)), "Keep"),
    ("eu-central-1", Some(("InProgress", None)), "Keep"),
    ("eu-north-1", Some(("Detached", None)), "Keep"),
    ("eu-west-1", Some(("Failed", None)), "Retry"),
    ("us-west-1", None, "Refuse"),
    ("us-west-2", Some(("InSync", None)), "Remove"),
];

const LIMITS: Limits = Limits {
    allowed_regions: AllowedRegions::Any,
    overwrite: Overwrite::Never,
    removal: RemovalLimit::Allowed,
};

fn region(code: &str) -> Region {
    Region::parse(code).expect("a Region")
}

fn regions(codes: &[&str]) -> BTreeSet<Region> {
    codes.iter().copied().map(region).collect()
}

fn replica(status: &str, message: Option<&str>) -> Replica {
    Replica {
        status: match status {
            "InSync" => ReplicaStatus::InSync,
            "InProgress" => ReplicaStatus::InProgress,
            "Failed" => ReplicaStatus::Failed,
            other => ReplicaStatus::Unknown(other.to_owned()),
        },
        message: message.map(str::to_owned),
        kms_key: None,
    }
}

fn plan() -> Plan {
    let states = STATES.iter().map(|&(code, state, _)| (code, state));
    match decision(POLICY, "", states) {
        Decision::Act(plan) => plan,
        Decision::Skip(reason) => panic!("{reason:?}"),
    }
}

/// The decision about a secret in us-east-1 with this tag `replicate-to` and these replicas.
fn decision(
    policy: &str,
    tag: &str,
    states: impl IntoIterator<Item = (&'static str, Option<State>)>,
) -> Decision {
    decided(policy, &secret(tag, states), &LIMITS)
}

fn secret(tag: &str, states: impl IntoIterator<Item = (&'static str, Option<State>)>) -> Secret {
    let tags = [("replicate-to".to_owned(), tag.to_owned())].into();
    let mut secret = Secret::hypothetical("app", tags, &region("us-east-1"), None).unwrap();
    for (code, state) in states {
        if let Some((status, message)) = state {
            secret
                .replicas
                .insert(region(code), replica(status, message));
        }
    }
    secret
}

fn decided(policy: &str, secret: &Secret, limits: &Limits) -> Decision {
    let policy = policy::check(policy, &AllowedRegions::Any)
        .expect("a policy")
        .policy;
    decide(secret, &policy, limits)
}

#[test]
fn each_state_of_a_replica_has_its_step() {
    let plan = plan();

    for (code, _, expected) in STATES {
        let step = format!("{:?}", plan.steps[&region(code)]);
        let name = step.split('(').next();
        assert_eq!(name, Some(expected), "{code}: {step}");
    }
    assert_eq!(plan.steps.len(), STATES.len());
}

#[test]
fn the_plan_asks_for_what_is_missing_and_for_what_may_have_healed() {
    let plan = plan();

    let asked: Vec<&str> = plan
        .targets()
        .map(|target| target.region().as_str())
        .collect();
    assert_eq!(asked, ["ap-northeast-1", "eu-west-1"]);
    assert!(plan.replicates());
}

#[test]
fn what_nobody_wants_is_removed_or_awaited() {
    let plan = plan();

    let removed: BTreeSet<Region> = plan.removals().cloned().collect();
    assert_eq!(
        removed,
        regions(&["ap-northeast-2", "ap-northeast-3", "us-west-2"])
    );
    let unwanted: BTreeSet<Region> = plan.unwanted().map(|(region, _)| region.clone()).collect();
    let awaited = regions(&["ap-southeast-1"]);
    assert_eq!(unwanted, &removed | &awaited);
}

#[test]
fn only_replicas_that_come_or_go_are_changes() {
    // One comes, three go, and one that is on its way is to go.
    assert_eq!(plan().changes(), 5);
}

#[test]
fn a_name_that_is_taken_is_an_obstacle_and_any_other_failure_is_none() {
    let blocked_in_region: Vec<Region> = plan().blocked_in_region().cloned().collect();

    assert_eq!(blocked_in_region, [region("ap-south-1")]);
}

/// A policy by the tag; us-west-2 is forbidden, also where the tag names it.
const BY_TAG: &str = "
version: 1
rules:
  - name: by-tag
    when: { tags: { replicate-to: '*' } }
    replicate-to: { tag: replicate-to }
  - { name: not-there, when: all, forbid: us-west-2 }
removal: covered
";

const IN_SYNC: Option<State> = Some(("InSync", None));

#[test]
fn only_a_plan_with_all_that_is_wanted_in_sync_and_nothing_refused_allows_a_removal() {
    let states = |wanted, unwanted| [("eu-west-1", wanted), ("eu-north-1", unwanted)];
    let with_forbidden = |status| {
        [
            ("eu-west-1", IN_SYNC),
            ("us-west-2", Some((status, None))),
            ("eu-north-1", IN_SYNC),
        ]
    };
    // The tag, the replicas, and whether that allows to remove a replica that no rule wants, and one
    // that a rule forbids.
    let cases: [(&str, Replicas, bool, bool); 13] = [
        ("eu-west-1", states(IN_SYNC, IN_SYNC).into(), true, true),
        (
            "eu-west-1",
            states(IN_SYNC, Some(("InProgress", None))).into(),
            true,
            true,
        ),
        (
            "eu-west-1",
            states(IN_SYNC, Some(("Detached", None))).into(),
            true,
            true,
        ),
        ("eu-west-1", states(None, IN_SYNC).into(), false, false),
        (
            "eu-west-1",
            states(Some(("InProgress", None)), IN_SYNC).into(),
            false,
            false,
        ),
        (
            "eu-west-1",
            states(Some(("Failed", None)), IN_SYNC).into(),
            false,
            false,
        ),
        (
            "eu-west-1",
            states(Some(("Failed", Some(NAME_TAKEN))), IN_SYNC).into(),
            false,
            false,
        ),
        (
            "eu-west-1 us-west-2",
            with_forbidden("InSync").into(),
            false,
            true,
        ),
        (
            "eu-west-1 us-west-2",
            with_forbidden("InProgress").into(),
            false,
            true,
        ),
        // It is not removed itself, but named and refused all the same.
        (
            "eu-west-1 us-west-2",
            with_forbidden("Detached").into(),
            false,
            true,
        ),
        // The secret's own Region is no mistake, another partition's and no Region at all are.
        (
            "eu-west-1 us-east-1",
            states(IN_SYNC, IN_SYNC).into(),
            true,
            true,
        ),
        (
            "eu-west-1 cn-north-1",
            states(IN_SYNC, IN_SYNC).into(),
            false,
            true,
        ),
        (
            "eu-west-1 eu-wast-1x",
            states(IN_SYNC, IN_SYNC).into(),
            false,
            true,
        ),
    ];
    for (tag, states, not_wanted, forbidden) in cases {
        let Decision::Act(plan) = decision(BY_TAG, tag, states.clone()) else {
            panic!("{tag} {states:?}");
        };
        let allowed = |reason| plan.may_remove(&reason);
        assert_eq!(
            allowed(RemovalReason::NoLongerTargeted),
            not_wanted,
            "{tag} {states:?}"
        );
        let by_rule = RemovalReason::Forbidden(["not-there".to_owned()].into());
        assert_eq!(allowed(by_rule), forbidden, "{tag} {states:?}");
    }
}

#[test]
fn what_a_rule_forbids_is_unwanted_for_that_reason_also_if_a_tag_names_it() {
    let states = [("us-west-2", IN_SYNC), ("eu-north-1", IN_SYNC)];
    let Decision::Act(plan) = decision(BY_TAG, "eu-west-1 us-west-2", states) else {
        panic!("it is covered");
    };
    let unwanted: Vec<_> = plan.unwanted().collect();
    let by_rule = RemovalReason::Forbidden(["not-there".to_owned()].into());
    assert_eq!(
        unwanted,
        [
            (&region("eu-north-1"), &RemovalReason::NoLongerTargeted),
            (&region("us-west-2"), &by_rule),
        ]
    );
}

#[test]
fn a_request_is_wanted_still_if_a_later_decision_has_the_same_target() {
    let Decision::Act(plan) = decision(BY_TAG, "eu-west-1", []) else {
        panic!("it is covered");
    };
    let target = plan.targets().next().expect("a target");
    assert!(decision(BY_TAG, "eu-west-1 eu-north-1", []).asks_for(target));
    assert!(!decision(BY_TAG, "eu-north-1", []).asks_for(target));
    assert!(!decision(BY_TAG, "eu-west-1", [("eu-west-1", IN_SYNC)]).asks_for(target));
    let nobody = "{version: 1, rules: [{name: a, when: {tags: {b: c}}, replicate-to: eu-west-1}]}";
    assert!(!decision(nobody, "eu-west-1", []).asks_for(target));
}

const NOT_ENABLED: &str = "Region ap-south-1 is not enabled for this account";

#[test]
fn a_name_that_is_taken_stands_in_the_way_until_it_is_free_or_may_be_overwritten() {
    let overwriting =
        "{version: 1, rules: [{name: a, when: all, replicate-to: ap-south-1, overwrite: true}]}";
    let allowed = Limits {
        overwrite: Overwrite::Allowed,
        ..LIMITS
    };
    let step = |message, is_vacant, limits| {
        let mut secret = secret("", [("ap-south-1", Some(("Failed", Some(message))))]);
        if is_vacant {
            secret
                .probed
                .insert(region("ap-south-1"), RegionalSecret::Absent);
        }
        match decided(overwriting, &secret, limits) {
            Decision::Act(plan) => plan.replicates(),
            Decision::Skip(reason) => panic!("{reason:?}"),
        }
    };
    assert!(!step(NAME_TAKEN, false, &LIMITS));
    assert!(step(NAME_TAKEN, true, &LIMITS));
    assert!(step(NAME_TAKEN, false, &allowed));
    assert!(!step(NOT_ENABLED, false, &allowed));
    assert!(step(NOT_ENABLED, true, &LIMITS));
    assert!(step("KMS key is disabled", false, &LIMITS));
}

#[test]
fn a_failure_that_is_left_alone_for_the_keys_sake_is_no_obstacle() {
    let policy =
        "{version: 1, rules: [{name: a, when: all, replicate-to: [ap-south-1, eu-west-1]}]}";
    let states = [
        ("ap-south-1", Some(("Failed", Some(NAME_TAKEN)))),
        ("eu-west-1", Some(("Failed", None))),
    ];
    // Its key has no counterpart in the Regions, so nothing is asked for there again.
    let key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let secret = Secret {
        encryption: Encryption::from_kms_key_id(Some(key)),
        ..secret("", states)
    };
    let Decision::Act(plan) = decided(policy, &secret, &LIMITS) else {
        panic!("it is covered");
    };
    assert!(
        plan.steps
            .values()
            .all(|step| matches!(step, Step::ReportFailure(..))),
        "{plan:?}"
    );
    let blocked_in_region: Vec<&Region> = plan.blocked_in_region().collect();
    assert_eq!(blocked_in_region, [&region("ap-south-1")]);
}

#[test]
fn a_part_of_the_plan_is_the_plan_in_these_regions() {
    let whole = plan();
    let part = whole.only(&regions(&["ap-south-1", "ca-central-1", "sa-east-1"]));

    let kept: Vec<&Region> = part.steps.keys().collect();
    assert_eq!(kept, [&region("ap-south-1"), &region("ca-central-1")]);
    assert_eq!(
        part.steps[&region("ca-central-1")],
        whole.steps[&region("ca-central-1")]
    );
    assert_eq!(
        (&part.rules, &part.bad_tokens),
        (&whole.rules, &whole.bad_tokens)
    );
    assert!(!part.replicates());
    assert_eq!(part.changes(), 0);
    assert!(whole.only(&regions(&["eu-west-1"])).replicates());
}

#[test]
fn allowed_regions_are_displayed_by_their_codes() {
    let allowed_regions = AllowedRegions::Only(regions(&["eu-west-1", "eu-central-1"]));

    assert_eq!(allowed_regions.to_string(), "eu-central-1 eu-west-1");
    assert_eq!(
        allowed_regions.named_regions(),
        regions(&["eu-west-1", "eu-central-1"])
    );
    assert!(
        allowed_regions.admits(&region("eu-west-1"))
            && !allowed_regions.admits(&region("us-west-2"))
    );
    assert_eq!(AllowedRegions::Any.to_string(), "any");
    assert!(
        AllowedRegions::Any.named_regions().is_empty()
            && AllowedRegions::Any.admits(&region("us-west-2"))
    );
}

#[test]
fn a_quick_sweep_reports_an_unknown_failure_and_still_retries_a_known_one() {
    let network = "Secret replication failed due to a network error";
    let states = [
        ("eu-west-1", Some(("Failed", Some("something new")))),
        ("us-west-2", Some(("Failed", Some(network)))),
        ("ca-central-1", None),
    ];
    let policy = "{version: 1, rules: [{name: a, when: all, \
                  replicate-to: [eu-west-1, us-west-2, ca-central-1]}]}";
    let secret = secret("any", states);
    let Decision::Act(plan) = decided(policy, &secret, &LIMITS) else {
        panic!("it is covered");
    };
    let asked = |plan: &Plan| -> Vec<String> {
        plan.targets()
            .map(|target| target.region().to_string())
            .collect()
    };
    assert_eq!(asked(&plan), ["ca-central-1", "eu-west-1", "us-west-2"]);
    let quick = plan.without_unknown_retries(&secret);
    assert_eq!(asked(&quick), ["ca-central-1", "us-west-2"]);
    assert!(matches!(
        quick.steps[&region("eu-west-1")],
        Step::ReportFailure(FailureReason::ReplicationFailed, _)
    ));
}
