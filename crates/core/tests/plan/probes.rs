//! Steps that depend on what a probe of the Region found.

use super::*;

const NOT_ENABLED: &str = "Region ap-south-1 is not enabled for this account";

const OVERWRITING: &str =
    "{version: 1, rules: [{name: a, when: all, replicate-to: ap-south-1, overwrite: true}]}";

const MAY_OVERWRITE: Limits = Limits {
    overwrite: Overwrite::Allowed,
    ..LIMITS
};

/// The step in ap-south-1 for a secret with this replica there, after a probe.
fn step_after_probe(
    policy: &str,
    state: Option<State>,
    found: Option<RegionalSecret>,
    limits: &Limits,
) -> Step {
    let mut secret = secret("", [("ap-south-1", state)]);
    let found = found.map(|found| (region("ap-south-1"), found));
    secret.probed.extend(found);
    match decided(policy, &secret, limits) {
        Decision::Act(plan) => plan.steps[&region("ap-south-1")].clone(),
        Decision::Skip(reason) => panic!("{reason:?}"),
    }
}

fn our_replica() -> RegionalSecret {
    RegionalSecret::Replica {
        current_version: None,
        created: None,
    }
}

#[test]
fn a_name_that_is_taken_stands_in_the_way_until_a_probe_finds_it_free_ours_or_to_be_overwritten() {
    let requests = |message, found, limits: &Limits| {
        let failed = Some(("Failed", Some(message)));
        let step = step_after_probe(OVERWRITING, failed, found, limits);
        step.target()
            .map(secret_replicator_core::plan::Target::overwrites)
    };
    let absent = || Some(RegionalSecret::Absent);
    let other = || Some(RegionalSecret::OtherSecret);
    for limits in [&LIMITS, &MAY_OVERWRITE] {
        assert_eq!(requests(NAME_TAKEN, None, limits), None);
        assert_eq!(requests(NAME_TAKEN, absent(), limits), Some(false));
        assert_eq!(
            requests(NAME_TAKEN, Some(our_replica()), limits),
            Some(false)
        );
        assert_eq!(requests(NOT_ENABLED, None, limits), None);
        assert_eq!(requests(NOT_ENABLED, absent(), limits), Some(false));
        assert_eq!(requests(NOT_ENABLED, other(), limits), None);
        assert_eq!(requests(ORPHANED, other(), limits), None);
        let key = "KMS key is disabled";
        assert_eq!(requests(key, None, limits), Some(false));
    }
    assert_eq!(requests(NAME_TAKEN, other(), &LIMITS), None);
    assert_eq!(requests(NAME_TAKEN, other(), &MAY_OVERWRITE), Some(true));
}

const ORPHANED: &str = "app is currently replicated to ap-south-1 with a different arn";

#[test]
fn only_another_secret_that_a_probe_found_is_overwritten() {
    let overwrites = |found, limits| {
        let step = step_after_probe(OVERWRITING, None, found, limits);
        step.target().expect("a request").overwrites()
    };
    let other = || Some(RegionalSecret::OtherSecret);
    assert!(overwrites(other(), &MAY_OVERWRITE));
    assert!(!overwrites(other(), &LIMITS));
    for found in [None, Some(RegionalSecret::Absent), Some(our_replica())] {
        assert!(!overwrites(found.clone(), &MAY_OVERWRITE), "{found:?}");
    }
}

#[test]
fn a_replica_of_the_same_secret_from_a_third_region_is_never_overwritten() {
    let secret = secret("", []);
    let there = Secret {
        arn: secret.arn.in_region(&region("ap-south-1")),
        primary_region: Some(region("us-west-2")),
        ..secret.clone()
    };
    let found = RegionalSecret::of(&secret.arn, &there, None);
    assert_eq!(found, RegionalSecret::ReplicaOfAnotherRegion);
    let step = step_after_probe(OVERWRITING, None, Some(found.clone()), &MAY_OVERWRITE);
    assert!(!step.target().expect("a request").overwrites());
    let failed = Some(("Failed", Some(NAME_TAKEN)));
    let step = step_after_probe(OVERWRITING, failed, Some(found), &MAY_OVERWRITE);
    assert!(matches!(step, Step::ReportFailure(..)), "{step:?}");
}

#[test]
fn a_promoted_former_replica_is_refused_in_any_state_of_the_row() {
    let rows = [
        None,
        IN_SYNC,
        Some(("Failed", Some(NAME_TAKEN))),
        Some(("Failed", Some(ORPHANED))),
    ];
    for row in rows {
        let found = Some(RegionalSecret::PromotedReplica);
        let step = step_after_probe(OVERWRITING, row, found, &MAY_OVERWRITE);
        let is_refused = matches!(&step, Step::Refuse(Refusal::PromotedReplica, existing)
            if existing.is_some() == row.is_some());
        assert!(is_refused, "{row:?}: {step:?}");
    }
}

#[test]
fn a_region_is_probed_before_a_request_that_may_overwrite() {
    let probes = |limits| {
        let Decision::Act(plan) = decided(OVERWRITING, &secret("", []), limits) else {
            panic!("it is covered");
        };
        plan.regions_to_probe().count()
    };
    assert_eq!((probes(&MAY_OVERWRITE), probes(&LIMITS)), (1, 0));
}

#[test]
fn a_promoted_former_replica_of_an_earlier_probe_is_refused_and_probed_again() {
    let promoted = BTreeSet::from([region("ap-south-1")]);
    for row in [None, IN_SYNC, Some(("Failed", Some(NAME_TAKEN)))] {
        let mut secret = secret("", [("ap-south-1", row)]);
        secret.note_promoted(&promoted);
        assert_eq!(secret.promoted(), promoted);
        let Decision::Act(plan) = decided(OVERWRITING, &secret, &LIMITS) else {
            panic!("it is covered");
        };
        assert_eq!(plan.targets().count(), 0, "{row:?}");
        let probed: Vec<&Region> = plan.regions_to_probe().collect();
        assert_eq!(probed, [&region("ap-south-1")], "{row:?}");
    }
    let mut secret = secret("", []);
    secret
        .probed
        .insert(region("ap-south-1"), RegionalSecret::OtherSecret);
    assert_eq!(secret.promoted(), BTreeSet::new());
}

#[test]
fn a_read_without_a_value_is_older_than_one_with_a_value() {
    let with_value = secret("", []);
    let without_value = Secret {
        current_version: None,
        ..with_value.clone()
    };
    assert!(without_value.lacks_value_of(&with_value));
    assert!(!with_value.lacks_value_of(&with_value));
    assert!(!with_value.lacks_value_of(&without_value));
    assert!(!without_value.lacks_value_of(&without_value));
}

#[test]
fn a_retry_is_a_change_whether_it_overwrites_a_secret_or_not() {
    let plan = |found| {
        let mut secret = secret("", [("ap-south-1", Some(("Failed", Some(NAME_TAKEN))))]);
        secret.probed.insert(region("ap-south-1"), found);
        match decided(OVERWRITING, &secret, &MAY_OVERWRITE) {
            Decision::Act(plan) => plan.changes(),
            Decision::Skip(reason) => panic!("{reason:?}"),
        }
    };
    for found in [RegionalSecret::OtherSecret, RegionalSecret::Absent] {
        assert_eq!(
            plan(found),
            Changes {
                first: 0,
                repeats: 1
            }
        );
    }
}
