//! The plan for one secret with replicas in every state, and the plan's methods.

#[path = "plan/keys.rs"]
mod keys;
#[path = "plan/leftovers.rs"]
mod leftovers;
#[path = "plan/probes.rs"]
mod probes;
#[path = "plan/removals.rs"]
mod removals;
#[path = "plan/unnamed_regions.rs"]
mod unnamed_regions;

use std::collections::BTreeSet;

use secret_replicator_core::limits::{AllowedRegions, Limits, Overwrite, RemovalLimit};
use secret_replicator_core::plan::{Changes, Decision, Plan, Step, decide};
use secret_replicator_core::policy;
use secret_replicator_core::reason::{FailureReason, Refusal, RemovalReason};
use secret_replicator_core::secret::{
    Encryption, KmsKey, Region, RegionalSecret, Replica, ReplicaStatus, Secret,
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

/// A replica's status, and AWS's message.
type State = (&'static str, Option<&'static str>);

type Replicas = Vec<(&'static str, Option<State>)>;

/// Each Region, the state of its replica, and the expected step.
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

const CUSTOMER_KEY: &str =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

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

/// Returns the decision about a secret in us-east-1 with this tag `replicate-to` and these replicas.
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
fn a_replica_that_comes_or_goes_or_is_repaired_is_a_change() {
    // One is created, three are removed, and one is removed when it is no longer in progress. A failed
    // replica is requested again.
    let Changes { first, repeats } = plan().changes();
    let retries = plan();
    let retries = retries
        .steps
        .values()
        .filter(|step| matches!(step, Step::Retry(_)));
    assert_eq!((first, repeats), (5, retries.count() as u64));
    assert!(repeats > 0);
}

#[test]
fn steps_beyond_the_granted_changes_wait_and_removals_wait_for_them() {
    let plan = plan();
    let all = plan.changes();
    assert!(plan.beyond(all).is_empty());
    let unwanted: BTreeSet<Region> = plan.unwanted().map(|(region, _)| region.clone()).collect();
    let one_less = Changes {
        first: all.first - 1,
        ..all
    };
    let last = plan.beyond(one_less);
    assert_eq!(last.len(), 1);
    assert!(last.is_subset(&unwanted), "{last:?}");
    let without_repeats = plan.beyond(Changes { repeats: 0, ..all });
    assert!(
        without_repeats.is_superset(&unwanted),
        "{without_repeats:?}"
    );
    assert_eq!(
        without_repeats.len() as u64,
        all.repeats + unwanted.len() as u64
    );
    assert_eq!(plan.beyond(Changes::default()).len() as u64, all.total());
}

#[test]
fn only_the_region_of_a_taken_name_is_probed() {
    let probed: Vec<Region> = plan().regions_to_probe().cloned().collect();

    assert_eq!(probed, [region("ap-south-1")]);
}

/// A policy by the tag. It forbids us-west-2, even if the tag names it.
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
fn a_request_is_wanted_still_if_a_later_decision_has_the_same_target() {
    let Decision::Act(plan) = decision(BY_TAG, "eu-west-1", []) else {
        panic!("it is covered");
    };
    let target = plan.targets().next().expect("a target");
    let asks = |decision: Decision| decision.target_like(target).is_some();
    assert!(asks(decision(BY_TAG, "eu-west-1 eu-north-1", [])));
    assert!(!asks(decision(BY_TAG, "eu-north-1", [])));
    assert!(!asks(decision(
        BY_TAG,
        "eu-west-1",
        [("eu-west-1", IN_SYNC)]
    )));
    let nobody = "{version: 1, rules: [{name: a, when: {tags: {b: c}}, replicate-to: eu-west-1}]}";
    assert!(!asks(decision(nobody, "eu-west-1", [])));
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
    assert_eq!(part.changes(), Changes::default());
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
