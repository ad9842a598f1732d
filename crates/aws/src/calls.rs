//! Makes the calls of [`SecretsManager`] before their deadline, with a connection of its limits.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use tokio::time::{Instant, timeout_at};

use crate::{CallError, Operation, ReadTime, SecretsManager, WriteError, connect_by};

impl SecretsManager {
    /// Makes a call. It fails without a call if `until` has passed, and without an answer if `until` passes meanwhile.
    pub(crate) async fn call<T, E, C>(
        &self,
        until: Instant,
        operation: Operation,
        call: impl FnOnce() -> C,
    ) -> Result<T, CallError>
    where
        C: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match within(until, self.connected(call)).await {
            Some(answer) => answer.map_err(|error| CallError::from_sdk(operation, &error)),
            None => Err(CallError::out_of_time(operation)),
        }
    }

    /// Makes a call as soon as a connection is available.
    async fn connected<T, C: Future<Output = T>>(&self, call: impl FnOnce() -> C) -> T {
        let _connection = match &self.limits {
            Some(limits) => limits.connection().await,
            None => None,
        };
        // Boxed, because a call's future is large, and built only now, so that a task that waits for
        // a connection takes little memory.
        Box::pin(call()).await
    }

    /// Makes a write, unless the read on which it rests has become too old while the write waited for a permit or for
    /// a new connection. A write that got no connection before `until` has certainly not been executed.
    pub(crate) async fn write<T, E, C>(
        &self,
        read: ReadTime,
        until: Instant,
        operation: Operation,
        call: impl FnOnce() -> C,
    ) -> Result<T, WriteError>
    where
        C: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let is_begun = AtomicBool::new(false);
        let if_fresh = async || {
            if read.is_fresh() {
                is_begun.store(true, Ordering::Relaxed);
                Some(call().await)
            } else {
                None
            }
        };
        match within(until, self.connected(if_fresh)).await {
            Some(Some(Err(error))) if connect_by::is_too_late(&error) => Err(WriteError::Stale),
            Some(Some(answer)) => {
                answer.map_err(|error| CallError::from_sdk(operation, &error).into())
            }
            Some(None) => Err(WriteError::Stale),
            None if self.limits.is_some() && !is_begun.into_inner() => {
                Err(CallError::not_sent(operation).into())
            }
            None => Err(CallError::out_of_time(operation).into()),
        }
    }
}

/// Runs a call until `until`. Returns `None` if it is not complete then.
async fn within<T>(until: Instant, call: impl Future<Output = T>) -> Option<T> {
    if until <= Instant::now() {
        return None;
    }
    timeout_at(until, call).await.ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::BehaviorVersion;
    use aws_sdk_secretsmanager::config::Config;
    use secret_replicator_core::secret::SecretArn;

    use super::*;
    use crate::CallErrorKind;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_gets_no_connection_in_time_is_not_sent() {
        let config = Config::builder().behavior_version(BehaviorVersion::v2026_01_12());
        let client = SecretsManager::new(config).with_write_rate(1);
        let limits = client.limits.as_ref().unwrap();
        let _all = limits.all_connections().await.unwrap();
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";
        let arn = SecretArn::parse(arn).unwrap();
        let until = Instant::now() + Duration::from_secs(1);
        let slot = client.write_slot(until).await.unwrap();
        let removed = client.remove(&arn, &[], ReadTime::now(), slot, until).await;
        let Err(WriteError::Call(error)) = removed else {
            panic!("{removed:?}")
        };
        assert_eq!(error.kind, CallErrorKind::NotSent);
        assert!(!error.may_have_been_executed());
    }
}
