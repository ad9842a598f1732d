//! Tests of the refusals that the policy intends: they leave a secret in the wanted state.

use serde_json::{Value, json};

use crate::stage::{HOME, Setting, Stage, create_secret_event, setting, tagged};
use crate::sweep::{action, whole};

/// A residency rule beside a rule that names Regions of the whole world, also the primary Region.
const RESIDENCY: &str = "{version: 1, rules: [
    {name: everywhere, when: all, replicate-to: [eu-west-1, us-east-1, us-west-2]},
    {name: residency, when: {tags: {data-residency: eu}}, forbid: {except: ['eu-*']}}]}";

fn residency() -> Setting {
    setting().env("REPLICATION_POLICY", RESIDENCY)
}

fn count(metrics: &[Value], name: &str) -> u64 {
    let values = metrics.iter().filter_map(|line| line[name].as_u64());
    values.sum()
}

#[tokio::test]
async fn a_secret_with_intended_refusals_only_is_unchanged_and_its_message_opens_with_its_replicas()
{
    let mut stage = residency().start().await;
    let seed = tagged("prod/db", "none").with_tag("data-residency", "eu");
    let arn = stage.secret(seed.with_replica_in("eu-west-1"));

    let delivery = stage.deliver(&create_secret_event("prod/db", &arn)).await;

    delivery.ends_well("unchanged");
    assert_eq!(delivery.record["level"], "INFO");
    assert_eq!(
        delivery.record["message"],
        "prod/db: in sync in eu-west-1; no replica in us-east-1 (primary-region), us-west-2 \
         (forbidden-by-policy)"
    );
    let reasons = json!(["forbidden-by-policy", "primary-region"]);
    assert_eq!(delivery.record["reasons"], reasons);
    assert_eq!(count(&delivery.metrics, "ReplicasExcluded"), 2);
    assert_eq!(count(&delivery.metrics, "ReplicasRefused"), 0);
    let by_region = |line: &&Value| line["ReplicaRegion"] == "us-west-2";
    let line = delivery.metrics.iter().find(by_region).expect("a line");
    assert_eq!(line["ReplicasExcluded"], 1);
}

#[tokio::test]
async fn a_sweep_counts_a_secret_with_intended_refusals_as_in_sync_and_writes_no_record() {
    let mut stage = residency().start().await;
    let seed = tagged("prod/db", "none").with_tag("data-residency", "eu");
    stage.secret(seed.with_replica_in("eu-west-1"));

    let slice = whole(&mut stage, action()).await;

    assert_eq!((slice.count("in_sync"), slice.count("refused")), (1, 0));
    assert!(slice.recorded().is_empty());
    assert_eq!(slice.summary["level"], "INFO");
}

#[tokio::test]
async fn a_replica_in_a_forbidden_region_needs_a_person() {
    let mut stage = residency().start().await;
    let seed = tagged("prod/db", "none").with_tag("data-residency", "eu");
    stage.secret(
        seed.with_replica_in("eu-west-1")
            .with_replica_in("us-west-2"),
    );

    let slice = whole(&mut stage, action()).await;

    assert_eq!(slice.recorded(), [("prod/db", "refused")]);
    assert_eq!(slice.records[0]["level"], "WARN");
    assert_eq!(count(&slice.metrics, "ReplicasRefused"), 1);
    let replicas = slice.records[0]["replicas"].as_array().expect("replicas");
    let forbidden = replicas.iter().find(|one| one["region"] == "us-west-2");
    let forbidden = forbidden.expect("the forbidden Region");
    assert_eq!(
        forbidden["detail"],
        "the rule `residency` forbids this Region; a replica is there: InSync"
    );
    assert_eq!(
        forbidden["remediation"],
        "a rule forbids this Region, but a replica is there: remove it with `aws secretsmanager \
         remove-regions-from-replication`, or allow removal; if the replica is right, change the rule \
         `residency`"
    );
}

#[tokio::test]
async fn a_misspelled_region_is_named_in_the_detail_and_in_the_remediation() {
    let mut stage = setting().env("ALLOWED_REPLICA_REGIONS", HOME).start().await;
    let delivery = stage.create(tagged("prod/db", "eu-wset-3")).await;
    let replica = delivery.replica("eu-wset-3");
    let typo = "`eu-wset-3` is not a known Region; did you mean `eu-west-3`?";
    assert_eq!(replica["detail"], typo);
    let remediation = replica["remediation"].as_str().expect("a remediation");
    assert!(remediation.starts_with(typo), "{remediation}");
}

#[tokio::test]
async fn a_refusal_that_needs_a_person_is_not_hidden_by_an_intended_one() {
    let setting = residency().env("ALLOWED_REPLICA_REGIONS", "us-west-2");
    let mut stage = setting.start().await;
    let delivery = stage.create(tagged("prod/db", "none")).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.region("eu-west-1"),
        "refuse refused region-not-allowed"
    );
    assert_eq!(count(&delivery.metrics, "ReplicasRefused"), 1);
    assert_eq!(count(&delivery.metrics, "ReplicasExcluded"), 1);
}

#[tokio::test]
async fn the_message_of_an_empty_tag_names_no_region() {
    let mut stage = Stage::new().await;
    let delivery = stage.create(tagged("prod/db", " ")).await;
    delivery.ends_well("refused");
    assert_eq!(
        delivery.record["message"],
        "prod/db: refused a tag that names no Region (empty-tag-value)"
    );
    assert_eq!(delivery.record["account"], "123456789012");
    assert_eq!(delivery.record["primary_region"], HOME);
}
