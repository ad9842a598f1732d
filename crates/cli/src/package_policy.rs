//! `secret-replicator package-policy`: packages a policy as a Lambda layer.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueHint};
use secret_replicator_core::policy::digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::document::Document;
use crate::options::{Format, LimitsOptions};
use crate::output::{CommandOutput, Exit};
use crate::policy::{self, quoted};

/// The options of `package-policy`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator package-policy policy.yaml
  secret-replicator package-policy policy.yaml --output layer.zip --allowed-replica-regions \"eu-west-1 us-west-2\"

Exit codes:
  0  written
  2  a policy with errors, an unreadable file, or a file that cannot be written")]
pub(crate) struct Arguments {
    /// The policy file, YAML or JSON; `-` reads standard input
    #[arg(value_hint = ValueHint::FilePath)]
    policy: String,
    /// The zip to write
    #[arg(long, value_name = "FILE", default_value = "policy-layer.zip", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    #[command(flatten)]
    limits: LimitsOptions,
}

/// The name of the policy in the layer. Lambda extracts it to `/opt`.
const FILE: &str = "policy.yaml";

/// Checks a policy, and writes the zip of a layer that contains it.
///
/// # Errors
/// The policy cannot be read, or the zip cannot be written.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    if arguments.output.as_os_str() == "-" {
        bail!("--output must name a file, found `-`; for example `--output policy-layer.zip`");
    }
    let document = Document::read(&arguments.policy)?;
    let text = document.text.clone();
    let loaded = match policy::load(document, &arguments.limits.get()) {
        Ok(loaded) => loaded,
        Err(rejected) => return rejected.output(Format::Text),
    };
    let path = &arguments.output;
    let failed = || format!("failed to write {}", path.display());
    let layer = layer(&text).with_context(failed)?;
    if !is_replaceable(path).with_context(failed)? {
        bail!(
            "--output must name a new file or a zip, found another file: `{}`; name another one",
            path.display()
        );
    }
    std::fs::write(path, layer).with_context(failed)?;
    Ok(CommandOutput {
        stdout: next_step(path, &digest(&text)).into(),
        stderr: arguments.limits.note() + &loaded.note(),
        exit: Exit::Success,
    })
}

/// The beginning of each zip.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// Returns whether no content is lost if the zip is written to this path: it names no file, an empty one, a zip, or a
/// pipe.
fn is_replaceable(path: &Path) -> std::io::Result<bool> {
    if !std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0) {
        return Ok(true);
    }
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(4).read_to_end(&mut start)?;
    Ok(start == ZIP)
}

/// Returns the zip of a layer. Equal policies make equal zips: the file has a fixed date, and no compression, whose
/// result depends on the library.
fn layer(policy: &str) -> anyhow::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    zip.start_file(FILE, options)?;
    zip.write_all(policy.as_bytes())?;
    Ok(zip.finish()?.into_inner())
}

/// Returns the digest, and the command that publishes the layer.
fn next_step(path: &Path, digest: &str) -> String {
    let file = quoted(&format!("fileb://{}", path.display()));
    format!(
        "{}: a layer with {FILE}\nSHA-256 of the policy: {digest}\nIn each Region with stacks:\n\n\
         aws lambda publish-layer-version --layer-name secret-replicator-policy --description {digest} \\\n  \
         --zip-file {file} --query LayerVersionArn --output text\n",
        path.display()
    )
}
