//! Tests of events that are too old to wait for, and of events that are so new that a read may not show the
//! change yet.

use std::time::{Duration, Instant};

use secret_replicator_emulator::SecretSeed;
use serde_json::json;

use crate::stage::{HOME, Stage, create_secret_event, deliver, just_now, setting, tagged};

const MISSING: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";

#[tokio::test]
async fn a_secret_that_an_old_event_names_and_that_is_gone_is_skipped_at_once() {
    let mut stage = Stage::new().await;
    let delivery = stage
        .deliver(&create_secret_event("prod/db", MISSING))
        .await;
    delivery.ends_well("skipped");
    assert_eq!(delivery.reason(), "secret-not-found");
    assert_eq!(stage.aws.calls().len(), 1);
}

#[tokio::test]
async fn a_secret_that_a_tag_just_covered_is_read_again_before_it_is_skipped() {
    let mut stage = Stage::new().await;
    stage.secret(SecretSeed::new(HOME, "prod/db"));
    let event = just_now(stage.event_of("tag-resource.json", "prod/db"));
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let tags = json!([{ "Key": "replicate-to", "Value": "eu-west-1" }]);
        let body = json!({ "SecretId": "prod/db", "Tags": tags });
        aws.with(|world, now| world.handle(now, HOME, "TagResource", &body))
    };
    let (delivery, tagged) = tokio::join!(deliver(function, &event), owner);
    tagged.expect("the owner may tag");
    delivery.ends_well("replicated");
}

#[tokio::test]
async fn a_restored_secret_that_still_looks_deleted_is_read_again() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1").with_scheduled_deletion());
    let event = just_now(stage.event_of("restore-secret.json", "prod/db"));
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let body = json!({ "SecretId": "prod/db" });
        aws.with(|world, now| world.handle(now, HOME, "RestoreSecret", &body))
    };
    let (delivery, restored) = tokio::join!(deliver(function, &event), owner);
    restored.expect("the owner may restore");
    delivery.ends_well("replicated");
}

#[tokio::test]
async fn a_tag_that_was_just_removed_leads_to_no_write() {
    let mut stage = Stage::new().await;
    stage.secret(tagged("prod/db", "eu-west-1"));
    let event = just_now(stage.event_of("untag-resource.json", "prod/db"));
    let Stage { aws, function, .. } = &mut stage;
    let owner = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let body = json!({ "SecretId": "prod/db", "TagKeys": ["replicate-to"] });
        aws.with(|world, now| world.handle(now, HOME, "UntagResource", &body))
    };
    let (delivery, untagged) = tokio::join!(deliver(function, &event), owner);
    untagged.expect("the owner may untag");
    delivery.ends_well("skipped");
    assert!(stage.requested().is_empty());
}

#[tokio::test]
async fn only_a_new_event_that_would_be_skipped_costs_a_second_read() {
    let mut stage = Stage::new().await;
    stage.secret(SecretSeed::new(HOME, "prod/db"));
    let old = stage.event_of("tag-resource.json", "prod/db");
    let new = just_now(old.clone());
    for (event, calls) in [(&old, 1), (&new, 2)] {
        let before = stage.aws.calls().len();
        let begun = Instant::now();
        stage.deliver(event).await.ends_well("skipped");
        assert_eq!(stage.aws.calls().len() - before, calls);
        assert!(calls == 1 || begun.elapsed() > Duration::from_secs(4));
    }
}

#[tokio::test]
async fn a_short_deadline_ends_the_wait_for_a_second_read() {
    let mut stage = setting().timeout(Duration::from_secs(3)).start().await;
    stage.secret(SecretSeed::new(HOME, "prod/db"));
    let event = just_now(stage.event_of("tag-resource.json", "prod/db"));
    stage.deliver(&event).await.ends_well("skipped");
    assert_eq!(stage.aws.calls().len(), 1);
}
