"""Makes the same calls to three emulators of Secrets Manager: this project's, moto's and ministack's.

`conformance.yaml` lists for every case what AWS does, the evidence, and what each emulator does. A change
in any of them fails a test, and this project's must do what AWS does wherever that is known.
"""

import uuid
from pathlib import Path

import pytest
import yaml

from conformance import CASES, Secrets

TABLE = yaml.safe_load(Path(__file__).with_name("conformance.yaml").read_text())
SERVERS = ["emulator", "moto", "ministack"]
GRADES = {"doc", "real", "field", "infer", "gap"}


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    return request.param


@pytest.fixture(scope="module")
def secrets(request, client, server):
    endpoint = request.getfixturevalue(server)
    return lambda: Secrets(
        lambda region: client("secretsmanager", endpoint, region), f"app/{uuid.uuid4().hex}"
    )


def told(case, server):
    """What the table says of a server: `same` is what AWS does."""
    row = TABLE[case]
    return row["aws"] if row[server] == "same" else row[server]


@pytest.mark.parametrize("case", CASES)
def test_a_server_does_what_the_table_says(case, server, secrets):
    try:
        seen = CASES[case](secrets())
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"[:200]

    assert seen == told(case, server), f"{case}: {server}"


def test_the_table_knows_every_case_and_no_other():
    assert TABLE.keys() == CASES.keys()
    for case, row in TABLE.items():
        assert row.keys() == {"aws", "grade", "source", *SERVERS}, case
        assert row["grade"] in GRADES, case


def test_where_it_is_known_what_aws_does_ours_does_the_same():
    known = {case: row for case, row in TABLE.items() if row["grade"] != "gap"}

    assert {case for case, row in known.items() if row["emulator"] != "same"} == set()
    # Where nobody knows, nothing can be the same.
    unknown = {case: row for case, row in TABLE.items() if row["grade"] == "gap"}
    assert {row["aws"] for row in unknown.values()} <= {"unknown"}
    assert not any("same" in row.values() for row in unknown.values())
