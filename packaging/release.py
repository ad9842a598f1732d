"""Checks that a tag names the release of this commit, and prints the notes of the release: its part of CHANGELOG.md."""

import argparse
import re
import tomllib

from crates import ROOT, VERSION


def problems(tag, repository):
    """Returns what prevents a release under the tag, from the repository with this address."""
    tool = tomllib.loads((ROOT / "crates/cli/Cargo.toml").read_text())["package"]
    if tag != f"v{VERSION}":
        yield f"the tag is {tag}, and the version in Cargo.toml is {VERSION}: expected v{VERSION}"
    # cargo-binstall finds the archives by it.
    if tool.get("repository") != repository:
        yield f'crates/cli/Cargo.toml has no `repository = "{repository}"`: add it below `name`'


def notes(changelog, version):
    """Returns the section of a version, without its heading."""
    found = re.search(rf"^## \[?{re.escape(version)}\]?(?: [^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    if not found or not found[1].strip():
        raise SystemExit(f"CHANGELOG.md has no section for {version}: rename \"Unreleased\"")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--repository", required=True, help="the address of the repository")
    given = parser.parse_args()
    found = [*problems(given.tag, given.repository)]
    if found:
        raise SystemExit("\n".join(found))
    print(notes((ROOT / "CHANGELOG.md").read_text(), VERSION), end="")
