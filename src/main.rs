//! The Lambda function's `bootstrap` binary. Contains only the wiring.

use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use secret_replicator::handler::Function;
use secret_replicator::misconfigured::Misconfigured;
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
    let function = match Settings::from_environment() {
        Ok(settings) => {
            startup::announce(&settings);
            Ok(Function::new(
                settings,
                SecretsManager::from_environment().await,
            ))
        }
        Err(invalid) => {
            startup::report(&invalid);
            Err(Misconfigured::new(invalid))
        }
    };
    let handler = service_fn(async |event: LambdaEvent<_>| match &function {
        Ok(function) => function.handle(event).await,
        Err(misconfigured) => misconfigured.handle(&event).await,
    });
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the Lambda runtime failed");
            ExitCode::FAILURE
        }
    }
}
