//! The programs that are compared.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use secret_replicator_emulator::LambdaSettings;
use serde::Serialize;

use crate::event::REGION;
use crate::server::{Authority, Transport};

/// A program of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// The function of this repository.
    SecretReplicator,
    /// A bare `lambda_runtime` without calls to AWS.
    HelloWorld,
    /// The SDK under `lambda_runtime`, set up as in its documentation. It makes the function's calls
    /// without policy, limits or record.
    BareSdk,
    /// boto3 under AWS's own runtime.
    Python,
}

impl Contender {
    /// All contenders.
    pub(crate) const ALL: [Contender; 4] = [
        Contender::HelloWorld,
        Contender::BareSdk,
        Contender::SecretReplicator,
        Contender::Python,
    ];

    /// Returns the transports of its calls. HTTP also stands for a contender without calls.
    pub(crate) fn transports(self) -> &'static [Transport] {
        match self {
            Contender::HelloWorld => &[Transport::Http],
            _ => &[Transport::Http, Transport::Https],
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Contender::SecretReplicator => "secret-replicator",
            Contender::HelloWorld => "hello world",
            Contender::BareSdk => "bare SDK",
            Contender::Python => "Python, boto3",
        })
    }
}

/// The programs, prepared for a run.
pub(crate) struct Programs {
    bootstrap: PathBuf,
    hello: PathBuf,
    sdk: PathBuf,
    python: PathBuf,
    python_function: PathBuf,
    /// The bundle of root certificates.
    roots: PathBuf,
}

impl Programs {
    /// Prepares the programs in the directory for the files of a run.
    pub(crate) fn new(
        options: &crate::options::Programs,
        work: &Path,
        authority: &Authority,
    ) -> anyhow::Result<Programs> {
        // Not canonical: Python finds its virtual environment by the path of the link.
        let python = std::path::absolute(&options.python)?;
        for program in [&options.bootstrap, &options.hello, &options.sdk, &python] {
            anyhow::ensure!(program.is_file(), "{} is missing", program.display());
        }
        let function = work.join("python");
        fs::create_dir_all(&function)?;
        fs::write(
            function.join("handler.py"),
            include_str!("../peer/handler.py"),
        )?;
        let start = function.join("bootstrap");
        let source = include_str!("../peer/bootstrap.py");
        write_executable(&start, &format!("#!{}\n{source}", python.display()))?;
        Ok(Programs {
            bootstrap: unpacked(&options.bootstrap, work)?,
            hello: unpacked(&options.hello, work)?,
            sdk: unpacked(&options.sdk, work)?,
            python,
            python_function: start,
            roots: authority.bundle().to_owned(),
        })
    }

    /// Returns the program that Lambda starts.
    pub(crate) fn entry(&self, contender: Contender) -> &Path {
        match contender {
            Contender::SecretReplicator => &self.bootstrap,
            Contender::HelloWorld => &self.hello,
            Contender::BareSdk => &self.sdk,
            Contender::Python => &self.python_function,
        }
    }

    /// Returns the interpreter with the packages of the Python contender.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Returns the settings of a function that calls AWS at this endpoint and trusts the bundle.
    pub(crate) fn lambda(&self, program: &Path, endpoint: &str) -> LambdaSettings {
        lambda(program, endpoint, &self.roots)
    }
}

/// Returns the settings of a function that calls AWS at this endpoint and trusts these roots. rustls
/// reads `SSL_CERT_FILE`, boto3 reads `AWS_CA_BUNDLE`.
pub(crate) fn lambda(program: &Path, endpoint: &str, roots: &Path) -> LambdaSettings {
    let roots = roots.to_string_lossy();
    LambdaSettings::new(program, REGION)
        .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint)
        .with_env("AWS_CA_BUNDLE", roots.clone())
        .with_env("SSL_CERT_FILE", roots)
        // The emulator reports the replicas in sync at once, so there is nothing to wait for.
        .with_env("REPLICATION_WAIT_SECONDS", "0")
        .with_timeout(Duration::from_mins(15))
}

/// Copies a program, as Lambda does when it unpacks a zip file. The file that the linker wrote takes
/// another time to start than its copy.
fn unpacked(program: &Path, work: &Path) -> anyhow::Result<PathBuf> {
    let name = program.file_name().context("the program has no name")?;
    let directory = std::path::absolute(work.join("programs"))?;
    fs::create_dir_all(&directory)?;
    let copy = directory.join(name);
    fs::copy(program, &copy).with_context(|| format!("failed to copy {}", program.display()))?;
    Ok(copy)
}

/// Writes an executable script.
pub(crate) fn write_executable(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
