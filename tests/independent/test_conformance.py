"""Compares three emulators of Secrets Manager with AWS: this project's, moto's and ministack's.

`conformance.yaml` lists the results of every case. This project's emulator must do what AWS does wherever
that is known.
"""

from pathlib import Path

import pytest
import yaml

from conformance import CASES, Secrets

TABLE = yaml.safe_load(Path(__file__).with_name("conformance.yaml").read_text())
SERVERS = ["emulator", "moto", "ministack"]
GRADES = {"doc", "real", "verified", "field", "infer", "gap"}


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    return request.param


@pytest.fixture
def secrets(request, client, server, name):
    endpoint = request.getfixturevalue(server)
    return Secrets(lambda region: client("secretsmanager", endpoint, region), name)


@pytest.mark.parametrize("case", CASES)
def test_a_server_does_what_the_table_says(case, server, secrets):
    row = TABLE[case]
    expected = row["aws"] if row[server] == "same" else row[server]
    try:
        result = CASES[case](secrets)
    except Exception as error:
        result = f"{type(error).__name__}: {error}"[:200]

    assert result == expected, f"{case}: {server}"


def test_the_table_has_every_case_and_no_other():
    assert TABLE.keys() == CASES.keys()
    for case, row in TABLE.items():
        assert row.keys() == {"aws", "grade", "source", *SERVERS}, case
        assert row["grade"] in GRADES, case


def test_this_projects_emulator_does_what_aws_does_where_that_is_known():
    for case, row in TABLE.items():
        if row["grade"] == "gap":
            assert row["aws"] == "unknown" and "same" not in row.values(), case
        else:
            assert row["emulator"] == "same", case
