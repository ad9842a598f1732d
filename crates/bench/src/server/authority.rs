//! A chain of certificates like that of AWS's endpoints, made for one run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// As many roots as a Linux distribution trusts, about: a process reads them all to find one.
const OTHER_ROOTS: usize = 140;

/// A root, an intermediate, a leaf for 127.0.0.1, and the file of roots that trusts them.
pub(crate) struct Authority {
    leaf_key: Vec<u8>,
    chain: Vec<CertificateDer<'static>>,
    roots: PathBuf,
}

impl Authority {
    /// Makes the chain, and writes the file of roots into this directory. RSA of 2048 bits
    /// throughout, as AWS's endpoints have it.
    pub(crate) fn new(directory: &Path) -> anyhow::Result<Authority> {
        let root = CertifiedIssuer::self_signed(issuer("Bench Root")?, rsa_key()?)?;
        let intermediate = issuer("Bench Intermediate")?;
        let intermediate = CertifiedIssuer::signed_by(intermediate, rsa_key()?, &root)?;
        let leaf_key = rsa_key()?;
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let leaf = CertificateParams::new(names)?.signed_by(&leaf_key, &intermediate)?;
        let roots = directory.join("roots.pem");
        std::fs::write(&roots, other_roots()? + &root.pem())
            .with_context(|| format!("cannot write {}", roots.display()))?;
        Ok(Authority {
            leaf_key: leaf_key.serialize_der(),
            chain: vec![leaf.der().clone(), intermediate.der().clone()],
            roots: std::path::absolute(roots)?,
        })
    }

    /// The file of roots.
    pub(crate) fn roots(&self) -> &Path {
        &self.roots
    }

    pub(super) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key.clone()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn rsa_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
}

fn issuer(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// Roots that nobody signs with. One key for all: only their number and size matter.
fn other_roots() -> Result<String, rcgen::Error> {
    let key = rsa_key()?;
    (0..OTHER_ROOTS)
        .map(|index| {
            Ok(issuer(&format!("Other Root {index}"))?
                .self_signed(&key)?
                .pem())
        })
        .collect()
}
