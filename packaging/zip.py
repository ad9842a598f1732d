"""Writes the zip of the function from its executable. Equal executables make equal zips, also on another day."""

import argparse
import zipfile
from pathlib import Path


def write(executable, archive):
    """Writes `archive`, in which the executable has the name that Lambda expects, and no date."""
    file = zipfile.ZipInfo("bootstrap")
    file.create_system = 3  # Unix, whose permissions follow.
    file.external_attr = 0o100755 << 16
    file.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w", compresslevel=9) as package:
        package.writestr(file, executable.read_bytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("executable", type=Path)
    parser.add_argument("archive", type=Path)
    arguments = parser.parse_args()
    write(arguments.executable, arguments.archive)
