use std::fs;
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

/// The file of a page.
#[derive(Debug)]
pub(super) struct HtmlFile {
    path: PathBuf,
}

impl HtmlFile {
    /// Checks that the file can be written: creates a temporary file next to it, and deletes that one.
    ///
    /// # Errors
    /// The path does not name a regular file, or its directory is not writable.
    pub(super) fn check(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        if path == Path::new("-") {
            bail!("--html must name a file, for example `--html report.html`; found `-`");
        }
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            bail!(
                "--html must name a file, for example `--html report.html`; `{name}` exists and is not a \
                 regular file"
            );
        }
        // A rename replaces a symbolic link, and not the file behind it.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = Self { path };
        file.create()?;
        Ok(file)
    }

    /// Writes the file. Readers see the former file or the complete new one. Returns a note for standard error.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<String> {
        let name = self.path.display();
        let failed = || format!("failed to write `{name}`; check the disk space and the directory");
        let temporary = self.create()?;
        let mut to = BufWriter::new(temporary);
        write(&mut to).with_context(failed)?;
        let temporary = to.into_inner().map_err(IntoInnerError::into_error);
        let temporary = temporary.with_context(failed)?;
        temporary.as_file().sync_all().with_context(failed)?;
        temporary.persist(&self.path).with_context(failed)?;
        Ok(format!("wrote the page to `{name}`\n"))
    }

    /// Creates a temporary file in the directory of the file.
    fn create(&self) -> anyhow::Result<NamedTempFile> {
        let directory = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".secret-replicator-");
        // As of a file that a program creates without a mode. The umask applies.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(directory).with_context(|| {
            format!(
                "failed to write to the directory `{}` of --html; create it and make it writable, or name \
                 another file",
                directory.display()
            )
        })
    }
}
