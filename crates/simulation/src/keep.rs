//! Results and scenarios as files.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Writes something as JSON for people, and makes the directory if there is none.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write(path: &Path, what: &impl Serialize) -> anyhow::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let text = serde_json::to_string_pretty(what)? + "\n";
    fs::write(path, text).with_context(|| path.display().to_string())
}
