//! Tests of replicas in Regions that no rule names: where none may be, a person must know of them.

use secret_replicator_emulator::SecretSeed;
use serde_json::json;

use crate::removal::with_two_replicas;
use crate::stage::{Setting, create_secret_event, setting, tagged};
use crate::sweep::{action, whole};

const REMEDIATION: &str = "a replica is outside the allowed Regions: remove the Region from the rule or tag \
                           that names it, if any; then remove the replica with `aws secretsmanager \
                           remove-regions-from-replication`, or allow removal; if the replica is right, add \
                           this Region to ALLOWED_REPLICA_REGIONS (the stack's parameter \
                           AllowedReplicaRegions)";

fn europe_only() -> Setting {
    setting().env("ALLOWED_REPLICA_REGIONS", "eu-west-1 eu-central-1")
}

/// Returns a secret whose replica in `us-west-2` no rule wants.
fn with_unwanted_replica() -> SecretSeed {
    with_two_replicas("eu-west-1")
}

#[tokio::test]
async fn an_event_reports_a_replica_outside_the_allowed_regions_that_no_rule_names() {
    let mut stage = europe_only().start().await;

    let delivery = stage.create(with_unwanted_replica()).await;

    delivery.ends_well("refused");
    assert_eq!(delivery.record["level"], "WARN");
    assert_eq!(
        delivery.record["message"],
        "prod/db: refused in us-west-2 (region-not-allowed); in sync in eu-west-1"
    );
    let replica = delivery.replica("us-west-2");
    assert_eq!(
        (&replica["action"], &replica["status"], &replica["detail"]),
        (
            &json!("refuse"),
            &json!("refused"),
            &json!("a replica is there: InSync")
        )
    );
    assert_eq!(replica["remediation"], REMEDIATION);
    let refused = delivery.metrics.iter();
    let refused = refused.filter(|line| line["ReplicasRefused"] == 1);
    assert_eq!(refused.count(), 1);
    assert_eq!(stage.in_sync("prod/db").len(), 2);
    assert_eq!(stage.calls("DescribeSecret").len(), 1);
}

#[tokio::test]
async fn a_thorough_sweep_records_it_and_a_secret_without_any_region() {
    let mut stage = europe_only().start().await;
    stage.secret(with_unwanted_replica());
    stage.secret(tagged("prod/none", "none").with_replica_in("us-west-2"));
    stage.secret(tagged("prod/right", "eu-west-1").with_replica_in("eu-west-1"));

    let mut thorough = action();
    thorough["thorough"] = json!(true);
    let slice = whole(&mut stage, thorough).await;

    let mut recorded = slice.recorded();
    recorded.sort_unstable();
    assert_eq!(recorded, [("prod/db", "refused"), ("prod/none", "refused")]);
    assert_eq!((slice.count("refused"), slice.count("in_sync")), (2, 1));
    for record in &slice.records {
        assert_eq!(record["reasons"], json!(["region-not-allowed"]));
    }
}

#[tokio::test]
async fn a_replica_that_no_rule_names_is_refused_where_a_rule_forbids_it() {
    let policy = "{version: 1, rules: [
        {name: by-tag, when: all, replicate-to: {tag: replicate-to}},
        {name: residency, when: {tags: {data-residency: eu}}, forbid: {except: ['eu-*']}}]}";
    let mut stage = setting().env("REPLICATION_POLICY", policy).start().await;
    let seed = with_unwanted_replica().with_tag("data-residency", "eu");
    let arn = stage.secret(seed);

    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;

    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("us-west-2"),
        "refuse refused forbidden-by-policy"
    );
    let explain = json!({ "action": "explain", "secretId": "prod/db" });
    let explained = stage.explain(&explain).await;
    let regions = &explained["explanation"]["regions"];
    assert_eq!(regions[1]["region"], "us-west-2");
    assert_eq!(regions[1]["forbidden_by"], json!(["residency"]));
    assert_eq!(regions[1]["wanted_by"], json!([]));
    let rules = &explained["explanation"]["rules"];
    assert_eq!(rules[1]["forbids"], json!(["us-west-2"]));
}

#[tokio::test]
async fn a_replica_that_no_rule_wants_in_an_allowed_region_is_no_refusal() {
    let mut stage = europe_only().start().await;
    let seed = tagged("prod/db", "eu-west-1")
        .with_replica_in("eu-west-1")
        .with_replica_in("eu-central-1");
    let delivery = stage.create(seed).await;
    delivery.ends_well("unchanged");
    assert_eq!(delivery.record["level"], "INFO");
    assert_eq!(delivery.record["message"], "prod/db: in sync in eu-west-1");
}
