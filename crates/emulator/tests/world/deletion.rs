//! Deleting and restoring.

use secret_replicator_emulator::{RemovedReplicas, WorldSettings};
use serde_json::json;

use crate::support::{Clocked, DAY, HOME, IRELAND, OREGON, app};

#[test]
fn a_primary_with_replicas_cannot_be_deleted_while_it_lists_them() {
    let mut aws = Clocked::with(WorldSettings {
        removed_replicas: RemovedReplicas::Shown,
        ..WorldSettings::default()
    });
    let arn = aws.seed(app().with_replica_in(IRELAND).with_replica_in(OREGON));
    let body = json!({"SecretId": "app"});
    let error = format!(
        "InvalidParameterException: You can't delete secret {arn} that still has replica regions \
         [eu-west-1, us-west-2]."
    );
    aws.fails(HOME, "DeleteSecret", &body, &error);
    aws.remove("app", &[IRELAND, OREGON]);
    aws.fails(HOME, "DeleteSecret", &body, &error);
    aws.pass(60_000);
    aws.ok(HOME, "DeleteSecret", &body);
}

#[test]
fn a_deleted_secret_keeps_its_name_until_its_recovery_window_ends() {
    let mut aws = Clocked::new();
    aws.seed(app());
    let body = json!({"SecretId": "app", "RecoveryWindowInDays": 7});
    let answer = aws.ok(HOME, "DeleteSecret", &body);
    // The tests' clock starts at 2026-01-01T00:00:00Z.
    assert_eq!(answer["DeletionDate"], 1_767_225_600.0 + 7.0 * 86_400.0);
    assert_eq!(aws.describe(HOME, "app")["DeletedDate"], 1_767_225_600.0);
    let create = json!({"Name": "app"});
    let error = "InvalidRequestException: You can't create this secret because a secret with this \
                 name is already scheduled for deletion.";
    aws.fails(HOME, "CreateSecret", &create, error);
    aws.pass(7 * DAY);
    aws.ok(HOME, "CreateSecret", &create);
}

#[test]
fn a_restored_secret_outlives_the_recovery_window() {
    let mut aws = Clocked::new();
    let arn = aws.seed(app().with_scheduled_deletion());
    let answer = aws.ok(HOME, "RestoreSecret", &json!({"SecretId": "app"}));
    assert_eq!(answer, json!({"ARN": arn, "Name": "app"}));
    aws.pass(31 * DAY);
    assert_eq!(aws.describe(HOME, "app").get("DeletedDate"), None);
}

#[test]
fn deletion_without_recovery_is_immediate_and_no_error_for_a_missing_secret() {
    let mut aws = Clocked::new();
    aws.seed(app());
    for _ in 0..2 {
        aws.delete(HOME, "app");
        assert_eq!(aws.world.secret(aws.now, HOME, "app"), None);
    }
}

#[test]
fn a_recovery_window_out_of_bounds_or_beside_force_is_refused() {
    let mut aws = Clocked::new();
    aws.seed(app());
    for (days, force) in [(6, false), (-1, false), (31, false), (7, true)] {
        let body = json!({
            "SecretId": "app",
            "RecoveryWindowInDays": days,
            "ForceDeleteWithoutRecovery": force,
        });
        aws.fails(HOME, "DeleteSecret", &body, "InvalidParameterException: ");
    }
}
