"""Writes the software bill of materials of a file of the release: the crates that its executable links (CycloneDX).

Equal sources make an equal bill: its date is that of the commit (SOURCE_DATE_EPOCH), its number follows from its
contents.
"""

import argparse
import datetime
import hashlib
import json
import os
import uuid
from pathlib import Path

from crates import VERSION, linked


def reference(crate):
    return f"pkg:cargo/{crate.name}@{crate.version}"


def component(crate):
    """Returns a crate as a component. Only a crate of the registry has an address and a checksum."""
    described = {
        "type": "library",
        "bom-ref": reference(crate),
        "name": crate.name,
        "version": crate.version,
        "licenses": [{"expression": crate.license}],
    }
    if crate.checksum:
        described["purl"] = reference(crate)
        described["hashes"] = [{"alg": "SHA-256", "content": crate.checksum}]
    return described


def bill(file, package, target):
    """Returns the bill of a file that contains the executable of a package for a target."""
    dependencies = linked(package, target)
    root, *others = dependencies
    date = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    product = component(root) | {
        "type": "application",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}],
        "properties": [{"name": "file", "value": file.name}, {"name": "target", "value": target}],
    }
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": date.isoformat(),
            "tools": {"components": [{"type": "application", "name": "packaging/sbom.py", "version": VERSION}]},
            "component": product,
        },
        "components": [component(crate) for crate in sorted(others)],
        "dependencies": [
            {"ref": reference(crate), "dependsOn": sorted(map(reference, needed))}
            for crate, needed in sorted(dependencies.items())
        ],
    }
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document))
    return document | {"serialNumber": f"urn:uuid:{number}"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("package")
    parser.add_argument("target")
    arguments = parser.parse_args()
    print(json.dumps(bill(arguments.file, arguments.package, arguments.target), indent=2))
