//! The states of a replica, from the request to its removal.

use std::time::Duration;

use secret_replicator_emulator::{
    FailedReplicas, KeyState, PromotedReplicas, RegionNotEnabled, RemovedReplicas, SecretSeed,
    SecretWithoutValue, WorldSettings,
};
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, OREGON, app, replication};

const REPLICATE: &str = "ReplicateSecretToRegions";

#[test]
fn a_replica_is_in_progress_first_and_in_sync_after_the_delay() {
    let mut aws = Clocked::new();
    let arn = aws.seed(app());
    let answer = aws.replicate("app", &[IRELAND]);
    let row = json!({
        "Region": IRELAND,
        "KmsKeyId": "alias/aws/secretsmanager",
        "Status": "InProgress",
    });
    assert_eq!(answer, json!({"ARN": arn, "ReplicationStatus": [row]}));
    aws.pass(999);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    aws.pass(1);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn a_taken_name_fails_the_replica_unless_it_is_overwritten() {
    for (force, status, value) in [(false, "Failed", "other"), (true, "InSync", "mine")] {
        let mut aws = Clocked::new();
        aws.seed(app().with_value("mine"));
        aws.seed(SecretSeed::new(IRELAND, "app").with_value("other"));
        let mut body = replication("app", &[IRELAND, OREGON]);
        body["ForceOverwriteReplicaSecret"] = json!(force);
        aws.ok(HOME, REPLICATE, &body);
        aws.pass(1000);
        assert_eq!(aws.status("app", IRELAND), status);
        assert_eq!(aws.status("app", OREGON), "InSync");
        assert_eq!(aws.value(IRELAND, "app"), value);
        assert_eq!(aws.world.secrets(aws.now, IRELAND).len(), 1);
    }
}

#[test]
fn an_ex_replica_resists_overwriting_until_it_is_made_standalone_and_deleted() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.seed(SecretSeed::new(IRELAND, "app").with_replica_of("ap-south-1"));
    let mut body = replication("app", &[IRELAND]);
    body["ForceOverwriteReplicaSecret"] = json!(true);
    aws.ok(HOME, REPLICATE, &body);
    aws.pass(1000);
    let row = aws.row("app", IRELAND);
    assert_eq!(row.status, "Failed");
    let message = row.status_message.unwrap();
    assert!(
        message.contains("is currently replicated to eu-west-1 with a different arn"),
        "{message}"
    );
    let id = json!({"SecretId": "app"});
    aws.ok(IRELAND, "StopReplicationToReplica", &id);
    aws.delete(IRELAND, "app");
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn each_state_of_a_key_ends_as_it_does_on_aws() {
    let mut aws = Clocked::new();
    let later = aws.now + Duration::from_secs(10);
    let missing = "The KMS key is disabled or not found.";
    let denied = "No permissions available on the KMS key to complete the replication.";
    for (name, state, message) in [
        ("usable", Some(KeyState::Usable), None),
        ("disabled", Some(KeyState::Disabled), Some(missing)),
        ("unlisted", None, Some(missing)),
        ("denied", Some(KeyState::Denied), Some(denied)),
        (
            "young",
            Some(KeyState::UsableFrom(later)),
            Some("The KMS key is still being created."),
        ),
    ] {
        let key = format!("alias/{name}");
        if let Some(state) = state {
            aws.world.set_key(IRELAND, &key, state);
        }
        aws.seed(SecretSeed::new(HOME, name));
        let row = aws.replicated_with_key(name, IRELAND, &key);
        let status = message.map_or("InSync", |_| "Failed");
        assert_eq!(row.status, status, "{key}");
        assert_eq!(row.kms_key_id, key);
        let expected = message.map_or("Replication succeeded".to_owned(), |message| {
            format!("Replication failed: {message}")
        });
        assert_eq!(row.status_message, Some(expected), "{key}");
    }
    aws.pass(10_000);
    let healed = aws.replicated_with_key("young", IRELAND, "alias/young");
    assert_eq!(healed.status, "InSync");
}

#[test]
fn a_key_is_known_by_id_and_by_the_arn_of_its_own_region_only() {
    let mut aws = Clocked::new();
    aws.world.set_key(IRELAND, "mrk-1", KeyState::Usable);
    for (region, key, works) in [
        (IRELAND, "mrk-1", true),
        (
            IRELAND,
            "arn:aws:kms:eu-west-1:123456789012:key/mrk-1",
            true,
        ),
        (
            IRELAND,
            "arn:aws:kms:us-east-1:123456789012:key/mrk-1",
            false,
        ),
        (HOME, "mrk-1", false),
        (IRELAND, "alias/aws/secretsmanager", true),
        (IRELAND, "aws/secretsmanager", false),
    ] {
        assert_eq!(aws.world.key_works(aws.now, region, key), works, "{key}");
    }
}

#[test]
fn a_primary_whose_own_key_cannot_decrypt_fails_to_replicate() {
    let mut aws = Clocked::new();
    aws.seed(app().with_kms_key_id("alias/app"));
    aws.world.set_key(HOME, "alias/app", KeyState::Denied);
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "Failed");
}

#[test]
fn a_region_that_is_not_enabled_fails_later_or_refuses_the_call() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.replicate("app", &["af-south-1"]);
    aws.pass(1000);
    let message = aws.row("app", "af-south-1").status_message.unwrap();
    assert!(message.contains("not enabled the Region"), "{message}");

    let mut aws = Clocked::with(WorldSettings {
        region_not_enabled: RegionNotEnabled::RefusesCall,
        ..WorldSettings::default()
    });
    aws.seed(app());
    let body = replication("app", &[IRELAND, "af-south-1"]);
    let error = "InvalidParameterException: Invalid replica region.";
    aws.fails(HOME, REPLICATE, &body, error);
    assert_eq!(aws.world.replicas(aws.now, HOME, "app"), []);
}

#[test]
fn a_failed_replica_without_a_version_stays_or_disappears_as_set() {
    for (setting, rows) in [(FailedReplicas::Kept, 1), (FailedReplicas::Dropped, 0)] {
        let mut aws = Clocked::with(WorldSettings {
            failed_replicas: setting,
            ..WorldSettings::default()
        });
        aws.seed(app());
        aws.replicate("app", &["af-south-1"]);
        aws.pass(1000);
        assert_eq!(aws.world.replicas(aws.now, HOME, "app").len(), rows);
        assert_eq!(aws.world.secrets(aws.now, "af-south-1"), []);
    }
}

#[test]
fn a_replica_that_fails_later_keeps_its_row_and_its_versions() {
    let mut aws = Clocked::with(WorldSettings {
        failed_replicas: FailedReplicas::Dropped,
        ..WorldSettings::default()
    });
    aws.seed(app().with_value("old"));
    aws.world.set_key(IRELAND, "alias/app", KeyState::Usable);
    aws.replicated_with_key("app", IRELAND, "alias/app");
    aws.world.set_key(IRELAND, "alias/app", KeyState::Disabled);
    aws.put_value("app", "new");
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "Failed");
    assert_eq!(aws.value(IRELAND, "app"), "old");
}

#[test]
fn a_secret_without_value_waits_in_progress_or_refuses_the_call() {
    let mut aws = Clocked::new();
    aws.seed(app().without_value());
    aws.replicate("app", &[IRELAND]);
    aws.pass(3_600_000);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    aws.put_value("app", "v");
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");

    let mut aws = Clocked::with(WorldSettings {
        secret_without_value: SecretWithoutValue::RefusesCall,
        ..WorldSettings::default()
    });
    aws.seed(app().without_value());
    let body = replication("app", &[IRELAND]);
    aws.fails(HOME, REPLICATE, &body, "InvalidRequestException: ");
}

#[test]
fn a_change_of_value_or_tags_reaches_the_replica_after_the_delay() {
    let mut aws = Clocked::new();
    aws.seed(app().with_value("old").with_replica_in(IRELAND));
    aws.put_value("app", "new");
    let tag = json!({"SecretId": "app", "Tags": [{"Key": "tier", "Value": "0"}]});
    aws.ok(HOME, "TagResource", &tag);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    assert_eq!(aws.value(IRELAND, "app"), "old");
    aws.pass(1000);
    assert_eq!(aws.value(IRELAND, "app"), "new");
    let replica = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    assert_eq!(replica.tags.len(), 1);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn a_removed_replica_is_shown_until_it_is_gone_a_minute_later() {
    for (setting, status) in [
        (RemovedReplicas::Shown, "InProgress"),
        (RemovedReplicas::ShownAsBefore, "InSync"),
    ] {
        let mut aws = Clocked::with(WorldSettings {
            removed_replicas: setting,
            ..WorldSettings::default()
        });
        aws.seed(app().with_replica_in(IRELAND).with_replica_in(OREGON));
        aws.remove("app", &[IRELAND]);
        aws.pass(59_999);
        assert_eq!(aws.status("app", IRELAND), status);
        assert_eq!(aws.world.secrets(aws.now, IRELAND).len(), 1);
        aws.pass(1);
        assert_eq!(aws.world.replicas(aws.now, HOME, "app").len(), 1);
        assert_eq!(aws.world.secrets(aws.now, IRELAND), []);
        assert_eq!(aws.status("app", OREGON), "InSync");
    }
}

#[test]
fn a_removed_replica_is_not_listed_any_more_and_lives_on_in_its_region_for_a_minute() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    let answer = aws.remove("app", &[IRELAND]);
    assert_eq!(answer["ReplicationStatus"], json!([]));
    aws.pass(59_999);
    let replica = aws.describe(IRELAND, "app");
    assert_eq!(replica["PrimaryRegion"], HOME);
    aws.pass(1);
    assert_eq!(aws.world.secrets(aws.now, IRELAND), []);
}

#[test]
fn a_primary_that_is_deleted_during_the_removal_leaves_a_standalone_secret() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    aws.remove("app", &[IRELAND]);
    aws.delete(HOME, "app");
    aws.pass(60_000);
    let stranded = aws.describe(IRELAND, "app");
    assert_eq!(stranded.get("PrimaryRegion"), None);
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf";
    assert_eq!(stranded["ARN"], arn);
}

#[test]
fn a_replica_has_the_version_ids_of_its_primary() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    aws.put_value("app", "new");
    let versions =
        |aws: &mut Clocked, region| aws.describe(region, "app")["VersionIdsToStages"].clone();
    let new = versions(&mut aws, HOME);
    assert_ne!(versions(&mut aws, IRELAND), new);
    aws.pass(1000);
    assert_eq!(versions(&mut aws, IRELAND), new);
}

#[test]
fn stopping_replication_makes_the_replica_a_standalone_secret() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    let id = json!({"SecretId": "app"});
    let answer = aws.ok(IRELAND, "StopReplicationToReplica", &id);
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf";
    assert_eq!(answer, json!({"ARN": arn}));
    assert_eq!(aws.describe(IRELAND, "app").get("PrimaryRegion"), None);
    assert_eq!(aws.world.replicas(aws.now, HOME, "app"), []);
    let error = "InvalidParameterException: Operation only permitted on a replica secret.";
    aws.fails(IRELAND, "StopReplicationToReplica", &id, error);
}

#[test]
fn a_primary_secret_may_list_a_promoted_replica_as_before_and_never_overwrites_it() {
    let settings = |promoted_replicas| WorldSettings {
        promoted_replicas,
        ..WorldSettings::default()
    };
    for (setting, is_suspended) in [
        (PromotedReplicas::ShownAsBefore, false),
        (PromotedReplicas::Hidden, true),
    ] {
        let mut aws = Clocked::with(settings(setting));
        aws.seed(SecretSeed::new(IRELAND, "app"));
        aws.seed(app());
        let mut body = replication("app", &[IRELAND]);
        body["ForceOverwriteReplicaSecret"] = json!(true);
        aws.ok(HOME, REPLICATE, &body);
        aws.pass(1000);
        if is_suspended {
            aws.world.suspend(aws.now, HOME);
        }
        aws.ok(
            IRELAND,
            "StopReplicationToReplica",
            &json!({"SecretId": "app"}),
        );
        aws.world.resume(aws.now, HOME);
        assert_eq!(aws.status("app", IRELAND), "InSync");
        let promoted = aws.describe(IRELAND, "app");
        let value = json!({"SecretId": "app", "SecretString": "new"});
        aws.ok(HOME, "PutSecretValue", &value);
        aws.pass(1000);
        assert_eq!(aws.status("app", IRELAND), "Failed");
        assert_eq!(aws.describe(IRELAND, "app"), promoted);
    }
}

#[test]
fn any_status_can_be_forced_on_a_replica_until_the_next_call_changes_it() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.replicate("app", &[IRELAND]);
    aws.world
        .force_status(aws.now, HOME, "app", IRELAND, "Detached", Some("why"));
    aws.pass(5000);
    assert_eq!(aws.status("app", IRELAND), "Detached");
    let described = aws.describe(HOME, "app");
    assert_eq!(described["ReplicationStatus"][0]["StatusMessage"], "why");
    aws.remove("app", &[IRELAND]);
    assert_eq!(aws.world.replicas(aws.now, HOME, "app"), []);
}
