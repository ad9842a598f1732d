//! The real SDK against the server.

use std::collections::BTreeSet;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::RequestId;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::types::{
    Filter, FilterNameStringType, ReplicaRegionType, StatusType, Tag,
};
use secret_replicator_emulator::{Emulator, Outcome, SecretSeed, WorldSettings};
use serde_json::json;

use crate::support::{HOME, IRELAND, client, emulator};

fn replica(region: &str) -> ReplicaRegionType {
    ReplicaRegionType::builder().region(region).build()
}

#[tokio::test]
async fn the_sdk_creates_replicates_and_reads_a_secret() {
    let emulator = emulator().await;
    let home = client(&emulator, HOME).await;
    let tag = Tag::builder().key("tier").value("1").build();
    let call = home.create_secret().name("app").secret_string("v");
    let arn = call.tags(tag).send().await.unwrap().arn.unwrap();

    let call = home.replicate_secret_to_regions().secret_id(&arn);
    let call = call.add_replica_regions(replica(IRELAND));
    let answer = call.send().await.unwrap();
    let row = &answer.replication_status()[0];
    assert_eq!(row.status(), Some(&StatusType::InProgress));

    let call = home.describe_secret().secret_id("app");
    let described = call.send().await.unwrap();
    let row = &described.replication_status()[0];
    assert_eq!(row.status(), Some(&StatusType::InSync));
    assert_eq!(described.primary_region(), Some(HOME));
    assert!(described.created_date().is_some());
    assert_eq!(described.tags()[0].key(), Some("tier"));

    let ireland = client(&emulator, IRELAND).await;
    let call = ireland.get_secret_value().secret_id("app");
    let value = call.send().await.unwrap();
    assert_eq!(value.secret_string(), Some("v"));
}

#[tokio::test]
async fn the_sdk_changes_releases_deletes_and_restores_a_secret() {
    let emulator = emulator().await;
    let seed = SecretSeed::new(HOME, "app").with_replica_in(IRELAND);
    emulator.with(|world, now| world.seed(now, seed.with_replica_in("us-west-2")));
    let home = client(&emulator, HOME).await;
    let tag = Tag::builder().key("tier").value("2").build();
    let call = home.tag_resource().secret_id("app").tags(tag);
    call.send().await.unwrap();
    let call = home.untag_resource().secret_id("app").tag_keys("tier");
    call.send().await.unwrap();
    let call = home.put_secret_value().secret_id("app").secret_string("w");
    call.send().await.unwrap();

    let call = home.remove_regions_from_replication().secret_id("app");
    let call = call.remove_replica_regions("us-west-2");
    assert_eq!(call.send().await.unwrap().replication_status().len(), 2);
    let oregon = client(&emulator, "us-west-2").await;
    let call = oregon.stop_replication_to_replica().secret_id("app");
    call.send().await.unwrap();
    let ireland = client(&emulator, IRELAND).await;
    let call = ireland.stop_replication_to_replica().secret_id("app");
    call.send().await.unwrap();

    let call = home.delete_secret().secret_id("app");
    assert!(call.send().await.unwrap().deletion_date().is_some());
    let call = home.restore_secret().secret_id("app");
    assert_eq!(call.send().await.unwrap().name(), Some("app"));
}

#[tokio::test]
async fn the_pages_of_a_list_hold_every_secret_once() {
    let emulator = emulator().await;
    emulator.with(|world, now| {
        for number in 0..230 {
            let name = format!("s{number:03}");
            world.seed(now, SecretSeed::new(HOME, name).with_tag("tier", "1"));
        }
        world.seed(now, SecretSeed::new(HOME, "untagged"));
    });
    let filter = Filter::builder()
        .key(FilterNameStringType::TagKey)
        .values("tier")
        .build();
    let client = client(&emulator, HOME).await;
    let call = client.list_secrets().filters(filter);
    let pages = call.into_paginator().send().collect::<Result<Vec<_>, _>>();
    let pages = pages.await.unwrap();
    let names: BTreeSet<_> = pages
        .iter()
        .flat_map(ListSecretsOutput::secret_list)
        .filter_map(|secret| secret.name())
        .collect();
    assert_eq!(pages.len(), 3);
    assert_eq!(names.len(), 230);
    assert_eq!(emulator.calls_to("ListSecrets").len(), 3);
}

#[tokio::test]
async fn an_error_has_code_message_and_request_id() {
    let emulator = emulator().await;
    let client = client(&emulator, HOME).await;
    let error = client
        .describe_secret()
        .secret_id("app")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
    assert_eq!(
        error.message(),
        Some("Secrets Manager can't find the specified secret.")
    );
    assert!(error.request_id().is_some());
    assert!(error.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn an_unmodelled_error_keeps_its_code_and_message() {
    let emulator = emulator().await;
    emulator.with(|world, _| world.deny(secret_replicator_emulator::Denial::everything()));
    let client = client(&emulator, HOME).await;
    let error = client
        .describe_secret()
        .secret_id("app")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert!(
        error
            .message()
            .unwrap()
            .contains("is not authorized to perform")
    );
}

#[tokio::test]
async fn calls_are_logged_in_order_without_values_and_tokens() {
    let emulator = emulator().await;
    let home = client(&emulator, HOME).await;
    home.create_secret()
        .name("app")
        .secret_string("v")
        .send()
        .await
        .unwrap();
    let call = home.put_secret_value().secret_id("app").secret_string("w");
    call.send().await.unwrap();
    let ireland = client(&emulator, IRELAND).await;
    ireland
        .describe_secret()
        .secret_id("app")
        .send()
        .await
        .unwrap_err();
    let calls = emulator.calls();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.operation.as_str(),
                call.region.as_str(),
                call.secret_id.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("CreateSecret", HOME, Some("app")),
        ("PutSecretValue", HOME, Some("app")),
        ("DescribeSecret", IRELAND, Some("app")),
    ];
    assert_eq!(seen, expected);
    assert_eq!(calls[0].body, json!({"Name": "app"}));
    assert_eq!(calls[1].body, json!({"SecretId": "app"}));
    assert_eq!(calls[1].outcome, Outcome::Success);
    assert_eq!(calls[2].outcome.code(), Some("ResourceNotFoundException"));
    assert!(calls[0].time <= calls[2].time);
    emulator.forget_calls();
    assert_eq!(emulator.calls(), []);
}

#[tokio::test]
async fn the_port_is_free_again_once_the_emulator_is_dropped() {
    let emulator = emulator().await;
    let address = emulator
        .endpoint()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let client = client(&emulator, HOME).await;
    client.list_secrets().send().await.unwrap();
    drop(emulator);
    let again = Emulator::start_at(address, WorldSettings::default())
        .await
        .unwrap();
    let taken = Emulator::start_at(address, WorldSettings::default()).await;
    assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(again);
}
