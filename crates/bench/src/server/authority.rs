//! A chain of certificates like that of the AWS endpoints, generated for each run.

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

use crate::machine::system_roots;

/// A leaf certificate for 127.0.0.1 with its chain, and the files with the root.
pub(crate) struct Authority {
    leaf_key: Vec<u8>,
    chain: Vec<CertificateDer<'static>>,
    root: PathBuf,
    bundle: PathBuf,
}

impl Authority {
    /// Generates the chain and writes the root into two files of this directory: alone, and appended
    /// to the roots of the system. All keys are 2048-bit RSA keys, as those of the AWS endpoints.
    pub(crate) fn new(directory: &Path) -> anyhow::Result<Authority> {
        let root = CertifiedIssuer::self_signed(issuer("Bench Root")?, rsa_key()?)?;
        let intermediate = issuer("Bench Intermediate")?;
        let intermediate = CertifiedIssuer::signed_by(intermediate, rsa_key()?, &root)?;
        let leaf_key = rsa_key()?;
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let leaf = CertificateParams::new(names)?.signed_by(&leaf_key, &intermediate)?;
        let write = |name, text| {
            let path = std::path::absolute(directory.join(name))?;
            std::fs::write(&path, text)
                .with_context(|| format!("failed to write {}", path.display()))?;
            anyhow::Ok(path)
        };
        Ok(Authority {
            leaf_key: leaf_key.serialize_der(),
            chain: vec![leaf.der().clone(), intermediate.der().clone()],
            root: write("root.pem", root.pem())?,
            bundle: write("bundle.pem", system_roots() + &root.pem())?,
        })
    }

    /// The file with the root alone.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The file with the roots of the system and this one.
    pub(crate) fn bundle(&self) -> &Path {
        &self.bundle
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
