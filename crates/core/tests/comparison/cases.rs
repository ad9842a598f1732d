//! What the lists show of one secret.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use secret_replicator_core::comparison::{
    Comparison, Differences, ListFailure, RegionDifference, SecretDifference, listed_regions,
};
use secret_replicator_core::limits::{AllowedRegions, Limits, RemovalLimit};
use secret_replicator_core::policy;
use secret_replicator_core::secret::{Encryption, Secret};

use crate::lists::{List, sweep};
use crate::{HOME, IRELAND, OREGON, entry, limits, now, region, regions};

/// Compares a secret with the entries of both Regions' lists.
fn compare(primary: Secret, ireland: Vec<Secret>, oregon: Vec<Secret>) -> Comparison {
    let list = |secrets| List::new(secrets, 100);
    let mut replicas = BTreeMap::from([
        (region(IRELAND), list(ireland)),
        (region(OREGON), list(oregon)),
    ]);
    let compared = sweep(&list(vec![primary]), &mut replicas, &[]);
    compared.into_iter().next().unwrap().1
}

fn db() -> Secret {
    entry(HOME, "db", Some(IRELAND))
}

fn replica() -> Secret {
    entry(IRELAND, "db", Some(IRELAND))
}

#[track_caller]
fn assert_differs(comparison: &Comparison, code: &str, difference: RegionDifference) {
    let expected = Differences {
        secret: None,
        regions: [(region(code), difference)].into(),
    };
    assert_eq!(*comparison, Comparison::Differs(expected));
}

#[test]
fn a_replica_with_the_same_version_and_tags_is_in_sync() {
    let in_sync = Comparison::InSync(regions(&[IRELAND]));
    assert_eq!(compare(db(), vec![replica()], vec![]), in_sync);
    let mut tagged = replica();
    tagged
        .tags
        .insert("aws:cloudformation:stack-id".into(), "x".into());
    assert_eq!(compare(db(), vec![tagged], vec![]), in_sync);
    let both = format!("{IRELAND} {HOME}");
    let primary = entry(HOME, "db", Some(&both));
    let replica = entry(IRELAND, "db", Some(&both));
    assert_eq!(compare(primary, vec![replica], vec![]), in_sync);
}

#[test]
fn a_secret_that_no_rule_covers_is_not_compared() {
    let untagged = entry(HOME, "db", None);
    assert_eq!(
        compare(untagged, vec![replica()], vec![]),
        Comparison::NotCovered
    );
    let mut own_replica = db();
    own_replica.primary_region = Some(region(OREGON));
    assert_eq!(compare(own_replica, vec![], vec![]), Comparison::NotCovered);
}

#[test]
fn a_replica_that_the_list_lacks_is_missing() {
    let missing = RegionDifference::Missing;
    assert_differs(&compare(db(), vec![], vec![]), IRELAND, missing);
    let other_suffix = Secret {
        arn: entry(IRELAND, "db-AbCdEf", None).arn,
        ..replica()
    };
    let promoted = Secret {
        primary_region: None,
        ..replica()
    };
    let of_another = Secret {
        primary_region: Some(region(OREGON)),
        ..replica()
    };
    let deleted = Secret {
        scheduled_for_deletion: true,
        ..replica()
    };
    for stranger in [other_suffix, promoted, of_another, deleted] {
        assert_differs(&compare(db(), vec![stranger], vec![]), IRELAND, missing);
    }
}

#[test]
fn a_list_without_a_replica_or_with_another_version_may_contradict_the_status() {
    let may_contradict = |comparison: Comparison| match comparison {
        Comparison::Differs(differences) => differences.may_contradict_status(),
        other => panic!("{other:?}"),
    };
    let mut old = replica();
    old.current_version = Some("v0".into());
    let mut other_tags = replica();
    other_tags.tags.insert("tier".into(), "gold".into());
    assert!(may_contradict(compare(db(), vec![], vec![])));
    assert!(may_contradict(compare(db(), vec![old], vec![])));
    assert!(!may_contradict(compare(db(), vec![other_tags], vec![])));
    let mut young = db();
    young.last_changed = Some(now());
    assert!(!may_contradict(compare(young, vec![], vec![])));
}

#[test]
fn a_replica_with_another_or_no_version_is_not_in_sync() {
    let mut old = replica();
    old.current_version = Some("v0".into());
    assert_differs(
        &compare(db(), vec![old], vec![]),
        IRELAND,
        RegionDifference::OtherVersion,
    );
    let mut unknown = replica();
    unknown.current_version = None;
    let difference = RegionDifference::UnknownVersion;
    assert_differs(&compare(db(), vec![unknown], vec![]), IRELAND, difference);
}

#[test]
fn a_replica_with_other_tags_is_not_in_sync() {
    let mut more = replica();
    more.tags.insert("tier".into(), "1".into());
    let mut other = replica();
    other.tags.insert("replicate-to".into(), OREGON.into());
    for differs in [more, other] {
        let comparison = compare(db(), vec![differs], vec![]);
        assert_differs(&comparison, IRELAND, RegionDifference::OtherTags);
    }
}

#[test]
fn a_replica_that_no_rule_wants_is_a_difference_even_on_a_page_that_no_secret_needs() {
    let unwanted = entry(OREGON, "db", Some(IRELAND));
    let comparison = compare(db(), vec![replica()], vec![unwanted]);
    assert_differs(&comparison, OREGON, RegionDifference::Unwanted);
}

#[test]
fn a_key_that_contradicts_the_policy_is_refused() {
    let mut primary = db();
    primary.encryption = Encryption::from_kms_key_id(Some("mrk-1"));
    let comparison = compare(primary, vec![replica()], vec![]);
    assert_differs(&comparison, IRELAND, RegionDifference::Refused);
}

#[test]
fn a_refused_region_is_a_difference() {
    let tokyo = entry(HOME, "db", Some("ap-northeast-1"));
    let comparison = compare(tokyo, vec![], vec![]);
    assert_differs(&comparison, "ap-northeast-1", RegionDifference::Refused);
}

#[test]
fn a_young_or_valueless_secret_is_never_in_sync() {
    let compare_with = |change: fn(&mut Secret)| {
        let (mut primary, mut replica) = (db(), replica());
        change(&mut primary);
        replica.current_version.clone_from(&primary.current_version);
        replica.tags.clone_from(&primary.tags);
        match compare(primary, vec![replica], vec![]) {
            Comparison::Differs(differences) => differences.secret,
            other => panic!("{other:?}"),
        }
    };
    let young = Some(SecretDifference::Young);
    let ten_minutes = |primary: &mut Secret| {
        primary.last_changed = Some(now() - TimeDelta::minutes(10));
    };
    assert_eq!(compare_with(ten_minutes), young);
    assert_eq!(compare_with(|primary| primary.last_changed = None), young);
    let without_value = |primary: &mut Secret| primary.current_version = None;
    assert_eq!(
        compare_with(without_value),
        Some(SecretDifference::NoCurrentVersion)
    );
    let bad_token = |primary: &mut Secret| {
        primary
            .tags
            .insert("replicate-to".into(), "eu-west-1 eu-wset-1x".into());
    };
    assert_eq!(compare_with(bad_token), Some(SecretDifference::BadToken));
}

#[test]
fn a_list_that_cannot_be_read_hides_its_replicas_only() {
    for failure in [ListFailure::Unreadable, ListFailure::TokenRefused] {
        let both = format!("{IRELAND} {OREGON}");
        let list = |code| List::new(vec![entry(code, "db", Some(&both))], 1);
        let mut replicas = BTreeMap::from([IRELAND, OREGON].map(|code| (region(code), list(code))));
        let denied = replicas.get_mut(&region(OREGON)).unwrap();
        denied.failures.insert(0, (failure, usize::MAX));
        let compared = sweep(&list(HOME), &mut replicas, &[]);
        assert_differs(&compared[0].1.clone(), OREGON, RegionDifference::Unread);
        let tries = if failure == ListFailure::TokenRefused {
            3
        } else {
            1
        };
        assert_eq!(replicas[&region(OREGON)].reads, tries);
    }
}

#[test]
fn the_lists_are_those_of_the_allowed_regions_or_of_the_regions_that_rules_name() {
    let by_tag = policy::DEFAULT_POLICY;
    let by_rule = "version: 1\nrules: [{name: a, when: all, replicate-to: [us-west-2, us-east-1]}]";
    let listed = |text: &str, allowed_regions, removal| {
        let policy = policy::check(text, &AllowedRegions::Any).unwrap().policy;
        let limits = Limits {
            allowed_regions,
            removal,
            ..limits()
        };
        listed_regions(&policy, &limits, &region(HOME))
    };
    let allowed = || AllowedRegions::Only(regions(&[HOME, IRELAND, OREGON, "cn-north-1"]));
    let (never, removes) = (RemovalLimit::Never, RemovalLimit::Allowed);
    assert_eq!(listed(by_tag, AllowedRegions::Any, never), None);
    assert_eq!(
        listed(by_tag, allowed(), never),
        Some(regions(&[IRELAND, OREGON]))
    );
    assert_eq!(
        listed(by_rule, AllowedRegions::Any, never),
        Some(regions(&[OREGON]))
    );
    assert_eq!(listed(by_rule, allowed(), never), Some(regions(&[OREGON])));
    let with_removal = format!("{by_rule}\nremoval: covered");
    assert_eq!(
        listed(&with_removal, allowed(), removes),
        Some(regions(&[IRELAND, OREGON]))
    );
}
