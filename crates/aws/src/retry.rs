use aws_sdk_secretsmanager::config::interceptors::InterceptorContext;
use aws_sdk_secretsmanager::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_secretsmanager::config::{Builder, Config};
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::remove_regions_from_replication::RemoveRegionsFromReplicationError;
use aws_sdk_secretsmanager::operation::replicate_secret_to_regions::ReplicateSecretToRegionsError;

use super::error::THROTTLING_CODES;

/// Returns the configuration for a write: the SDK retries only calls that AWS rejected before executing
/// them (throttling).
pub(super) fn only_unless_executed() -> Builder {
    Config::builder().retry_classifier(OnlyUnlessExecuted)
}

#[derive(Debug)]
struct OnlyUnlessExecuted;

impl ClassifyRetry for OnlyUnlessExecuted {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let code = error.as_operation_error().and_then(|error| {
            let replicate = error.downcast_ref::<ReplicateSecretToRegionsError>();
            let remove = error.downcast_ref::<RemoveRegionsFromReplicationError>();
            let code = replicate.and_then(ProvideErrorMetadata::code);
            code.or(remove.and_then(ProvideErrorMetadata::code))
        });
        let throttled = code.is_some_and(|code| THROTTLING_CODES.contains(&code));
        if throttled {
            RetryAction::NoActionIndicated
        } else {
            RetryAction::RetryForbidden
        }
    }

    fn name(&self) -> &'static str {
        "only unless executed"
    }
}
