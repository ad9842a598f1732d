"""Writes the archive of the command-line tool for one target."""

import argparse
import subprocess
from pathlib import Path

from archive import write
from crates import ROOT, VERSION

# What `completions` prints for a shell, under the name that the shell expects.
COMPLETIONS = {
    "bash": "secret-replicator.bash",
    "fish": "secret-replicator.fish",
    "zsh": "_secret-replicator",
}


def name(target):
    """Returns the name of the archive without its extension. cargo-binstall expects it (crates/cli/Cargo.toml)."""
    return f"secret-replicator-{VERSION}-{target}"


def contents(executable, runnable, licenses):
    """Yields name, contents and permissions of each file. `runnable` is the same tool for this machine."""
    yield "secret-replicator", executable.read_bytes(), 0o755
    yield "LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644
    yield "THIRD-PARTY-LICENSES.txt", licenses.read_bytes(), 0o644
    yield "README.md", (ROOT / "packaging/cli.md").read_bytes(), 0o644
    for shell, file in COMPLETIONS.items():
        script = subprocess.run([runnable, "completions", shell], check=True, capture_output=True).stdout
        yield f"completions/{file}", script, 0o644


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("executable", type=Path)
    parser.add_argument("licenses", type=Path)
    parser.add_argument("directory", type=Path, help="the directory of the archive")
    parser.add_argument("--runnable", type=Path, help="the same tool for this machine. Default: the executable")
    given = parser.parse_args()
    files = contents(given.executable, given.runnable or given.executable, given.licenses)
    write(given.directory / f"{name(given.target)}.tar.gz", name(given.target), files)
