//! The policy language: its semantics, the problems that its checker reports, and its documentation.

mod agreement;
mod corpus;
mod examples;
mod facts;
mod hostile;
mod language;
mod lint;
mod naive_checker;
mod reference_reader;
mod schema;

use std::path::{Path, PathBuf};

/// Returns the root of the repository.
fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("crates/core is two levels down")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the files of a folder with one of the extensions, sorted by name.
fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect(folder);
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|own| extensions.iter().any(|extension| own == *extension))
        })
        .collect();
    paths.sort();
    paths
}
