//! Files that the tool writes: checked before the work, written at once.

use std::fs;
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

/// A file that an option names.
#[derive(Clone, Debug)]
pub(crate) struct OutputFile {
    /// The option, for messages.
    option: &'static str,
    path: PathBuf,
}

impl OutputFile {
    /// Checks that the file can be written: creates a temporary file next to it, and deletes that one. `is_former`
    /// says whether a file was written by the same option, so that no other file is lost.
    ///
    /// # Errors
    /// The path does not name a regular file, it names a file with another content, or its directory is not writable.
    pub(crate) fn check(
        option: &'static str,
        example: &str,
        path: &Path,
        is_former: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let name = path.display();
        let must = format!("{option} must name a file, for example `{option} {example}`");
        if path == Path::new("-") {
            bail!("{must}; found `-`");
        }
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            bail!("{must}; `{name}` exists and is not a regular file");
        }
        let former =
            former(path).with_context(|| format!("failed to read `{name}` of {option}"))?;
        if !former.is_empty() && !is_former(&String::from_utf8_lossy(&former)) {
            bail!(
                "{option} must name a new file or one that it has written, found another file: `{name}`; delete it, \
                 or name another one"
            );
        }
        // A rename replaces a symbolic link, and not the file behind it.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = Self { option, path };
        file.create()?;
        Ok(file)
    }

    /// Writes the file. Readers see the former file or the complete new one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<()> {
        let name = self.path.display();
        let failed = || format!("failed to write `{name}`; check the disk space and the directory");
        let temporary = self.create()?;
        let mut to = BufWriter::new(temporary);
        write(&mut to).with_context(failed)?;
        let temporary = to.into_inner().map_err(IntoInnerError::into_error);
        let temporary = temporary.with_context(failed)?;
        temporary.as_file().sync_all().with_context(failed)?;
        temporary.persist(&self.path).with_context(failed)?;
        Ok(())
    }

    /// Returns whether both are the same file.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        full(&self.path) == full(&other.path)
    }

    /// Returns the path, for messages.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
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
                "failed to write to the directory `{}` of {}; create it and make it writable, or name \
                 another file",
                directory.display(),
                self.option
            )
        })
    }
}

/// Reads a file that is to be replaced. Empty if there is none.
fn former(path: &Path) -> io::Result<Vec<u8>> {
    let is_absent = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    };
    match fs::read(path) {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        read => read,
    }
}
