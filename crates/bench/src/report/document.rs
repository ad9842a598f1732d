//! `docs/PERFORMANCE.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::{plots, tables};
use crate::results::Results;

const METHOD: &str = "\
# Performance

Made by `make bench`; what is written here by hand is lost. `make bench ONLY=events` repeats one part \
(`events`, `instructions`, `profile`, `sizes`, `sweep`, `policy`, `build`) and keeps the others.

## How it is measured

Figures of one machine are no promise for another, and a busy machine makes them worse: the ratios of \
one run are what counts. The release `bootstrap` runs beside the least that a function can be, a bare \
`lambda_runtime`; beside the bare SDK, set up as its documentation has it, which makes the same calls \
without policy, limits or record; and beside what people would write instead: boto3 under AWS's own \
`awslambdaric`, which reads the tag, replicates, and waits until all is in sync. Those in Rust are built \
with the same profile, and copied before they are started. Each round starts one process of each, so that \
whatever else the machine does hits all of them.

Lambda is the emulator's Runtime API on the loopback device. Secrets Manager is a server that always \
gives the same answers, over HTTP, and over HTTPS with RSA certificates of 2048 bits in a chain of root, \
intermediate and leaf, as AWS's endpoints have it. It says that replicas are in sync at once, and \
`REPLICATION_WAIT_SECONDS` is 0, so no figure contains waiting; if a contender looks at them once more, that call \
is counted. Over HTTP each trusts what it comes with, but the bare SDK comes with nothing and reads the \
machine's roots when it starts. Over HTTPS everybody reads the same file of 141 roots, \
boto3 by `AWS_CA_BUNDLE` and the others by `SSL_CERT_FILE`: more than in Lambda, where Amazon's five are \
in the function.
";

/// Writes the document and its plots into the directory `docs`.
pub(crate) fn write(results: &Results, docs: &Path) -> anyhow::Result<()> {
    let mut text = METHOD.to_owned();
    for table in tables::all(results) {
        let machine = &table.machine;
        // Writing to a string never fails.
        let _ = write!(
            text,
            "\n## {}\n\n{}\n{}\n\n{} cores of {}, Linux {}, load {:.1}, {}.\n",
            table.title,
            table.for_markdown(),
            table.note,
            machine.cores,
            machine.processor,
            machine.kernel,
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
