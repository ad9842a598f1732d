"""The crates that an executable of this workspace links, as cargo resolves features and platforms."""

import json
import re
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
LINE = re.compile(r"(\d+)(\S+) v(\S+)")


@dataclass(frozen=True, order=True)
class Crate:
    """A crate, with the SHA-256 of its package in the registry. Crates of this workspace have none."""

    name: str
    version: str
    license: str
    authors: tuple
    directory: Path
    checksum: str | None


def cargo(*words):
    done = subprocess.run(["cargo", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


@cache
def known():
    """Returns all crates of Cargo.lock by name and version."""
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(row["name"], row["version"]): row.get("checksum") for row in locked}
    return {
        (row["name"], row["version"]): Crate(
            row["name"],
            row["version"],
            expression(row["license"]),
            tuple(row["authors"]),
            Path(row["manifest_path"]).parent,
            checksums[row["name"], row["version"]],
        )
        for row in json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    }


def expression(license):
    """Returns a license as an SPDX expression. Older crates separate alternatives by a slash."""
    return re.sub(r" ?/ ?", " OR ", license)


@cache
def linked(package, target):
    """Returns the crates that a package links for a target, each with its dependencies. The package is the first."""
    # Procedural macros run in the compiler and are not part of the executable.
    edges = ["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "{p}"]
    tree = cargo("tree", "--locked", "--package", package, "--target", target, *edges)
    crates, dependencies, path = known(), {}, []
    for line in tree.splitlines():
        depth, name, version = LINE.match(line).groups()
        crate = crates[name, version]
        path[int(depth) :] = [crate]
        # cargo prints the dependencies of a crate once, at one of its places.
        dependencies.setdefault(crate, set())
        if len(path) > 1:
            dependencies[path[-2]].add(crate)
    return dependencies
