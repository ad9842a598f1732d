//! A minimal Lambda function in Rust, the lower bound of the measurements.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let handler = |event: LambdaEvent<Value>| async move {
        Ok::<_, Error>(event.payload["detail"]["eventName"].clone())
    };
    lambda_runtime::run(service_fn(handler)).await
}
