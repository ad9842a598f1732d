//! How much code each library has, by the names of the functions.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::{OURS, STANDARD, Shares};

/// The bytes of code of each library in a binary that names its functions.
pub(super) fn sizes(binary: &Path) -> anyhow::Result<Shares> {
    let output = Command::new("nm")
        .args(["--print-size", "--demangle"])
        .arg(binary)
        .output()
        .context("nm, of the package `binutils`, names the functions")?;
    ensure!(output.status.success(), "nm: {}", output.status);
    let mut sizes = Shares::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some((library, size)) = function(line) {
            *sizes.entry(library).or_default() += size;
        }
    }
    Ok(sizes)
}

/// Reads a line of nm: address, size in hexadecimal digits, kind, name.
fn function(line: &str) -> Option<(String, u64)> {
    let mut columns = line.splitn(4, ' ').skip(1);
    let size = u64::from_str_radix(columns.next()?, 16).ok()?;
    let is_code = ["t", "T", "w", "W"].contains(&columns.next()?);
    is_code.then_some((library(columns.next()?), size))
}

/// The library that comes first in a function's name; C has no such names.
fn library(name: &str) -> String {
    let name = name.trim_start_matches(['<', '&', '*', '(']);
    let path = name.trim_start_matches("mut ").trim_start_matches("dyn ");
    let end = path.find(|next: char| !next.is_alphanumeric() && next != '_');
    let (first, rest) = path.split_at(end.unwrap_or(path.len()));
    match first {
        "core" | "alloc" | "std" => STANDARD.to_owned(),
        "bootstrap" => OURS.to_owned(),
        _ if !rest.starts_with("::") => "C and generic code".to_owned(),
        _ => first.replace('_', "-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_of_the_library_that_its_name_begins_with() {
        for (line, expected) in [
            (
                "00000000000c1ab0 0000000000000a10 t h2::proto::streams::send",
                Some(("h2", 2576)),
            ),
            (
                "0000000000000001 0000000000000010 T <aws_sigv4::sign::Sign as core::fmt::Debug>::fmt",
                Some(("aws-sigv4", 16)),
            ),
            (
                "01 02 t core::ptr::drop_in_place<h2::frame::Frame>",
                Some((STANDARD, 2)),
            ),
            (
                "01 03 T ring_core_0_17_14__bn_mul_mont",
                Some(("C and generic code", 3)),
            ),
            (
                "01 04 t secret_replicator_core::plan::decide",
                Some((OURS, 4)),
            ),
            ("01 05 r h2::TABLE", None),
            ("                 U malloc", None),
        ] {
            let expected = expected.map(|(library, size): (&str, u64)| (library.to_owned(), size));
            assert_eq!(function(line), expected, "{line}");
        }
    }
}
