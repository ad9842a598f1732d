//! Deleting and restoring.

use serde_json::json;

use crate::support::{Clocked, HOME, IRELAND, OREGON, app};

const DAY: u64 = 24 * 3600 * 1000;

#[test]
fn a_primary_with_replicas_cannot_be_deleted_until_they_are_gone() {
    let mut aws = Clocked::new();
    let arn = aws.seed(app().with_replica_in(IRELAND).with_replica_in(OREGON));
    let body = json!({"SecretId": "app"});
    let error = aws.error(HOME, "DeleteSecret", &body);
    assert_eq!(
        error,
        format!(
            "InvalidParameterException: You can't delete secret {arn} that still has replica \
             regions [eu-west-1, us-west-2]."
        )
    );
    let remove = json!({"SecretId": "app", "RemoveReplicaRegions": [IRELAND, OREGON]});
    aws.ok(HOME, "RemoveRegionsFromReplication", &remove);
    aws.error(HOME, "DeleteSecret", &body);
    aws.pass(60_000);
    aws.ok(HOME, "DeleteSecret", &body);
}

#[test]
fn a_deleted_secret_keeps_its_name_until_its_recovery_window_ends() {
    let mut aws = Clocked::new();
    aws.seed(app());
    let body = json!({"SecretId": "app", "RecoveryWindowInDays": 7});
    let answer = aws.ok(HOME, "DeleteSecret", &body);
    assert_eq!(answer["DeletionDate"], 1_767_225_600.0 + 7.0 * 86_400.0);
    assert_eq!(aws.describe(HOME, "app")["DeletedDate"], 1_767_225_600.0);
    let error = aws.error(HOME, "CreateSecret", &json!({"Name": "app"}));
    assert!(error.contains("already scheduled for deletion"), "{error}");
    aws.pass(7 * DAY);
    aws.ok(HOME, "CreateSecret", &json!({"Name": "app"}));
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
fn deletion_without_recovery_is_at_once_and_no_error_for_what_does_not_exist() {
    let mut aws = Clocked::new();
    aws.seed(app());
    let body = json!({"SecretId": "app", "ForceDeleteWithoutRecovery": true});
    aws.ok(HOME, "DeleteSecret", &body);
    aws.error(HOME, "DescribeSecret", &json!({"SecretId": "app"}));
    aws.ok(HOME, "DeleteSecret", &body);
}

#[test]
fn a_recovery_window_out_of_bounds_or_beside_force_is_refused() {
    let mut aws = Clocked::new();
    aws.seed(app());
    for body in [
        json!({"SecretId": "app", "RecoveryWindowInDays": 6}),
        json!({"SecretId": "app", "RecoveryWindowInDays": -1}),
        json!({
            "SecretId": "app",
            "RecoveryWindowInDays": 7,
            "ForceDeleteWithoutRecovery": true,
        }),
    ] {
        let error = aws.error(HOME, "DeleteSecret", &body);
        assert!(error.starts_with("InvalidParameterException: "), "{error}");
    }
}
