//! The programs that are measured side by side.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use secret_replicator_emulator::LambdaSettings;
use serde::{Deserialize, Serialize};

use crate::event::REGION;
use crate::server::{Authority, Transport};

/// A program that does the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// The function of this repository.
    SecretReplicator,
    /// A bare `lambda_runtime`: it answers, and makes no calls.
    HelloWorld,
    /// The SDK under `lambda_runtime`, as its documentation sets it up. It makes the function's calls
    /// and nothing else.
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

    /// The transports of its calls; HTTP also stands for none.
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

/// The programs, ready to start.
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
    /// Prepares the programs in the directory for files of a run.
    pub(crate) fn new(
        options: &crate::options::Programs,
        work: &Path,
        authority: &Authority,
    ) -> anyhow::Result<Programs> {
        // Not canonical: a virtual environment is known by the path of its link to Python.
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

    /// The program that Lambda would start.
    pub(crate) fn entry(&self, contender: Contender) -> &Path {
        match contender {
            Contender::SecretReplicator => &self.bootstrap,
            Contender::HelloWorld => &self.hello,
            Contender::BareSdk => &self.sdk,
            Contender::Python => &self.python_function,
        }
    }

    /// The interpreter with the peer's packages.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// A function that calls AWS at this endpoint and trusts the bundle.
    pub(crate) fn lambda(&self, program: &Path, endpoint: &str) -> LambdaSettings {
        lambda(program, endpoint, &self.roots)
    }
}

/// A function that calls AWS at this endpoint and trusts these roots. rustls reads `SSL_CERT_FILE`,
/// boto3 reads `AWS_CA_BUNDLE`.
pub(crate) fn lambda(program: &Path, endpoint: &str, roots: &Path) -> LambdaSettings {
    let roots = roots.to_string_lossy();
    LambdaSettings::new(program, REGION)
        .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint)
        .with_env("AWS_CA_BUNDLE", roots.clone())
        .with_env("SSL_CERT_FILE", roots)
        // The replicas are in sync at once.
        .with_env("REPLICATION_WAIT_SECONDS", "0")
        .with_timeout(Duration::from_mins(15))
}

/// Copies a program, as unpacking does: the way in which the linker wrote a file changes how fast it
/// starts.
fn unpacked(program: &Path, work: &Path) -> anyhow::Result<PathBuf> {
    let name = program.file_name().context("a program has a name")?;
    let directory = std::path::absolute(work.join("programs"))?;
    fs::create_dir_all(&directory)?;
    let copy = directory.join(name);
    fs::copy(program, &copy).with_context(|| format!("cannot copy {}", program.display()))?;
    Ok(copy)
}

/// Writes a script.
pub(crate) fn write_executable(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
