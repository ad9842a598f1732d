"""Writes the list of AWS Regions from the partitions that botocore publishes: `make regions`."""

import datetime
import json
import re
from pathlib import Path

import botocore

PARTITIONS = Path(botocore.__file__).parent / "data/partitions.json"
TABLE = Path(__file__).resolve().parents[2] / "crates/core/src/known_regions/table.rs"


def regions():
    """Returns the code, partition and description of each Region, sorted by code."""
    partitions = json.loads(PARTITIONS.read_text())["partitions"]
    # Global endpoints, for instance `aws-global`, do not have the form of a Region code.
    return sorted(
        (code, partition["id"], region["description"])
        for partition in partitions
        for code, region in partition["regions"].items()
        if re.fullmatch(r"([a-z]+-)+\d+", code)
    )


def rows():
    """Returns the rows of the table in Rust."""
    return "".join(f"    {row(*region)},\n" for region in regions())


def row(code, partition, description):
    text = f'("{code}", "{partition}", "{description}")'
    # The width at which rustfmt breaks a tuple.
    if len(text) <= 62:
        return text
    return f'(\n        "{code}",\n        "{partition}",\n        "{description}",\n    )'


def table():
    """Returns the text of the table."""
    return f"""\
//! Made by `make regions` from the partitions of botocore {botocore.__version__}.

/// The date on which the list was made.
pub const LISTED_ON: &str = "{datetime.date.today()}";

/// The code, partition and description of each Region, sorted by code.
pub(super) const REGIONS: [(&str, &str, &str); {len(regions())}] = [
{rows()}];
"""


if __name__ == "__main__":
    TABLE.write_text(table())
