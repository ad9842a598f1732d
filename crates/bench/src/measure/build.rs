//! How long the function takes to build, from nothing and after a change of one file.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime};

use anyhow::{Context, ensure};

use crate::results::BuildResult;

/// What a change is made to, as far as cargo can tell.
const CHANGED: &str = "src/policy.rs";

/// Builds in a directory of its own.
pub(crate) fn measure(work: &Path) -> anyhow::Result<Vec<BuildResult>> {
    let target = work.join("build");
    let mut rows = Vec::new();
    for profile in ["dev", "release"] {
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        let clean_seconds = build(profile, &target)?;
        let changed = File::options().append(true).open(CHANGED);
        let changed = changed.with_context(|| format!("there is no {CHANGED} here"))?;
        changed.set_modified(SystemTime::now())?;
        rows.push(BuildResult {
            profile: profile.to_owned(),
            clean_seconds,
            incremental_seconds: build(profile, &target)?,
        });
    }
    fs::remove_dir_all(&target)?;
    Ok(rows)
}

fn build(profile: &str, target: &Path) -> anyhow::Result<f64> {
    let started = Instant::now();
    let status = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--locked",
            "--bin=bootstrap",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target)
        .status()?;
    ensure!(status.success(), "it does not build");
    Ok(started.elapsed().as_secs_f64())
}
