//! The benchmark of the policy in `crates/core`.

use std::process::{Command, Stdio};

use anyhow::ensure;

/// Runs the benchmark and returns divan's table of its figures.
pub(crate) fn measure() -> anyhow::Result<String> {
    let output = Command::new("cargo")
        .args(["bench", "--locked", "--package", "secret-replicator-core"])
        .args(["--bench", "policy"])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(
        output.status.success(),
        "cargo bench failed: {}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}
