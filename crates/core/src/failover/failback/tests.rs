use super::super::tests::{PRIMARY, THERE, region, secret};
use super::*;
use crate::secret::{Encryption, Replica, ReplicaStatus};

fn versions(ids: &[&str]) -> Vec<Version> {
    let version = |id: &&str| Version {
        id: (*id).to_owned(),
        labels: BTreeSet::new(),
        created: None,
    };
    ids.iter().map(version).collect()
}

fn with_version(in_region: &str, id: &str) -> Secret {
    let mut secret = secret("db", in_region, None);
    secret.current_version = Some(id.to_owned());
    secret
}

/// Compares secrets of which the last version is the current one.
fn compared(old: &[&str], new: &[&str], at_promotion: Option<&str>) -> WayBack {
    let arn = secret("db", PRIMARY, None).arn;
    let (old_secret, new_secret) = (
        with_version(PRIMARY, old.last().unwrap()),
        with_version(THERE, new.last().unwrap()),
    );
    let (old, new) = (versions(old), versions(new));
    let old = Side {
        secret: &old_secret,
        versions: &old,
    };
    let new = Side {
        secret: &new_secret,
        versions: &new,
    };
    let at_promotion = at_promotion.map(|version| AtPromotion {
        version: version.to_owned(),
        kms_key: None,
    });
    let there = region(THERE);
    way_back(&arn, &there, Some(old), Some(new), at_promotion.as_ref())
}

fn newer_of(old: &[&str], new: &[&str], at_promotion: Option<&str>) -> Newer {
    match compared(old, new, at_promotion).standing {
        Standing::Apart { newer } => newer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_versions_of_both_sides_show_which_value_is_newer() {
    assert_eq!(newer_of(&["v1"], &["v1"], None), Newer::Same);
    assert_eq!(newer_of(&["v1"], &["v1", "v2"], None), Newer::Promoted);
    assert_eq!(newer_of(&["v1", "v2"], &["v1"], None), Newer::OldPrimary);
    assert_eq!(newer_of(&["v1", "v2"], &["v1", "v3"], None), Newer::Unknown);
    // AWS deletes old versions. The state file remembers the one at the promotion.
    assert_eq!(newer_of(&["v1"], &["v3"], None), Newer::Unknown);
    assert_eq!(newer_of(&["v1"], &["v3"], Some("v1")), Newer::Promoted);
    assert_eq!(newer_of(&["v3"], &["v1"], Some("v1")), Newer::OldPrimary);
    assert_eq!(newer_of(&["v2"], &["v3"], Some("v1")), Newer::Unknown);
    // An owner returned to an older version on each side.
    assert_eq!(newer_of(&["v2", "v1"], &["v1", "v2"], None), Newer::Unknown);
}

#[test]
fn a_labeled_version_that_only_the_promoted_secret_has_is_not_lost() {
    let arn = secret("db", PRIMARY, None).arn;
    let (old, new) = (with_version(PRIMARY, "v1"), with_version(THERE, "v1"));
    let of_old = versions(&["v1"]);
    let deprecated = versions(&["v1", "v2"]);
    let mut pending = deprecated.clone();
    pending[1].labels.insert("AWSPENDING".to_owned());
    let way = |of_new: &[Version]| {
        let old = Side {
            secret: &old,
            versions: &of_old,
        };
        let new = Side {
            secret: &new,
            versions: of_new,
        };
        way_back(&arn, &region(THERE), Some(old), Some(new), None)
    };
    let unknown = way(&pending);
    let newer = Newer::Unknown;
    assert_eq!(unknown.standing, Standing::Apart { newer });
    assert!(unknown.steps.iter().all(|step| !step.destroys()));
    assert!(way(&deprecated).steps.iter().any(Step::destroys));
}

fn side(secret: &Secret) -> Side<'_> {
    Side {
        secret,
        versions: &[],
    }
}

/// Returns the way back of a promoted secret in its recovery window, by the versions that both sides have had.
fn in_recovery(old: &[&str], new: &[&str]) -> WayBack {
    let arn = secret("db", PRIMARY, None).arn;
    let old_secret = with_version(PRIMARY, old.last().unwrap());
    let mut new_secret = with_version(THERE, new.last().unwrap());
    new_secret.scheduled_for_deletion = true;
    let (old, new) = (versions(old), versions(new));
    let old = Side {
        secret: &old_secret,
        versions: &old,
    };
    let new = Side {
        secret: &new_secret,
        versions: &new,
    };
    let way = way_back(&arn, &region(THERE), Some(old), Some(new), None);
    assert_eq!(way.standing, Standing::ScheduledForDeletion);
    way
}

fn commands(way: &WayBack) -> Vec<String> {
    way.steps.iter().filter_map(Step::command).collect()
}

#[test]
fn during_the_recovery_window_the_replication_waits_for_its_end() {
    for (old, new) in [(&["v1"][..], &["v1"][..]), (&["v1", "v2"], &["v1"])] {
        let way = in_recovery(old, new);
        assert_eq!(way.next_call(), None, "the name is not free");
        assert!(way.steps[0].text().contains("recovery window"), "{way:?}");
        assert!(commands(&way)[0].contains("replicate-secret-to-regions"));
    }
}

#[test]
fn a_newer_value_in_its_recovery_window_is_restored_and_an_unknown_one_is_its_owners() {
    let newer = in_recovery(&["v1"], &["v1", "v2"]);
    assert!(matches!(newer.next_call(), Some(SafeCall::Restore(_))));
    let unknown = in_recovery(&["v2"], &["v3"]);
    assert_eq!(unknown.next_call(), None);
    assert!(commands(&unknown)[0].contains("restore-secret"));
}

#[test]
fn a_call_is_made_only_when_no_step_of_a_person_comes_before_it() {
    let arn = secret("db", PRIMARY, None).arn;
    let there = region(THERE);
    let old = with_version(PRIMARY, "v1");
    let way = |old: &Secret| way_back(&arn, &there, Some(side(old)), None, None);
    let Some(SafeCall::Replicate(replication)) = way(&old).next_call().cloned() else {
        panic!("{:?}", way(&old))
    };
    assert_eq!((replication.primary(), replication.to()), (&arn, &there));
    assert_eq!(replication.kms_key(), None);

    let mut listed = old.clone();
    let entry = Replica {
        status: ReplicaStatus::InSync,
        message: None,
        kms_key: None,
    };
    listed.replicas.insert(there.clone(), entry);
    assert_eq!(way(&listed).next_call(), None, "the entry is removed first");
    assert_eq!(way(&listed).steps.iter().filter_map(Step::call).count(), 1);

    let deleted = Secret {
        scheduled_for_deletion: true,
        ..old.clone()
    };
    assert!(matches!(
        way(&deleted).next_call(),
        Some(SafeCall::Restore(_))
    ));
    for other in [
        Secret {
            current_version: None,
            ..old.clone()
        },
        secret("db", PRIMARY, Some("us-west-2")),
    ] {
        assert!(way(&other).steps.iter().all(|step| step.call().is_none()));
    }
    let apart = compared(&["v1"], &["v1"], None);
    assert_eq!(apart.next_call(), None, "the promoted secret is there");
}

#[test]
fn the_key_of_the_promoted_replica_returns_and_an_unknown_one_is_a_persons() {
    let arn = secret("db", PRIMARY, None).arn;
    let mut old = with_version(PRIMARY, "v1");
    old.encryption = Encryption::CustomerKey(KmsKey::new("alias/shop"));
    let way = |at: Option<&AtPromotion>| way_back(&arn, &region(THERE), Some(side(&old)), None, at);
    let unknown = way(None);
    assert_eq!(unknown.next_call(), None);
    assert!(commands(&unknown)[0].ends_with("Region=eu-west-1,KmsKeyId=KEY"));
    let known = AtPromotion {
        version: "v1".to_owned(),
        kms_key: Some(KmsKey::new("alias/there")),
    };
    let known = way(Some(&known));
    assert!(known.next_call().is_some());
    assert!(commands(&known)[0].ends_with("Region=eu-west-1,KmsKeyId=alias/there"));
}

#[test]
fn a_version_that_the_old_primary_secret_has_is_not_put_again() {
    let way = compared(&["v2", "v1"], &["v1", "v2"], None);
    let commands = commands(&way);
    let moved = "--remove-from-version-id v1 --move-to-version-id v2";
    assert!(commands[0].ends_with(moved), "{commands:?}");
    assert!(way.steps.iter().all(|step| !step.destroys()));
}

#[test]
fn a_secret_that_neither_region_has_is_not_replicated() {
    let arn = secret("db", PRIMARY, None).arn;
    let way = way_back(&arn, &region(THERE), None, None, None);
    assert_eq!(way.standing, Standing::Gone);
    assert!(commands(&way).is_empty(), "{way:?}");
    let mut other = secret("db", PRIMARY, None);
    other.arn = SecretArn::parse(&other.arn.as_str().replace("AbCdEf", "Others")).unwrap();
    let mut there = other.clone();
    there.arn = other.arn.in_region(&region(THERE));
    let primary = secret("db", PRIMARY, None);
    for (old, new) in [(&other, None), (&primary, Some(side(&there)))] {
        let way = way_back(&arn, &region(THERE), Some(side(old)), new, None);
        assert_eq!(way.standing, Standing::NameTaken);
        assert_eq!(way.next_call(), None);
    }
}

#[test]
fn a_newer_value_moves_before_anything_is_deleted() {
    for (old, new) in [(&["v1"][..], &["v1", "v2"][..]), (&["v2"], &["v3"])] {
        let way = compared(old, new, None);
        assert!(way.steps.iter().all(|step| !step.destroys()), "{way:?}");
        let commands = commands(&way);
        assert!(
            commands[0].contains("put-secret-value --region us-east-1"),
            "{commands:?}"
        );
    }
    let way = compared(&["v1"], &["v1"], None);
    let destroys: Vec<bool> = way.steps.iter().map(Step::destroys).collect();
    assert_eq!(destroys, [false, true, false]);
}

#[test]
fn an_entry_of_the_old_primary_secret_is_removed_only_after_the_promoted_secret() {
    let arn = secret("db", PRIMARY, None).arn;
    let there = region(THERE);
    let (mut old, new) = (secret("db", PRIMARY, None), secret("db", THERE, None));
    let entry = Replica {
        status: ReplicaStatus::InSync,
        message: None,
        kms_key: None,
    };
    old.replicas.insert(there.clone(), entry);
    let calls = |promoted| {
        let way = way_back(&arn, &there, Some(side(&old)), promoted, None);
        let commands = commands(&way).into_iter();
        let call = |command: String| command.split(' ').nth(2).map(str::to_owned);
        commands.filter_map(call).collect::<Vec<_>>()
    };
    let again = [
        "remove-regions-from-replication",
        "replicate-secret-to-regions",
    ];
    let apart = calls(Some(side(&new)));
    assert_eq!(apart[0], "delete-secret");
    assert_eq!(apart[1..], again);
    assert_eq!(calls(None), again);
}

#[test]
fn the_replicas_of_a_promoted_secret_are_removed_before_it_is_deleted() {
    let arn = secret("db", PRIMARY, None).arn;
    let (old, mut new) = (secret("db", PRIMARY, None), secret("db", THERE, None));
    let replica = Replica {
        status: ReplicaStatus::InSync,
        message: None,
        kms_key: None,
    };
    new.replicas.insert(region("ap-south-1"), replica.clone());
    new.replicas.insert(region(PRIMARY), replica);
    let way = way_back(
        &arn,
        &region(THERE),
        Some(side(&old)),
        Some(side(&new)),
        None,
    );
    let commands = commands(&way);
    let removal = format!("remove-regions-from-replication --region {THERE}");
    assert!(commands[0].contains(&removal), "{commands:?}");
    assert!(
        commands[0].ends_with("--remove-replica-regions ap-south-1"),
        "{commands:?}"
    );
    assert!(commands[1].contains("delete-secret"), "{commands:?}");
    assert_eq!(way.next_call(), None, "it destroys the replicas");
    let support =
        |step: &Step| matches!(step, Step::Person { text, .. } if text.contains("ask AWS Support"));
    assert!(way.steps.iter().any(support), "{way:?}");
}

#[test]
fn a_side_that_is_a_replica_again_needs_nothing() {
    let arn = secret("db", PRIMARY, None).arn;
    let (old, new) = (
        secret("db", PRIMARY, None),
        secret("db", THERE, Some(PRIMARY)),
    );
    let (there, standalone) = (region(THERE), secret("db", THERE, None));
    let way = way_back(&arn, &there, Some(side(&old)), Some(side(&new)), None);
    assert_eq!((way.standing, way.steps), (Standing::Restored, vec![]));
    let way = way_back(&arn, &there, None, Some(side(&standalone)), None);
    assert_eq!(way.standing, Standing::NoOldPrimary);
    assert!(way.steps.iter().all(|step| !step.destroys()));
    let way = way_back(&arn, &there, Some(side(&old)), None, None);
    assert_eq!(way.standing, Standing::NoPromoted);
}
