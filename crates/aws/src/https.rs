use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::connect_by::limited;

/// Returns the SDK's HTTPS client with ring for cryptography. It trusts the system's root
/// certificates, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, and uses the proxies of the
/// environment variables.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    limited(Builder::new().build_with_connector_fn(connector))
}

/// Returns a connector with the cryptography, certificates and proxies of [`https_client`].
pub(super) fn connector(
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
) -> Connector {
    let mut connector =
        ConnectorBuilder::default().tls_provider(Provider::rustls(CryptoMode::Ring));
    connector.set_connector_settings(settings.cloned());
    connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    connector.set_proxy_config(Some(ProxyConfig::from_env()));
    connector.build()
}
