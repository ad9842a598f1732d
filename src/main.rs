//! The Lambda function's `bootstrap`: wiring only.

use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use secret_replicator::function::Function;
use secret_replicator::secrets_manager::SecretsManager;
use secret_replicator::settings::Settings;
use secret_replicator::start;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start::log();
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(invalid) => return start::refuse(&invalid).await,
    };
    start::announce(&settings);
    let function = Function::new(settings, SecretsManager::from_environment().await);
    let handler = service_fn(|event: LambdaEvent<_>| function.handle(event));
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the Lambda runtime ended");
            ExitCode::FAILURE
        }
    }
}
