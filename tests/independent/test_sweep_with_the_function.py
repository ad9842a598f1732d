"""The sweep as it is deployed: the real function, under the real state machine.

Ministack runs both; the secrets are those of this project's own Secrets Manager, whose replication
takes time and can fail.
"""

import pytest

from cleaning import delete
from processes import eventually
from sweep import Sweep

# The module has a Region of its own, because a sweep looks at every secret of its Region.
REGION = "ap-northeast-1"


@pytest.fixture(scope="module")
def stack(deploy, bootstrap):
    return deploy(bootstrap.read_bytes(), region=REGION)


@pytest.fixture
def sweep(stack):
    return Sweep.of(stack)


@pytest.fixture
def secrets(client, emulator):
    return client("secretsmanager", emulator, REGION)


@pytest.fixture
def create(secrets, name):
    """Creates secrets that want to be in a Region, and answers their names. They go with the test."""
    created = []

    def create(count, region):
        tags = [{"Key": "replicate-to", "Value": region}]
        names = [f"{name}/{number}" for number in range(count)]
        for each in names:
            secrets.create_secret(Name=each, SecretString="value", Tags=tags)
            created.append(each)
        return names

    yield create
    delete(secrets, *created)


@pytest.fixture
def replicas(secrets):
    def replicas(name):
        rows = secrets.describe_secret(SecretId=name).get("ReplicationStatus", [])
        return {row["Region"]: row["Status"] for row in rows}

    return replicas


def test_a_dry_run_changes_nothing_then_a_sweep_brings_every_secret_in_sync(
    sweep, create, replicas
):
    names = create(3, "eu-west-1 us-west-2")

    dry = sweep.run({"dryRun": True})
    assert dry["status"] == "SUCCEEDED", dry
    assert (dry["output"]["trigger"], dry["output"]["dry_run"]) == ("sweep", True)
    assert dry["output"]["drifted"] >= 3
    assert all(replicas(each) == {} for each in names)

    real = sweep.run({}, seconds=120)
    assert real["status"] == "SUCCEEDED", real
    assert real["output"]["nextToken"] is None
    for each in names:
        wanted = {"eu-west-1": "InSync", "us-west-2": "InSync"}
        eventually(lambda: replicas(each) == wanted, f"{each} is in sync in both Regions")

    again = sweep.run({}, seconds=120)
    assert (again["output"]["changes"], again["output"]["drifted"]) == (0, 0)


def test_a_sweep_makes_no_more_changes_than_it_may(sweep, create, replicas):
    names = create(4, "eu-west-1")

    limited = sweep.run({"maxChanges": 1}, seconds=120)

    assert limited["status"] == "SUCCEEDED", limited
    assert limited["output"]["changes"] == 1
    assert limited["output"]["limited"] >= 3
    assert sum(replicas(each) != {} for each in names) == 1


def test_a_secret_that_fails_is_counted_and_stops_no_sweep(sweep, create, client, emulator):
    [taken] = create(1, "eu-west-1")
    elsewhere = client("secretsmanager", emulator, "eu-west-1")
    elsewhere.create_secret(Name=taken, SecretString="in the way")

    ended = sweep.run({}, seconds=120)

    assert ended["status"] == "SUCCEEDED", ended
    again = sweep.run({}, seconds=120)
    assert again["output"]["failed"] == 1, again["output"]
