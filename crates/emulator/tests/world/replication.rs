//! How a replica comes to be in sync or to fail, and how it goes.

use std::time::Duration;

use secret_replicator_emulator::{
    FailedReplicas, KeyState, RegionNotEnabled, RemovedReplicas, SecretSeed, SecretWithoutValue,
    WorldSettings,
};
use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, OREGON, app, replication};

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
    let row = aws.row("app", IRELAND);
    assert_eq!(row.status, "InSync");
    assert_eq!(row.status_message.as_deref(), Some("Replication succeeded"));
}

#[test]
fn a_replica_has_the_primary_s_suffix_tags_and_value_and_names_its_primary() {
    let mut aws = Clocked::new();
    aws.seed(app().with_tag("tier", "1").with_value("v"));
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    let replica = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    assert!(
        replica
            .arn
            .ends_with(":eu-west-1:123456789012:secret:app-AbCdEf")
    );
    assert_eq!(replica.tags, [("tier".to_owned(), "1".to_owned())]);
    assert_eq!(replica.value.as_deref(), Some("v"));
    let described = aws.describe(IRELAND, "app");
    assert_eq!(described["PrimaryRegion"], HOME);
    assert_eq!(described["KmsKeyId"], "alias/aws/secretsmanager");
    assert_eq!(described.get("ReplicationStatus"), None);
}

#[test]
fn a_primary_names_itself_as_primary_only_while_it_has_replicas() {
    let mut aws = Clocked::new();
    aws.seed(app());
    assert_eq!(aws.describe(HOME, "app").get("PrimaryRegion"), None);
    assert_eq!(aws.describe(HOME, "app").get("ReplicationStatus"), None);
    aws.replicate("app", &[IRELAND]);
    assert_eq!(aws.describe(HOME, "app")["PrimaryRegion"], HOME);
}

#[test]
fn a_taken_name_fails_the_replica_and_leaves_the_other_region_alone() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.seed(SecretSeed::new(IRELAND, "app").with_value("other"));
    aws.replicate("app", &[IRELAND, OREGON]);
    aws.pass(1000);
    let row = aws.row("app", IRELAND);
    assert_eq!(row.status, "Failed");
    assert_eq!(
        row.status_message.as_deref(),
        Some("Replication failed: Secret name app already exists in region eu-west-1.")
    );
    assert_eq!(aws.status("app", OREGON), "InSync");
    let other = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    assert_eq!(other.value.as_deref(), Some("other"));
}

#[test]
fn force_overwrite_replaces_the_secret_that_has_the_name() {
    let mut aws = Clocked::new();
    aws.seed(app().with_value("mine"));
    aws.seed(SecretSeed::new(IRELAND, "app").with_value("other"));
    let mut body = replication("app", &[IRELAND]);
    body["ForceOverwriteReplicaSecret"] = json!(true);
    aws.ok(HOME, "ReplicateSecretToRegions", &body);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
    let replica = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    assert_eq!(replica.value.as_deref(), Some("mine"));
    assert_eq!(aws.world.secrets(aws.now, IRELAND).len(), 1);
}

#[test]
fn an_ex_replica_resists_overwriting_until_it_is_made_standalone_and_deleted() {
    let mut aws = Clocked::new();
    aws.seed(app());
    aws.seed(SecretSeed::new(IRELAND, "app").with_replica_of("ap-south-1"));
    let mut body = replication("app", &[IRELAND]);
    body["ForceOverwriteReplicaSecret"] = json!(true);
    aws.ok(HOME, "ReplicateSecretToRegions", &body);
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
    let force = json!({"SecretId": "app", "ForceDeleteWithoutRecovery": true});
    aws.ok(IRELAND, "DeleteSecret", &force);
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn each_state_of_a_key_ends_as_it_does_on_aws() {
    let mut aws = Clocked::new();
    let later = aws.now + Duration::from_secs(10);
    for (key, state) in [
        ("alias/usable", KeyState::Usable),
        ("alias/disabled", KeyState::Disabled),
        ("alias/denied", KeyState::Denied),
        ("alias/young", KeyState::UsableFrom(later)),
    ] {
        aws.world.set_key(IRELAND, key, state);
    }
    for (key, status, message) in [
        ("alias/usable", "InSync", "Replication succeeded"),
        ("alias/disabled", "Failed", "disabled or not found"),
        ("alias/unlisted", "Failed", "disabled or not found"),
        (
            "alias/denied",
            "Failed",
            "No permissions available on the KMS key to complete the replication",
        ),
        ("alias/young", "Failed", "still being created"),
    ] {
        aws.seed(SecretSeed::new(HOME, key.replace("alias/", "")));
        let row = aws.replicated_with_key(&key.replace("alias/", ""), IRELAND, key);
        assert_eq!(row.status, status, "{key}");
        assert_eq!(row.kms_key_id, key);
        let text = row.status_message.unwrap();
        assert!(text.contains(message), "{key}: {text}");
    }
    aws.pass(10_000);
    let healed = aws.replicated_with_key("young", IRELAND, "alias/young");
    assert_eq!(healed.status, "InSync");
}

#[test]
fn a_multi_region_key_must_exist_in_the_replica_s_region() {
    let mut aws = Clocked::new();
    let key = "mrk-1234abcd12ab34cd56ef1234567890ab";
    aws.seed(app().with_kms_key_id(key));
    assert_eq!(
        aws.replicated_with_key("app", IRELAND, key).status,
        "Failed"
    );
    aws.world.set_key(OREGON, key, KeyState::Usable);
    assert_eq!(aws.replicated_with_key("app", OREGON, key).status, "InSync");
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
    let error = aws.error(HOME, "ReplicateSecretToRegions", &body);
    assert_eq!(error, "InvalidParameterException: Invalid replica region.");
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
    let put = json!({"SecretId": "app", "SecretString": "new"});
    aws.ok(HOME, "PutSecretValue", &put);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "Failed");
    let replica = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    assert_eq!(replica.value.as_deref(), Some("old"));
}

#[test]
fn a_secret_without_value_waits_in_progress_until_the_value_arrives() {
    let mut aws = Clocked::new();
    aws.seed(app().without_value());
    aws.replicate("app", &[IRELAND]);
    aws.pass(3_600_000);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    let put = json!({"SecretId": "app", "SecretString": "v"});
    aws.ok(HOME, "PutSecretValue", &put);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn a_secret_without_value_can_be_set_to_refuse_the_call() {
    let mut aws = Clocked::with(WorldSettings {
        secret_without_value: SecretWithoutValue::RefusesCall,
        ..WorldSettings::default()
    });
    aws.seed(app().without_value());
    let body = replication("app", &[IRELAND]);
    let error = aws.error(HOME, "ReplicateSecretToRegions", &body);
    assert!(error.starts_with("InvalidRequestException: "), "{error}");
}

#[test]
fn a_change_of_value_or_tags_reaches_the_replica_after_the_delay() {
    let mut aws = Clocked::new();
    aws.seed(app().with_value("old").with_replica_in(IRELAND));
    let put = json!({"SecretId": "app", "SecretString": "new"});
    aws.ok(HOME, "PutSecretValue", &put);
    let tag = json!({"SecretId": "app", "Tags": [{"Key": "tier", "Value": "0"}]});
    aws.ok(HOME, "TagResource", &tag);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    let replica = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    assert_eq!(replica.value.as_deref(), Some("old"));
    aws.pass(1000);
    let replica = aws.world.secret(aws.now, IRELAND, "app").unwrap();
    assert_eq!(replica.value.as_deref(), Some("new"));
    assert_eq!(replica.tags.len(), 1);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn a_removed_replica_is_shown_until_it_is_gone_a_minute_later() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND).with_replica_in(OREGON));
    let body = json!({"SecretId": "app", "RemoveReplicaRegions": [IRELAND]});
    aws.ok(HOME, "RemoveRegionsFromReplication", &body);
    aws.pass(59_999);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    assert_eq!(aws.world.secrets(aws.now, IRELAND).len(), 1);
    aws.pass(1);
    assert_eq!(aws.world.replicas(aws.now, HOME, "app").len(), 1);
    assert_eq!(aws.world.secrets(aws.now, IRELAND), []);
    assert_eq!(aws.status("app", OREGON), "InSync");
}

#[test]
fn a_removed_replica_can_be_set_to_be_hidden_at_once() {
    let mut aws = Clocked::with(WorldSettings {
        removed_replicas: RemovedReplicas::Hidden,
        ..WorldSettings::default()
    });
    aws.seed(app().with_replica_in(IRELAND));
    let body = json!({"SecretId": "app", "RemoveReplicaRegions": [IRELAND]});
    let answer = aws.ok(HOME, "RemoveRegionsFromReplication", &body);
    assert_eq!(answer["ReplicationStatus"], json!([]));
    assert_eq!(aws.world.secrets(aws.now, IRELAND).len(), 1);
    // The primary may go meanwhile; its replica still does.
    let force = json!({"SecretId": "app", "ForceDeleteWithoutRecovery": true});
    aws.ok(HOME, "DeleteSecret", &force);
    aws.pass(60_000);
    assert_eq!(aws.world.secrets(aws.now, IRELAND), []);
}

#[test]
fn stopping_replication_makes_the_replica_a_secret_of_its_own() {
    let mut aws = Clocked::new();
    aws.seed(app().with_replica_in(IRELAND));
    let id = json!({"SecretId": "app"});
    let answer = aws.ok(IRELAND, "StopReplicationToReplica", &id);
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf";
    assert_eq!(answer, json!({"ARN": arn}));
    assert_eq!(aws.describe(IRELAND, "app").get("PrimaryRegion"), None);
    assert_eq!(aws.world.replicas(aws.now, HOME, "app"), []);
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
    let body = json!({"SecretId": "app", "RemoveReplicaRegions": [IRELAND]});
    aws.ok(HOME, "RemoveRegionsFromReplication", &body);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
}
