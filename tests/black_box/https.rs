//! Tests of HTTPS with the root certificates in `SSL_CERT_FILE`. Lambda's image has one such bundle.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secret_replicator_emulator::Emulator;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::stage::{Stage, setting, tagged};

/// An HTTPS endpoint in front of the emulator, with its own certificate authority.
struct HttpsEndpoint {
    url: String,
    authority: String,
}

impl HttpsEndpoint {
    /// Starts the endpoint with a certificate for a host. The function calls the endpoint as `localhost`.
    async fn start(aws: &Emulator, host: &str) -> anyhow::Result<Self> {
        let (acceptor, authority) = certify(host)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let emulator = aws.endpoint().trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, emulator) = (acceptor.clone(), emulator.clone());
                tokio::spawn(async move {
                    // Fails if the client does not trust the certificate.
                    let mut client = acceptor.accept(client).await?;
                    let mut emulator = TcpStream::connect(emulator).await?;
                    copy_bidirectional(&mut client, &mut emulator).await
                });
            }
        });
        Ok(Self { url, authority })
    }
}

/// Creates a certificate for a host and its certificate authority.
fn certify(host: &str) -> anyhow::Result<(TlsAcceptor, String)> {
    let mut root = CertificateParams::new(Vec::new())?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([host.to_owned()])?.signed_by(&key, &root)?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(key))?;
    Ok((TlsAcceptor::from(Arc::new(config)), root.pem()))
}

/// Starts a stage whose function calls the endpoint and trusts only this bundle.
async fn stage(
    host: &str,
    trusted: impl FnOnce(&HttpsEndpoint) -> String,
) -> anyhow::Result<(Stage, TempDir)> {
    let mut stage = Stage::new().await;
    let endpoint = HttpsEndpoint::start(&stage.aws, host).await?;
    let directory = TempDir::new()?;
    let bundle: PathBuf = directory.path().join("roots.pem");
    std::fs::write(&bundle, trusted(&endpoint))?;
    stage.function = setting()
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoint.url)
        .env("SSL_CERT_FILE", &bundle.display().to_string())
        .function(&stage.aws)
        .await?;
    Ok((stage, directory))
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted() -> anyhow::Result<()> {
    let (mut stage, _directory) = stage("localhost", |endpoint| endpoint.authority.clone()).await?;
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_well("replicated");
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_the_event_is_retried()
-> anyhow::Result<()> {
    let (_, another) = certify("localhost")?;
    let (mut stage, _directory) = stage("localhost", |_| another).await?;
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    let detail = delivery.record["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("invalid peer certificate"), "{detail}");
    assert!(stage.requested().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() -> anyhow::Result<()> {
    let (mut stage, _directory) =
        stage("example.com", |endpoint| endpoint.authority.clone()).await?;
    let delivery = stage.create(tagged("prod/db", "eu-west-1")).await;
    delivery.ends_in_error("failed", "ServiceUnavailable");
    assert!(stage.requested().is_empty());
    Ok(())
}
