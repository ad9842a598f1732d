//! The SDK, set up as in its documentation, with the function's calls: no policy, limits, polling or
//! record.

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{ReplicaRegionType, ReplicationStatusType, Tag};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let https = Builder::new().tls_provider(Provider::rustls(CryptoMode::Ring));
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(https.build_https())
        .load()
        .await;
    let client = &Client::new(&config);
    let handler = async |event: LambdaEvent<Value>| replicate(client, &event.payload).await;
    lambda_runtime::run(service_fn(handler)).await
}

async fn replicate(client: &Client, event: &Value) -> Result<(), Error> {
    let arn = &event["detail"]["responseElements"]["arn"];
    let arn = arn
        .as_str()
        .ok_or("the event contains no ARN of a secret")?;
    let secret = client.describe_secret().secret_id(arn).send().await?;
    let is_tag = |tag: &&Tag| tag.key() == Some("replicate-to");
    let Some(region) = secret.tags().iter().find(is_tag).and_then(Tag::value) else {
        return Ok(());
    };
    let is_there = |replica: &ReplicationStatusType| replica.region() == Some(region);
    if !secret.replication_status().iter().any(is_there) {
        let replica = ReplicaRegionType::builder().region(region).build();
        let request = client.replicate_secret_to_regions().secret_id(arn);
        request.add_replica_regions(replica).send().await?;
    }
    Ok(())
}
