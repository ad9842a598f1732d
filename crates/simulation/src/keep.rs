//! Scenarios as files.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Writes a value as indented JSON, and creates the directory if needed.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, what: &impl Serialize) -> anyhow::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let text = serde_json::to_string_pretty(what)? + "\n";
    fs::write(path, text).with_context(|| path.display().to_string())
}
