//! The size of the uploads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::contender::{Contender, Programs};
use crate::results::SizeResult;

/// Measures the size of every contender.
pub(crate) fn measure(programs: &Programs, work: &Path) -> anyhow::Result<Vec<SizeResult>> {
    Contender::ALL
        .into_iter()
        .map(|contender| {
            let content = match contender {
                Contender::Python => packages(programs.python())?,
                _ => vec![programs.entry(contender).to_owned()],
            };
            Ok(SizeResult {
                contender,
                bytes: content
                    .iter()
                    .map(|path| size(path))
                    .sum::<Result<_, _>>()?,
                zip_bytes: zipped(programs.python(), &content, work)?,
            })
        })
        .collect()
}

/// Returns the installed packages of the Python contender, without the installers.
fn packages(python: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let ask = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let answer = Command::new(python).args(["-c", ask]).output()?;
    let directory = String::from_utf8(answer.stdout)?;
    let installers = ["pip", "setuptools", "pkg_resources", "_distutils_hack"];
    let is_installer = |name: &str| installers.iter().any(|prefix| name.starts_with(prefix));
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory.trim()).context("failed to list the packages")? {
        let entry = entry?;
        if !is_installer(&entry.file_name().to_string_lossy()) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Returns the size of a file, or of all files below a directory, in bytes.
fn size(path: &Path) -> anyhow::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

/// Returns the size of a zip file, which Python compresses as well as the deployment tools do.
fn zipped(python: &Path, content: &[PathBuf], work: &Path) -> anyhow::Result<u64> {
    let zip = work.join("function.zip");
    let status = Command::new(python)
        .args(["-m", "zipfile", "--create"])
        .arg(&zip)
        .args(content)
        .status()?;
    ensure!(status.success(), "python -m zipfile failed: {status}");
    Ok(fs::metadata(&zip)?.len())
}
