//! The Lambda function's `bootstrap` binary. Contains only the wiring.

use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use secret_replicator::handler::Function;
use secret_replicator::settings::Settings;
use secret_replicator::startup;
use secret_replicator_aws::SecretsManager;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        eprintln!("{}", startup::OUTSIDE_LAMBDA);
        return ExitCode::FAILURE;
    }
    startup::log();
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(invalid) => return startup::refuse(&invalid).await,
    };
    startup::announce(&settings);
    let function = Function::new(settings, SecretsManager::from_environment().await);
    let handler = service_fn(|event: LambdaEvent<_>| function.handle(event));
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the Lambda runtime failed");
            ExitCode::FAILURE
        }
    }
}
