//! Removals: which replicas are unwanted, and what allows to remove them.

use super::*;

/// Returns the Regions whose replicas are to be removed now.
fn removals(plan: &Plan) -> impl Iterator<Item = &Region> {
    let removed = |(region, step)| matches!(step, &Step::Remove(..)).then_some(region);
    plan.steps.iter().filter_map(removed)
}

#[test]
fn unwanted_replicas_are_removed_or_awaited() {
    let plan = plan();

    let removed: BTreeSet<Region> = removals(&plan).cloned().collect();
    assert_eq!(
        removed,
        regions(&["ap-northeast-2", "ap-northeast-3", "us-west-2"])
    );
    let unwanted: BTreeSet<Region> = plan.unwanted().map(|(region, _)| region.clone()).collect();
    let awaited = regions(&["ap-southeast-1"]);
    assert_eq!(unwanted, &removed | &awaited);
}

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
    // The tag, the replicas, and whether a replica that no rule wants may be removed, and one that a
    // rule forbids.
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
        // Not removed itself, but named and refused.
        (
            "eu-west-1 us-west-2",
            with_forbidden("Detached").into(),
            false,
            true,
        ),
        // The secret's own Region is not a mistake. Another partition's Region and an invalid one are.
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
        assert_eq!(allowed(by_rule.clone()), forbidden, "{tag} {states:?}");
        for reason in [RemovalReason::NoLongerTargeted, by_rule] {
            let is_announced = plan.will_remove(&reason);
            assert!(
                is_announced || !plan.may_remove(&reason),
                "{tag} {states:?}"
            );
        }
    }
}

#[test]
fn a_removal_is_announced_if_every_wanted_replica_can_be_in_sync_by_then() {
    let unwanted = ("us-west-2", IN_SYNC);
    let announced = |wanted: &[_]| {
        let states: Vec<_> = wanted.iter().copied().chain([unwanted]).collect();
        let Decision::Act(plan) = decision(BY_TAG, "eu-west-1", states) else {
            panic!("it is covered");
        };
        let reason = RemovalReason::NoLongerTargeted;
        (plan.may_remove(&reason), plan.will_remove(&reason))
    };
    let status = |status| Some((status, None));
    assert_eq!(announced(&[]), (false, true));
    assert_eq!(announced(&[("eu-west-1", IN_SYNC)]), (true, true));
    assert_eq!(
        announced(&[("eu-west-1", status("InProgress"))]),
        (false, true)
    );
    assert_eq!(
        announced(&[("eu-west-1", status("Detached"))]),
        (false, false)
    );
    let taken = Some(("Failed", Some(NAME_TAKEN)));
    assert_eq!(announced(&[("eu-west-1", taken)]), (false, false));
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
fn a_wanted_region_that_is_refused_blocks_removals_unless_its_replica_is_in_sync() {
    let wanted = |refusal: &Refusal, status: Option<ReplicaStatus>| {
        let by_rule = RemovalReason::Forbidden(["not-there".to_owned()].into());
        [RemovalReason::NoLongerTargeted, by_rule]
            .map(|reason| refusal.allows_removal(&reason, status.as_ref()))
    };
    let in_sync = || Some(ReplicaStatus::InSync);
    let failed = || Some(ReplicaStatus::Failed);
    let weaker = Refusal::WeakerEncryption(KmsKey::new(CUSTOMER_KEY));
    let differs = Refusal::KmsKeyDiffers {
        replica: KmsKey::new("alias/a"),
        wanted: KmsKey::new("alias/b"),
    };
    for refusal in [&weaker, &differs] {
        assert_eq!(wanted(refusal, in_sync()), [false, true]);
        assert_eq!(wanted(refusal, failed()), [false, false]);
    }
    assert_eq!(wanted(&weaker, None), [false, true]);
    for status in [None, in_sync(), failed()] {
        assert_eq!(wanted(&Refusal::PromotedReplica, status), [false, false]);
    }
    assert_eq!(wanted(&Refusal::PrimaryRegion, None), [true, true]);
}
