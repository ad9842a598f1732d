//! Tests of dry runs and explanations, which say what the real run does.

use secret_replicator_emulator::SecretSeed;
use serde_json::{Value, json};

use crate::promoted::after_a_failover;
use crate::removal::{removing, start, with_two_replicas};
use crate::stage::HOME;
use crate::sweep::slice;

#[tokio::test]
async fn a_dry_run_and_an_explanation_announce_a_removal_only_if_the_real_run_makes_it() {
    // The tag, and a name that is taken in `eu-central-1`.
    let cases = [
        ("eu-west-1", false),
        ("eu-west-1 eu-central-1", false),
        ("eu-west-1 eu-central-1", true),
        ("eu-west-1 eu-wset-1", false),
        ("eu-west-1 cn-north-1", false),
        ("eu-west-1 us-west-2 eu-central-1", true),
    ];
    for (replicate_to, is_taken) in cases {
        for residency in [None, Some("eu")] {
            let allowed = "eu-west-1 us-west-2 eu-central-1";
            let setting = removing().env("ALLOWED_REPLICA_REGIONS", allowed);
            let mut stage = start(setting).await;
            let mut seed = with_two_replicas(replicate_to);
            if let Some(value) = residency {
                seed = seed.with_tag("data-residency", value);
            }
            stage.secret(seed);
            if is_taken {
                stage.secret(SecretSeed::new("eu-central-1", "prod/db"));
                let words = "Secret name prod/db already exists in region eu-central-1.";
                let replicate = json!({
                    "SecretId": "prod/db", "AddReplicaRegions": [{ "Region": "eu-central-1" }],
                });
                stage.owner("ReplicateSecretToRegions", &replicate);
                stage.aws.with(|world, now| {
                    world.force_status(now, HOME, "prod/db", "eu-central-1", "Failed", Some(words));
                });
            }
            let case = format!("{replicate_to}, {is_taken}, {residency:?}");
            let real = json!({ "action": "reconcile", "secretId": "prod/db" });
            let mut dry = real.clone();
            dry["dryRun"] = json!(true);
            let explain = json!({ "action": "explain", "secretId": "prod/db" });
            let explained = stage.explain(&explain).await;
            let announced = stage.deliver(&dry).await;
            assert!(stage.removed().is_empty(), "{case}");
            let made = stage.deliver(&real).await;
            let unwanted = |record: &Value, status: &str| {
                let replicas = record["replicas"].as_array().expect("a list").iter();
                let of_status = replicas
                    .filter(|replica| replica["action"] == "remove" && replica["status"] == status);
                let reasons = of_status.map(|replica| replica["region"].to_string());
                reasons.collect::<Vec<_>>()
            };
            let planned = unwanted(&announced.record, "planned");
            assert_eq!(planned, unwanted(&made.record, "removed"), "{case}");
            let waiting = unwanted(&announced.record, "refused");
            assert_eq!(waiting, unwanted(&made.record, "refused"), "{case}");
            let regions = explained["explanation"]["regions"].as_array();
            let removals = regions.expect("a list").iter().filter(|region| {
                region["action"] == "remove" && region["reason"] != "waiting-for-other-replicas"
            });
            let removals: Vec<_> = removals
                .map(|region| region["region"].to_string())
                .collect();
            assert_eq!(planned, removals, "{case}");
        }
    }
}

#[tokio::test]
async fn a_dry_run_and_an_explanation_report_a_promoted_replica_that_no_rule_wants() {
    let setting = removing().env("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2");
    let mut stage = setting.start().await;
    after_a_failover(&stage, "prod/db");
    stage.tag("prod/db", "replicate-to", "none");
    let real = json!({ "action": "reconcile", "secretId": "prod/db" });
    let dry = json!({ "action": "reconcile", "secretId": "prod/db", "dryRun": true });
    let explain = json!({ "action": "explain", "secretId": "prod/db" });

    let explained = stage.explain(&explain).await;
    let announced = stage.deliver(&dry).await;
    let made = stage.deliver(&real).await;

    announced.ends_well("refused");
    made.ends_well("refused");
    assert_eq!(made.region("eu-west-1"), "keep refused promoted-replica");
    assert_eq!(announced.record["replicas"], made.record["replicas"]);
    assert_eq!(explained["replicas"], made.record["replicas"]);
}

#[tokio::test]
async fn a_dry_run_of_a_thorough_sweep_counts_what_the_sweep_counts() {
    let setting = removing().env("ALLOWED_REPLICA_REGIONS", "eu-west-1 us-west-2");
    let mut stage = setting.start().await;
    after_a_failover(&stage, "prod/db");
    stage.tag("prod/db", "replicate-to", "none");
    let sweep = |dry_run| json!({ "action": "sweep", "thorough": true, "dryRun": dry_run });

    let announced = slice(&mut stage, &sweep(true)).await;
    let made = slice(&mut stage, &sweep(false)).await;

    assert_eq!(announced.recorded(), made.recorded());
    assert_eq!((announced.count("refused"), made.count("refused")), (1, 1));
}
