//! Limits how long a write waits for its connection: the read on which it rests ages meanwhile. The connect timeout of
//! the SDK does not serve as this limit, because the SDK keeps separate connections for each value of the timeout.

use std::error::Error;
use std::fmt;

use aws_sdk_secretsmanager::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_secretsmanager::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_secretsmanager::error::{BoxError, SdkError};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use tokio::time::{Instant, timeout_at};

/// The latest time at which a request may get its connection. As an interceptor, it adds itself to the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectBy(pub(super) Instant);

impl Intercept for ConnectBy {
    fn name(&self) -> &'static str {
        "ConnectBy"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().add_extension(*self);
        Ok(())
    }
}

/// Returns a client that sends no request with a [`ConnectBy`] that gets its connection later.
pub(super) fn limited(client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Limited(client))
}

/// Returns whether the request was not sent, because it got no connection in time.
pub(super) fn is_too_late<E, R>(error: &SdkError<E, R>) -> bool {
    let SdkError::DispatchFailure(failure) = error else {
        return false;
    };
    let error = failure.as_connector_error();
    let source = error.and_then(Error::source);
    source.is_some_and(<dyn Error>::is::<TooLate>)
}

#[derive(Debug)]
struct Limited<T>(T);

impl HttpClient for Limited<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Limited(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Limited<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let Some(&ConnectBy(time)) = request.extension() else {
            return self.0.call(request);
        };
        let connection = request.extension().cloned().unwrap_or_else(|| {
            let connection = CaptureSmithyConnection::new();
            request.add_extension(connection.clone());
            connection
        });
        let mut call = self.0.call(request);
        HttpConnectorFuture::new(async move {
            match timeout_at(time, &mut call).await {
                Ok(answer) => answer,
                // The connector sends a request as soon as it has the connection.
                Err(_) if connection.get().is_some() => call.await,
                Err(_) => Err(ConnectorError::other(TooLate.into(), None)),
            }
        })
    }
}

/// The error of a request that was not sent, because it got no connection in time.
#[derive(Debug)]
struct TooLate;

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request got no connection in time")
    }
}

impl Error for TooLate {}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use aws_config::BehaviorVersion;
    use aws_sdk_secretsmanager::config::{Config, Credentials, Region};
    use secret_replicator_core::secret::SecretArn;

    use super::*;
    use crate::{MAX_READ_AGE, ReadTime, SecretsManager, WriteError, https};

    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

    /// Requests a removal from an endpoint. The read on which it rests is 1.5 seconds old.
    async fn remove(scheme: &str, listener: &TcpListener) -> Result<(), WriteError> {
        let credentials = Credentials::builder()
            .access_key_id("id")
            .secret_access_key("key")
            .provider_name("test");
        let address = listener.local_addr().unwrap();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials.build())
            .http_client(https::https_client())
            .timeout_config(SecretsManager::timeout_config())
            .endpoint_url(format!("{scheme}://{address}"));
        let client = SecretsManager::new(config);
        let until = Instant::now() + Duration::from_secs(5);
        let slot = client.write_slot(until).await.unwrap();
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";
        let arn = SecretArn::parse(arn).unwrap();
        let read = ReadTime::of_age(Duration::from_millis(1500));
        client.remove(&arn, &[], read, slot, until).await
    }

    #[tokio::test]
    async fn a_write_that_gets_no_connection_while_its_read_is_fresh_is_not_sent() {
        // The TLS handshake gets no answer.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let begun = Instant::now();
        assert_eq!(remove("https", &listener).await, Err(WriteError::Stale));
        let took = begun.elapsed();
        assert!(took < MAX_READ_AGE / 2, "{took:?}");
    }

    #[tokio::test]
    async fn a_write_that_got_its_connection_in_time_may_wait_longer_for_its_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.try_clone().unwrap();
        let server = thread::spawn(move || {
            let (mut connection, _) = server.accept().unwrap();
            let received = connection.read(&mut [0; 8192]).unwrap();
            thread::sleep(Duration::from_secs(1));
            connection.write_all(ANSWER.as_bytes()).unwrap();
            received
        });
        assert_eq!(remove("http", &listener).await, Ok(()));
        assert!(server.join().unwrap() > 0);
    }
}
