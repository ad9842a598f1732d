use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Config, Credentials, Region};
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

/// An endpoint on this machine, whose certificate nobody but `authority` vouches for.
struct Endpoint {
    address: String,
    authority: String,
    connections: Arc<AtomicUsize>,
}

impl Endpoint {
    async fn start(name: &str) -> anyhow::Result<Endpoint> {
        let mut root = CertificateParams::new(Vec::new())?;
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new([name.to_owned()])?.signed_by(&key, &root)?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::from(key))?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("https://localhost:{}", listener.local_addr()?.port());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                // The client says what went wrong.
                let _ = answer(&acceptor, stream).await;
            }
        });
        Ok(Endpoint {
            address,
            authority: root.pem(),
            connections,
        })
    }

    async fn describe(&self, client: &SharedHttpClient) -> Result<(), String> {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(Credentials::new("AKIA", "secret", None, None, "test"))
            .region(Region::new("eu-central-1"))
            .endpoint_url(&self.address)
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .http_client(client.clone())
            .build();
        let call = Client::from_conf(config).describe_secret().secret_id("db");
        let answer = call.send().await;
        answer
            .map(drop)
            .map_err(|error| DisplayErrorContext(error).to_string())
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// One answer, and the connection is closed.
async fn answer(acceptor: &TlsAcceptor, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    // The request ends with its body.
    stream.read_until(b'}', &mut Vec::new()).await?;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    stream.write_all(answer).await?;
    stream.shutdown().await
}

/// The system's roots: those of the endpoint's authority.
fn system(endpoint: &Endpoint) -> TrustStore {
    TrustStore::empty().with_pem_certificate(endpoint.authority.as_bytes())
}

/// What is logged as long as it lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || writer.clone());
        let guard = tracing::subscriber::set_default(lines.finish());
        (log, guard)
    }

    fn warnings(&self) -> usize {
        let log = self.0.lock().unwrap();
        String::from_utf8_lossy(&log)
            .matches("Amazon's roots do not vouch")
            .count()
    }
}

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn whom_amazons_roots_do_not_vouch_for_the_systems_may() -> anyhow::Result<()> {
    let (log, _guard) = Log::start();
    let endpoint = Endpoint::start("localhost").await?;
    let client = trusting_amazon_then(system(&endpoint));
    assert_eq!(endpoint.describe(&client).await, Ok(()));
    assert_eq!(endpoint.connections(), 2);
    // From then on Amazon's alone are not tried before.
    assert_eq!(endpoint.describe(&client).await, Ok(()));
    assert_eq!(endpoint.connections(), 3);
    assert_eq!(log.warnings(), 1);
    Ok(())
}

#[tokio::test]
async fn whom_neither_vouches_for_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    let (log, _guard) = Log::start();
    let endpoint = Endpoint::start("localhost").await?;
    let client = trusting_amazon_then(TrustStore::empty());
    for attempt in 1..=2 {
        let error = endpoint.describe(&client).await.unwrap_err();
        assert!(error.contains("UnknownIssuer"), "{error}");
        assert_eq!(endpoint.connections(), 2 * attempt);
    }
    assert_eq!(log.warnings(), 0);
    Ok(())
}

#[tokio::test]
async fn where_roots_are_named_no_others_are_tried() -> anyhow::Result<()> {
    let endpoint = Endpoint::start("localhost").await?;
    let client = trusting(system(&endpoint));
    assert_eq!(endpoint.describe(&client).await, Ok(()));
    assert_eq!(endpoint.connections(), 1);
    let others = trusting(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS));
    assert!(endpoint.describe(&others).await.is_err());
    assert_eq!(endpoint.connections(), 2);
    Ok(())
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_whoever_vouches_for_it() -> anyhow::Result<()> {
    let endpoint = Endpoint::start("elsewhere").await?;
    let client = trusting_amazon_then(system(&endpoint));
    let error = endpoint.describe(&client).await.unwrap_err();
    assert!(error.contains("NotValidForName"), "{error}");
    Ok(())
}

#[test]
fn only_what_is_wrong_with_a_certificate_is_about_one() {
    let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
    let nested = io::Error::other(io::Error::other(expired.clone()));
    assert!(is_about_a_certificate(&ConnectorError::io(expired.into())));
    assert!(is_about_a_certificate(&ConnectorError::io(nested.into())));
    let other = rustls::Error::HandshakeNotComplete;
    assert!(!is_about_a_certificate(&ConnectorError::io(other.into())));
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    assert!(!is_about_a_certificate(&ConnectorError::io(reset.into())));
}
