//! Changes of values, labels and rotation, and reads of several values.

use secret_replicator_emulator::{KeyState, SecretSeed, WorldSettings};
use serde_json::{Value, json};

use crate::support::{Clocked, HOME, IRELAND, app};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";

/// The labels of each version, by version ID.
fn labels(aws: &mut Clocked, region: &str) -> Value {
    aws.describe(region, "app")["VersionIdsToStages"].clone()
}

fn put(aws: &mut Clocked, token: &str, value: &str, labels: &[&str]) -> Value {
    let body = json!({
        "SecretId": "app",
        "SecretString": value,
        "ClientRequestToken": token,
        "VersionStages": labels,
    });
    aws.ok(HOME, "PutSecretValue", &body)
}

fn rotate(token: &str) -> Value {
    json!({"SecretId": "app", "ClientRequestToken": token, "RotationLambdaARN": FUNCTION})
}

/// A secret with a current version `one` and a replica.
fn replicated() -> Clocked {
    let mut aws = Clocked::new();
    let body = json!({"Name": "app", "SecretString": "1", "ClientRequestToken": "one"});
    aws.ok(HOME, "CreateSecret", &body);
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    aws
}

#[test]
fn an_update_changes_what_it_has_and_reaches_the_replica() {
    let mut aws = replicated();
    aws.world.set_key(HOME, "alias/app", KeyState::Usable);
    let body = json!({"SecretId": "app", "Description": "d", "KmsKeyId": "alias/app"});
    let answer = aws.ok(HOME, "UpdateSecret", &body);
    assert_eq!(answer.get("VersionId"), None);
    let body = json!({"SecretId": "app", "SecretString": "2", "ClientRequestToken": "two"});
    assert_eq!(aws.ok(HOME, "UpdateSecret", &body)["VersionId"], "two");
    assert_eq!(aws.ok(HOME, "UpdateSecret", &body)["VersionId"], "two");
    let described = aws.describe(HOME, "app");
    assert_eq!(described["Description"], "d");
    assert_eq!(described["KmsKeyId"], "alias/app");
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    aws.pass(1000);
    assert_eq!(aws.value(IRELAND, "app"), "2");
    let replica = aws.describe(IRELAND, "app");
    assert_eq!(replica["Description"], "d");
    assert_eq!(replica["KmsKeyId"], "alias/aws/secretsmanager");
    assert_eq!(
        replica["VersionIdsToStages"],
        described["VersionIdsToStages"]
    );
}

#[test]
fn a_refused_update_changes_nothing() {
    let mut aws = replicated();
    let before = aws.describe(HOME, "app");
    let taken = json!({
        "SecretId": "app",
        "Description": "d",
        "SecretString": "2",
        "ClientRequestToken": "one",
    });
    let arn = before["ARN"].as_str().unwrap();
    let error = format!(
        "ResourceExistsException: You can't use ClientRequestToken one because that value is \
         already in use for a version of secret {arn}."
    );
    aws.fails(HOME, "UpdateSecret", &taken, &error);
    let missing_key = json!({"SecretId": "app", "Description": "d", "KmsKeyId": "alias/none"});
    aws.fails(HOME, "UpdateSecret", &missing_key, "EncryptionFailure: ");
    let body = json!({"SecretId": "app", "SecretString": "2"});
    aws.fails(
        IRELAND,
        "UpdateSecret",
        &body,
        "InvalidParameterException: ",
    );
    assert_eq!(aws.describe(HOME, "app"), before);
}

#[test]
fn a_description_can_change_while_the_key_is_disabled() {
    let mut aws = Clocked::new();
    aws.seed(app().with_kms_key_id("alias/app"));
    aws.world.set_key(HOME, "alias/app", KeyState::Disabled);
    let description = json!({"SecretId": "app", "Description": "d"});
    aws.ok(HOME, "UpdateSecret", &description);
    let value = json!({"SecretId": "app", "SecretString": "2"});
    aws.fails(HOME, "UpdateSecret", &value, "EncryptionFailure: ");
}

#[test]
fn updates_and_moves_of_labels_share_the_write_quota() {
    let mut aws = Clocked::with(WorldSettings {
        writes_per_second: Some(2),
        ..WorldSettings::default()
    });
    aws.seed(app());
    let body = json!({"SecretId": "app", "Description": "d"});
    aws.ok(HOME, "UpdateSecret", &body);
    aws.ok(HOME, "UpdateSecret", &body);
    for operation in ["UpdateSecret", "UpdateSecretVersionStage"] {
        aws.fails(HOME, operation, &body, "ThrottlingException: ");
    }
}

#[test]
fn moving_the_current_label_makes_the_version_before_the_previous_one() {
    let mut aws = replicated();
    put(&mut aws, "two", "2", &["AWSPENDING"]);
    let body = json!({
        "SecretId": "app",
        "VersionStage": "AWSCURRENT",
        "RemoveFromVersionId": "one",
        "MoveToVersionId": "two",
    });
    aws.ok(HOME, "UpdateSecretVersionStage", &body);
    let expected = json!({"one": ["AWSPREVIOUS"], "two": ["AWSPENDING", "AWSCURRENT"]});
    assert_eq!(labels(&mut aws, HOME), expected);
    aws.pass(1000);
    assert_eq!(labels(&mut aws, IRELAND), expected);
    assert_eq!(aws.value(IRELAND, "app"), "2");
    let back = json!({
        "SecretId": "app",
        "VersionStage": "AWSCURRENT",
        "RemoveFromVersionId": "two",
        "MoveToVersionId": "one",
    });
    aws.ok(HOME, "UpdateSecretVersionStage", &back);
    let expected = json!({"one": ["AWSCURRENT"], "two": ["AWSPENDING", "AWSPREVIOUS"]});
    assert_eq!(labels(&mut aws, HOME), expected);
}

#[test]
fn a_label_is_moved_only_from_the_version_that_has_it() {
    let mut aws = replicated();
    put(&mut aws, "two", "2", &["blue"]);
    let before = labels(&mut aws, HOME);
    for (label, from, to, error) in [
        (
            "AWSCURRENT",
            None,
            Some("two"),
            "InvalidParameterException: The parameter RemoveFromVersionId can't be empty. Staging \
             label AWSCURRENT is currently attached to version one, so you must explicitly \
             reference that version in RemoveFromVersionId.",
        ),
        (
            "blue",
            Some("one"),
            Some("two"),
            "InvalidParameterException: ",
        ),
        (
            "AWSCURRENT",
            Some("one"),
            None,
            "InvalidParameterException: ",
        ),
        ("green", None, Some("none"), "ResourceNotFoundException: "),
    ] {
        let body = json!({
            "SecretId": "app",
            "VersionStage": label,
            "RemoveFromVersionId": from,
            "MoveToVersionId": to,
        });
        aws.fails(HOME, "UpdateSecretVersionStage", &body, error);
    }
    assert_eq!(labels(&mut aws, HOME), before);
    let body = json!({"SecretId": "app", "VersionStage": "blue", "RemoveFromVersionId": "two"});
    aws.ok(HOME, "UpdateSecretVersionStage", &body);
    let listed = aws.ok(HOME, "ListSecretVersionIds", &json!({"SecretId": "app"}));
    let expected = json!([
        {"VersionId": "one", "VersionStages": ["AWSCURRENT"], "CreatedDate": 1_767_225_600.0},
    ]);
    assert_eq!(listed["Versions"], expected);
}

#[test]
fn a_rotation_adds_a_pending_version_that_has_no_value_until_one_is_put() {
    let mut aws = replicated();
    assert_eq!(
        aws.ok(HOME, "RotateSecret", &rotate("two"))["VersionId"],
        "two"
    );
    let expected = json!({"one": ["AWSCURRENT"], "two": ["AWSPENDING"]});
    assert_eq!(labels(&mut aws, HOME), expected);
    let described = aws.describe(HOME, "app");
    assert_eq!(described["RotationEnabled"], true);
    assert_eq!(described["RotationLambdaARN"], FUNCTION);
    let pending = json!({"SecretId": "app", "VersionId": "two", "VersionStage": "AWSPENDING"});
    aws.fails(
        HOME,
        "GetSecretValue",
        &pending,
        "ResourceNotFoundException: ",
    );
    let error = "InvalidRequestException: A previous rotation isn't complete.";
    aws.fails(HOME, "RotateSecret", &rotate("three"), error);
    assert_eq!(aws.value(HOME, "app"), "1");
    put(&mut aws, "two", "2", &["AWSPENDING"]);
    assert_eq!(labels(&mut aws, HOME), expected);
    assert_eq!(
        aws.ok(HOME, "GetSecretValue", &pending)["SecretString"],
        "2"
    );
    let body = json!({
        "SecretId": "app",
        "VersionStage": "AWSCURRENT",
        "RemoveFromVersionId": "one",
        "MoveToVersionId": "two",
    });
    aws.ok(HOME, "UpdateSecretVersionStage", &body);
    aws.pass(1000);
    assert_eq!(aws.value(IRELAND, "app"), "2");
    assert_eq!(aws.describe(IRELAND, "app").get("RotationEnabled"), None);
    aws.ok(HOME, "RotateSecret", &json!({"SecretId": "app"}));
}

#[test]
fn a_rotation_that_is_not_immediate_adds_no_version_and_a_cancelled_one_keeps_its_function() {
    let mut aws = replicated();
    let before = labels(&mut aws, HOME);
    let id = json!({"SecretId": "app"});
    for operation in ["RotateSecret", "CancelRotateSecret"] {
        let error = "InvalidRequestException: No Lambda rotation function ARN is associated";
        aws.fails(HOME, operation, &id, error);
    }
    let mut body = rotate("two");
    body["RotateImmediately"] = json!(false);
    body["RotationRules"] = json!({"AutomaticallyAfterDays": 30});
    let answer = aws.ok(HOME, "RotateSecret", &body);
    assert_eq!(answer.get("VersionId"), None);
    assert_eq!(labels(&mut aws, HOME), before);
    aws.ok(HOME, "CancelRotateSecret", &id);
    let described = aws.describe(HOME, "app");
    assert_eq!(described["RotationEnabled"], false);
    assert_eq!(described["RotationLambdaARN"], FUNCTION);
    assert_eq!(described["RotationRules"]["AutomaticallyAfterDays"], 30);
    for days in [0, 1001] {
        body["RotationRules"]["AutomaticallyAfterDays"] = json!(days);
        aws.fails(HOME, "RotateSecret", &body, "ValidationException: ");
    }
}

#[test]
fn a_secret_whose_first_rotation_has_no_value_yet_is_not_replicated() {
    let mut aws = Clocked::new();
    aws.seed(app().without_value());
    aws.ok(HOME, "RotateSecret", &rotate("one"));
    aws.replicate("app", &[IRELAND]);
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InProgress");
    aws.put_value("app", "1");
    aws.pass(1000);
    assert_eq!(aws.status("app", IRELAND), "InSync");
}

#[test]
fn a_batch_returns_values_and_an_error_for_each_secret_without_one() {
    let mut aws = Clocked::new();
    aws.seed(app().with_value("1"));
    aws.seed(SecretSeed::new(HOME, "apple").without_value());
    let body = json!({"SecretIdList": ["app", "missing"]});
    let answer = aws.ok(HOME, "BatchGetSecretValue", &body);
    assert_eq!(answer["SecretValues"][0]["SecretString"], "1");
    let expected = json!([{
        "SecretId": "missing",
        "ErrorCode": "ResourceNotFoundException",
        "Message": "Secrets Manager can't find the specified secret.",
    }]);
    assert_eq!(answer["Errors"], expected);
    let filters = json!([{"Key": "name", "Values": ["app"]}]);
    let body = json!({"Filters": filters, "MaxResults": 1});
    let first = aws.ok(HOME, "BatchGetSecretValue", &body);
    assert_eq!(first["SecretValues"].as_array().unwrap().len(), 1);
    let body = json!({"Filters": filters, "NextToken": first["NextToken"]});
    let rest = aws.ok(HOME, "BatchGetSecretValue", &body);
    assert_eq!(rest["SecretValues"], json!([]));
    assert_eq!(rest["Errors"].as_array().unwrap().len(), 1);
    for body in [
        json!({}),
        json!({"SecretIdList": ["app"], "Filters": filters}),
        json!({"SecretIdList": ["app"], "MaxResults": 1}),
    ] {
        aws.fails(
            HOME,
            "BatchGetSecretValue",
            &body,
            "InvalidParameterException: ",
        );
    }
}

#[test]
fn a_password_has_the_wanted_length_and_characters() {
    let mut aws = Clocked::new();
    let mut password = |body: Value| {
        let answer = aws.ok(HOME, "GetRandomPassword", &body);
        answer["RandomPassword"].as_str().unwrap().to_owned()
    };
    let default = password(json!({}));
    assert_eq!(default.len(), 32);
    assert_ne!(password(json!({})), default);
    let shortest = password(json!({"PasswordLength": 4}));
    let is = |check: fn(&char) -> bool| shortest.chars().filter(check).count();
    assert_eq!(
        [
            is(char::is_ascii_lowercase),
            is(char::is_ascii_uppercase),
            is(char::is_ascii_digit),
            is(char::is_ascii_punctuation),
        ],
        [1; 4],
        "{shortest}"
    );
    let numbers = password(json!({
        "PasswordLength": 100,
        "ExcludeLowercase": true,
        "ExcludeUppercase": true,
        "ExcludePunctuation": true,
        "ExcludeCharacters": "23456789",
        "IncludeSpace": true,
    }));
    assert!(numbers.chars().all(|c| "01 ".contains(c)), "{numbers}");
    assert!(numbers.contains(' '));
    for body in [
        json!({"PasswordLength": 3}),
        json!({"PasswordLength": 4097}),
    ] {
        aws.fails(
            HOME,
            "GetRandomPassword",
            &body,
            "InvalidParameterException: ",
        );
    }
}
