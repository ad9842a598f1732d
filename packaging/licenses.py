"""Prints the licenses of the crates that an executable links, with their texts. Needs no network.

A crate with several license files appears with each: the reader chooses. `make lint` checks that each crate has an
accepted license (deny.toml).
"""

import argparse
from collections import defaultdict

from crates import ROOT, VERSION, linked

NAMES = ("LICEN", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
# For crates without a file, whose notice follows from their manifest. Apache-2.0 is the license of this project, too.
MIT = """\
Copyright (c) {authors}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def texts(crate):
    """Returns the license texts and notices of a crate."""
    files = sorted(
        path
        for path in crate.directory.iterdir()
        if path.is_file() and path.name.upper().startswith(NAMES) and path.suffix != ".rs"
    )
    if files:
        return [path.read_text(errors="replace").replace("\r\n", "\n").strip() for path in files]
    if "Apache-2.0" in crate.license.split(" OR "):
        return [(ROOT / "LICENSE").read_text().strip()]
    if crate.license == "MIT":
        return [MIT.format(authors=", ".join(crate.authors) or f"the authors of {crate.name}").strip()]
    raise SystemExit(f"{crate.name} {crate.version} has no license file: add the text of {crate.license} here")


def page(package, targets):
    """Returns the list of the crates, then each text once, with the crates to which it applies."""
    crates = {crate for target in targets for crate in linked(package, target) if crate.checksum}
    by_text = defaultdict(list)
    for crate in sorted(crates):
        for text in texts(crate):
            by_text[text].append(f"{crate.name} {crate.version}")
    lines = [f"{package} {VERSION} contains the standard library of Rust (MIT OR Apache-2.0) and these crates:", ""]
    lines += [f"  {crate.name} {crate.version}: {crate.license}" for crate in sorted(crates)]
    for text, names in by_text.items():
        lines += ["", "=" * 80, ", ".join(names), "=" * 80, "", text]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("targets", nargs="+")
    arguments = parser.parse_args()
    print(page(arguments.package, arguments.targets), end="")
