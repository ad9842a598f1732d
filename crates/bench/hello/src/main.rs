//! The least that a Lambda function in Rust can be: the floor of every measurement.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let handler = |event: LambdaEvent<Value>| async move {
        Ok::<_, Error>(event.payload["detail"]["eventName"].clone())
    };
    lambda_runtime::run(service_fn(handler)).await
}
