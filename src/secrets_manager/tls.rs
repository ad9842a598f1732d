//! Whom the function takes for AWS: certificates under Amazon's own roots, and those that the system
//! trusts.

use std::env;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The roots that AWS recommends to whoever trusts a list of his own (Amazon Trust Services
/// repository; AWS Certificate Manager user guide, "Certificate pinning").
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// The SDK's client, which trusts Amazon's roots and, where they do not vouch for a certificate, the
/// system's. It reads the system's only then: reading them is most of a start.
///
/// Who names roots in `SSL_CERT_FILE` or `SSL_CERT_DIR` asks for these and no others.
pub(super) fn client() -> SharedHttpClient {
    let names_roots = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let system = TrustStore::default();
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .any(names_roots)
    {
        trusting(system)
    } else {
        trusting_amazon_then(system)
    }
}

/// A client that trusts Amazon's roots, and these besides where Amazon's do not vouch.
fn trusting_amazon_then(system: TrustStore) -> SharedHttpClient {
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let both = system.with_pem_certificate(AMAZON_ROOTS);
    SharedHttpClient::new(AmazonThenSystem {
        amazon: trusting(amazon),
        both: trusting(both),
        uses_both: Arc::default(),
    })
}

/// A client that trusts these roots, and is otherwise the SDK's default one.
fn trusting(roots: TrustStore) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let context = TlsContext::builder().with_trust_store(roots.clone());
        let mut connector = ConnectorBuilder::default()
            .tls_provider(Provider::rustls(CryptoMode::Ring))
            .tls_context(context.build().expect("roots are looked at later"));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

/// Trusts Amazon's roots alone until they do not vouch for a certificate that the system's do vouch
/// for, and both from then on.
///
/// It makes no connector before there is something to connect to, which a client of the SDK does to
/// check its configuration.
#[derive(Debug)]
struct AmazonThenSystem {
    amazon: SharedHttpClient,
    both: SharedHttpClient,
    uses_both: Arc<AtomicBool>,
}

impl HttpClient for AmazonThenSystem {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        if self.uses_both.load(Ordering::Relaxed) {
            return self.both.http_connector(settings, components);
        }
        SharedHttpConnector::new(AmazonConnector {
            connector: self.amazon.http_connector(settings, components),
            both: Arc::new(Both {
                client: self.both.clone(),
                settings: settings.clone(),
                components: components.clone(),
                is_used: Arc::clone(&self.uses_both),
            }),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.amazon.connector_metadata()
    }
}

#[derive(Debug)]
struct AmazonConnector {
    connector: SharedHttpConnector,
    both: Arc<Both>,
}

/// What a call needs that Amazon's roots were not enough for.
#[derive(Debug)]
struct Both {
    client: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    is_used: Arc<AtomicBool>,
}

impl HttpConnector for AmazonConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(mut again) = request.try_clone() else {
            return self.connector.call(request);
        };
        // Of what the SDK notes beside a request, this decides: whether a connection that AWS has
        // trouble with is used again.
        if let Some(capture) = request.extension::<CaptureSmithyConnection>() {
            again.add_extension(capture.clone());
        }
        let answer = self.connector.call(request);
        let both = Arc::clone(&self.both);
        HttpConnectorFuture::new(async move {
            match answer.await {
                // Nothing was sent yet.
                Err(refused) if is_about_a_certificate(&refused) => {
                    both.call(again, &refused).await
                }
                answer => answer,
            }
        })
    }
}

impl Both {
    async fn call(
        &self,
        request: HttpRequest,
        refused: &ConnectorError,
    ) -> Result<HttpResponse, ConnectorError> {
        let connector = self.client.http_connector(&self.settings, &self.components);
        let answer = connector.call(request).await;
        if answer.is_ok() {
            self.is_used.store(true, Ordering::Relaxed);
            tracing::warn!(
                error = %DisplayErrorContext(refused),
                "Amazon's roots do not vouch for the endpoint's certificate, the system's do"
            );
        }
        answer
    }
}

/// Whether the TLS library has refused the server's certificate, for whatever reason: of several that
/// may apply, it names the most specific one.
fn is_about_a_certificate(error: &ConnectorError) -> bool {
    let mut causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| {
        // An I/O error's source is that of the error within, not the error within.
        let within = error.downcast_ref::<io::Error>();
        match within.and_then(io::Error::get_ref) {
            Some(within) => Some(within as &(dyn Error + 'static)),
            None => error.source(),
        }
    });
    causes.any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(rustls::Error::InvalidCertificate(_))
        )
    })
}

#[cfg(test)]
mod tests;
