"""Writes a tar archive of files. Equal contents make equal archives, also on another day."""

import argparse
import gzip
import io
import tarfile
from pathlib import Path


def write(archive, directory, files):
    """Writes files (name, contents and permissions) in a directory, without dates and owners."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as package:
        for name, contents, permissions in files:
            entry = tarfile.TarInfo(f"{directory}/{name}")
            entry.size, entry.mode = len(contents), permissions
            package.addfile(entry, io.BytesIO(contents))
    archive.write_bytes(gzip.compress(tar.getvalue(), mtime=0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    directory = given.archive.name.removesuffix(".tar.gz")
    write(given.archive, directory, [(path.name, path.read_bytes(), 0o644) for path in sorted(given.files)])
