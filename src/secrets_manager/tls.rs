//! Whom the function takes for AWS: certificates under Amazon's own roots, and those that the system
//! trusts.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::CertificateError;

/// The roots that AWS recommends to trust whoever lists some (Amazon Trust Services repository; AWS
/// Certificate Manager user guide, "Certificate pinning").
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// The SDK's client, which trusts Amazon's roots and, where they do not vouch for a certificate, the
/// system's. It reads the system's only then: reading them is most of a start.
///
/// Who names roots in `SSL_CERT_FILE` or `SSL_CERT_DIR` is asking for these and no others.
pub(super) fn client() -> SharedHttpClient {
    let names_roots = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .any(names_roots)
    {
        return trusting(TrustStore::default());
    }
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    first_or_else(trusting(amazon), trusting(TrustStore::default()))
}

/// A client that trusts these roots.
fn trusting(roots: TrustStore) -> SharedHttpClient {
    let context = TlsContext::builder().with_trust_store(roots).build();
    Builder::new()
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .tls_context(context.unwrap_or_default())
        .build_https()
}

/// The first client, and the second one from the moment on when the first does not know who has
/// issued a certificate.
fn first_or_else(first: SharedHttpClient, second: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(FirstOrElse {
        first,
        second,
        is_second: Arc::default(),
    })
}

#[derive(Clone, Debug)]
struct FirstOrElse {
    first: SharedHttpClient,
    second: SharedHttpClient,
    is_second: Arc<AtomicBool>,
}

impl HttpClient for FirstOrElse {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        if self.is_second.load(Ordering::Relaxed) {
            return self.second.http_connector(settings, components);
        }
        SharedHttpConnector::new(FirstConnector {
            connector: self.first.http_connector(settings, components),
            client: self.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.first.connector_metadata()
    }
}

#[derive(Clone, Debug)]
struct FirstConnector {
    connector: SharedHttpConnector,
    client: FirstOrElse,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for FirstConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(again) = request.try_clone() else {
            return self.connector.call(request);
        };
        let answer = self.connector.call(request);
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            match answer.await {
                // Nothing was sent yet.
                Err(error) if is_of_unknown_issuer(&error) => connector.second().call(again).await,
                answer => answer,
            }
        })
    }
}

impl FirstConnector {
    fn second(&self) -> SharedHttpConnector {
        self.client.is_second.store(true, Ordering::Relaxed);
        self.client.http_connector(&self.settings, &self.components)
    }
}

fn is_of_unknown_issuer(error: &ConnectorError) -> bool {
    let mut causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| {
        // An I/O error's source is that of the error within, not the error within.
        let within = error.downcast_ref::<std::io::Error>();
        match within.and_then(std::io::Error::get_ref) {
            Some(within) => Some(within as &(dyn Error + 'static)),
            None => error.source(),
        }
    });
    causes.any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer
            ))
        )
    })
}

#[cfg(test)]
mod tests;
