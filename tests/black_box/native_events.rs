//! Events that need no trail, and CloudTrail's events about the calls of others.

use secret_replicator_emulator::Call;
use serde_json::{Value, json};

use crate::stage::{HOME, Stage, create_secret_event, sample, setting, tagged, text};

/// The label event of a secret.
pub(crate) fn label_updated(name: &str, arn: &str, label: &str) -> Value {
    let mut event = sample("secret-label-updated.json");
    event["region"] = json!(HOME);
    event["resources"] = json!([arn]);
    event["detail"]["name"] = json!(name);
    event["detail"]["labelUpdated"] = json!(label);
    event
}

pub(crate) fn tag_change(arn: &str) -> Value {
    let mut event = sample("tag-change-on-resource.json");
    event["region"] = json!(HOME);
    event["resources"] = json!([arn]);
    event
}

/// Returns the calls as `operation Region`, sorted, because probes arrive in any order.
fn sorted(calls: &[Call]) -> Vec<String> {
    let mut sorted: Vec<String> = calls
        .iter()
        .map(|call| format!("{} {}", call.operation, call.region))
        .collect();
    sorted.sort_unstable();
    sorted
}

/// Delivers the event. Returns the calls that the function made for it.
pub(crate) async fn calls_for(stage: &mut Stage, event: &Value, outcome: &str) -> Vec<String> {
    let before = stage.aws.calls().len();
    stage.deliver(event).await.ends_well(outcome);
    sorted(&stage.aws.calls()[before..])
}

#[tokio::test]
async fn a_label_event_without_an_arn_is_read_by_its_name() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let mut event = label_updated("prod/db", "", "AWSCURRENT");
    event["resources"] = json!([]);

    stage.deliver(&event).await.ends_well("replicated");
}

#[tokio::test]
async fn a_label_other_than_the_current_version_is_skipped_without_a_call() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));

    let delivery = stage
        .deliver(&label_updated("prod/db", &arn, "MyLabel"))
        .await;

    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "unsupported-event");
    assert_eq!(stage.aws.calls().len(), 0);
}

#[tokio::test]
async fn the_value_of_a_tag_event_is_not_logged() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let mut event = tag_change(&arn);
    event["detail"]["tags"]["owner"] = json!("the-owners-tag-value");

    let delivery = stage.deliver(&event).await;

    delivery.ends_well("replicated");
    assert!(!delivery.log.contains("the-owners-tag-value"));
}

#[tokio::test]
async fn tags_of_other_services_are_skipped() {
    let mut stage = Stage::new().await;
    let mut event = tag_change("arn:aws:ec2:us-east-1:123456789012:instance/i-0000000aaaaaaaaaa");
    event["detail"]["service"] = json!("ec2");

    let delivery = stage.deliver(&event).await;

    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "unsupported-event");
}

#[tokio::test]
async fn three_routes_of_one_change_lead_to_one_write() {
    let read = |region| format!("DescribeSecret {region}");
    // Each route arrives first once.
    for first in 0..3 {
        let mut stage = Stage::new().await;
        let arn = stage.secret(tagged("prod/db", "eu-west-1"));
        let mut routes = [
            // A label event also probes each replica.
            (
                label_updated("prod/db", &arn, "AWSCURRENT"),
                vec![read("eu-west-1"), read(HOME)],
            ),
            (tag_change(&arn), vec![read(HOME)]),
            (create_secret_event("prod/db", &arn), vec![read(HOME)]),
        ];
        routes.rotate_left(first);
        let [(event, _), others @ ..] = &routes;

        stage.deliver(event).await.ends_well("replicated");
        for (event, calls) in others {
            assert_eq!(calls_for(&mut stage, event, "unchanged").await, *calls);
        }

        assert_eq!(stage.requested().len(), 1);
    }
}

#[tokio::test]
async fn events_of_a_replica_end_as_a_replica() {
    let mut stage = setting().env("AWS_REGION", HOME).start().await;
    let mut seed = tagged("prod/db", "eu-west-1");
    seed.replica_of = Some("ap-south-1".to_owned());
    let arn = stage.secret(seed);

    for event in [
        label_updated("prod/db", &arn, "AWSCURRENT"),
        tag_change(&arn),
    ] {
        let delivery = stage.deliver(&event).await;
        delivery.ends_well("skipped");
        assert_eq!(delivery.reason(), "is-replica");
    }
}

#[tokio::test]
async fn a_service_event_about_replication_is_a_hint_in_any_form() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let mut event = sample("service-event-replication.json");
    let bodies = [
        json!({"additionalEventData": {"SecretId": arn}}),
        json!({"additionalEventData": {"Name": "prod/db"}}),
        json!({"serviceEventDetails": {"arn": arn}}),
        json!({"requestParameters": {"secretId": "prod/db"}}),
    ];
    for body in bodies {
        event["detail"]["additionalEventData"] = Value::Null;
        for (part, value) in body.as_object().expect("an object") {
            event["detail"][part] = value.clone();
        }
        let delivery = stage.deliver(&event).await;
        assert_eq!(delivery.record["secret_name"], "prod/db");
        assert_eq!(delivery.error(), "");
        event["detail"]
            .as_object_mut()
            .expect("an object")
            .remove("serviceEventDetails");
    }

    event["detail"]["requestParameters"] = json!([[1]]);
    let delivery = stage.deliver(&event).await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "unsupported-event");
}

#[tokio::test]
async fn a_deletion_that_replicas_block_is_recorded_with_its_caller_and_the_commands_that_help() {
    let mut stage = Stage::new().await;
    let mut event = sample("delete-secret-blocked-by-replicas.json");
    event["region"] = json!(HOME);
    event["detail"]["awsRegion"] = json!(HOME);

    let delivery = stage.deliver(&event).await;

    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "delete-blocked-by-replicas");
    assert_eq!(delivery.record["level"], "WARN");
    assert_eq!(
        delivery.record["principal"],
        "arn:aws:iam::123456789012:user/IAM-Admin"
    );
    let detail = text(&delivery.record["detail"]);
    assert!(detail.contains("eu-west-1, us-east-1"), "{detail}");
    let remediation = text(&delivery.record["remediation"]);
    let command = "--remove-replica-regions eu-west-1 us-east-1";
    assert!(remediation.contains(command), "{remediation}");
    let blocked = delivery
        .metrics
        .iter()
        .find_map(|line| line["DeletesBlocked"].as_f64());
    assert_eq!(blocked, Some(1.0));
    assert_eq!(stage.aws.calls().len(), 0);
}

#[tokio::test]
async fn the_command_for_a_blocked_deletion_names_every_region() {
    let mut stage = Stage::new().await;
    let mut event = sample("delete-secret-blocked-by-replicas.json");
    event["region"] = json!(HOME);
    event["detail"]["awsRegion"] = json!(HOME);
    let regions: Vec<String> = (1..=35).map(|number| format!("eu-west-{number}")).collect();
    event["detail"]["errorMessage"] = json!(format!(
        "You can't delete secret X that still has replica regions [{}].",
        regions.join(", ")
    ));

    let delivery = stage.deliver(&event).await;

    let remediation = text(&delivery.record["remediation"]);
    assert!(remediation.contains(&regions.join(" ")), "{remediation}");
}

#[tokio::test]
async fn a_deletion_that_succeeded_or_failed_otherwise_is_skipped() {
    let mut stage = Stage::new().await;
    let mut event = sample("delete-secret-blocked-by-replicas.json");
    event["region"] = json!(HOME);
    event["detail"]["awsRegion"] = json!(HOME);
    event["detail"]["errorMessage"] = json!("denied");
    assert_eq!(stage.deliver(&event).await.reason(), "api-call-failed");

    event["detail"]["errorCode"] = Value::Null;
    event["detail"]["errorMessage"] = Value::Null;
    assert_eq!(stage.deliver(&event).await.reason(), "unsupported-event");
}

#[tokio::test]
async fn replicas_that_others_remove_or_promote_are_recorded_without_a_write() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    for (file, region) in [
        ("remove-regions-from-replication.json", "eu-west-1"),
        ("stop-replication-to-replica.json", HOME),
    ] {
        let event = stage.event_of(file, "prod/db");

        let delivery = stage.deliver(&event).await;

        delivery.ends_well("skipped");
        assert_eq!(delivery.reason(), "replication-changed-by-other");
        assert_eq!(delivery.record["secret_arn"], arn);
        assert_eq!(
            delivery.record["principal"],
            "arn:aws:iam::123456789012:user/IAM-Admin"
        );
        assert!(text(&delivery.record["detail"]).contains(region));
    }
    assert_eq!(stage.aws.calls().len(), 0);
}

#[tokio::test]
async fn a_removal_by_the_function_itself_is_not_reported() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let mut event = stage.event_of("remove-regions-from-replication.json", "prod/db");
    let function = "secret-replicator";
    event["detail"]["userIdentity"]["type"] = json!("AssumedRole");
    event["detail"]["userIdentity"]["arn"] = json!(format!(
        "arn:aws:sts::123456789012:assumed-role/role/{function}"
    ));

    assert_eq!(stage.deliver(&event).await.reason(), "unsupported-event");

    event["detail"]["userIdentity"]["arn"] = json!(format!(
        "arn:aws:sts::999999999999:assumed-role/role/{function}"
    ));
    let delivery = stage.deliver(&event).await;
    assert_eq!(delivery.reason(), "replication-changed-by-other");
}

#[tokio::test]
async fn depth_and_odd_numbers_in_parts_that_are_not_used_fail_nothing() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    // serde_json refuses more than 128 levels. Many more than these overflow the stack of this test, which
    // writes the event by recursion.
    let deep = (0..1000).fold(json!(1), |inner, _| json!([inner]));
    let mut event = label_updated("prod/db", &arn, "AWSCURRENT");
    event["detail"]["versionId"] = deep;
    stage.deliver(&event).await.ends_well("replicated");
}

/// The maximum size of the payload of a direct invocation is 6 MB (Lambda quotas).
#[tokio::test]
async fn a_dense_event_of_the_maximum_size_takes_little_memory() {
    let mut stage = Stage::new().await;
    let arn = stage.secret(tagged("prod/db", "eu-west-1"));
    let dense: Vec<Value> = vec![json!({}); 1_900_000];
    let mut event = create_secret_event("prod/db", &arn);
    event["detail"]["additionalEventData"] = json!({ "dense": dense });

    stage.deliver(&event).await.ends_well("replicated");

    let peak = stage.peak_memory();
    assert!(peak < 40 * 1024, "{peak} KiB");
}
