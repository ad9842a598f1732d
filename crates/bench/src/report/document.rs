//! `docs/PERFORMANCE.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::{plots, tables};
use crate::results::Results;

const METHOD: &str = "\
# Performance

`make bench` writes this document and overwrites manual changes. `make bench ONLY=events` repeats one part \
(`events`, `instructions`, `sizes`, `sweep`, `policy`) and keeps the others.

## Method

The figures are valid for one machine, and load on the machine makes them worse. Compare the ratios \
within one run. The release `bootstrap` runs side by side with three contenders: a bare `lambda_runtime`, \
which is the minimum of a function; the bare SDK, set up as in its documentation, which makes the same \
calls without policy, limits or record; and boto3 under AWS's `awslambdaric`, which reads the tag, \
replicates, and polls until all replicas are in sync. The Rust programs have the same build profile and \
are copied before they start. Each round starts one process of each contender, so that the load of the \
machine affects all of them equally.

Lambda is the emulator's Runtime API on the loopback device. Secrets Manager is a server with fixed \
answers, over HTTP, and over HTTPS with RSA certificates of 2048 bits in a chain of root, intermediate and \
leaf, as at the AWS endpoints. Replicas are in sync at once and `REPLICATION_WAIT_SECONDS` is 0, so no \
figure includes time spent waiting for AWS. If a contender polls the replicas again, that call counts.

All contenders read the root certificates from one bundle file, as on Lambda: the system's \
`/etc/ssl/certs/ca-certificates.crt`, if it exists, followed by the root of the test. The function and the \
bare SDK get its path from `SSL_CERT_FILE`, boto3 from `AWS_CA_BUNDLE`. The line below each table contains \
the number of the system's roots.
";

/// Writes the document and its plots into the directory `docs`.
pub(crate) fn write(results: &Results, docs: &Path) -> anyhow::Result<()> {
    let mut text = METHOD.to_owned();
    for table in tables::all(results) {
        let machine = &table.machine;
        // Writing to a string never fails.
        let _ = write!(
            text,
            "\n## {}\n\n{}\n{}\n\n{} cores of {}, Linux {}, {} root certificates, load {:.1}, {}.\n",
            table.title,
            table.for_markdown(),
            table.note,
            machine.cores,
            machine.processor,
            machine.kernel,
            machine.roots,
            machine.load,
            machine.date
        );
        for plot in plots::of(table.title) {
            let _ = write!(text, "\n![{}](performance/{})\n", plot.title, plot.file);
        }
    }
    plots::draw(results, &docs.join("performance"))?;
    let path = docs.join("PERFORMANCE.md");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
