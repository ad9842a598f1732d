"""The deployed stack with the real function: rule, failure queue and sweep.

Ministack runs the stack; the secrets are in this project's emulator of Secrets Manager. The Rust tests cover
the function in detail, and `test_sweep.py` covers the state machine.
"""

import json

import pytest

from bus import Bus
from function import create_secret_event
from processes import eventually
from stack import ACCOUNT
from sweep import Sweep

# A sweep processes all secrets of its Region, so no other module uses this one.
REGION = "eu-west-3"


@pytest.fixture(scope="module")
def stack(deploy, bootstrap):
    return deploy(bootstrap.read_bytes(), region=REGION)


@pytest.fixture
def put(stack):
    """Puts an event on the bus."""
    return Bus(stack).put


@pytest.fixture
def secrets(client, emulator):
    return client("secretsmanager", emulator, REGION)


@pytest.fixture
def create(secrets):
    """Creates a secret and returns its event."""

    def create(name, regions="eu-west-1"):
        tags = [{"Key": "replicate-to", "Value": regions}]
        arn = secrets.create_secret(Name=name, SecretString="value", Tags=tags)["ARN"]
        event = create_secret_event(arn, region=REGION, recipientAccountId=ACCOUNT)
        return event | {"account": ACCOUNT}

    return create


@pytest.fixture
def replicas(secrets):
    def replicas(name):
        rows = secrets.describe_secret(SecretId=name).get("ReplicationStatus", [])
        return {row["Region"]: row["Status"] for row in rows}

    return replicas


def test_an_event_becomes_a_replica(create, put, replicas, name):
    put(create(name))

    in_sync = {"eu-west-1": "InSync"}
    eventually(lambda: replicas(name) == in_sync, "the replica is in sync", seconds=60)


def test_a_dry_run_changes_nothing_then_a_sweep_brings_every_secret_in_sync(
    stack, create, replicas, name
):
    sweep, names = Sweep.of(stack), [f"{name}/{number}" for number in range(3)]
    for each in names:
        create(each, "eu-west-1 us-west-2")

    dry = sweep.run({"dryRun": True})
    assert dry["status"] == "SUCCEEDED", dry
    assert (dry["output"]["trigger"], dry["output"]["dry_run"]) == ("sweep", True)
    assert dry["output"]["sweep_id"] == dry["executionArn"]
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


def test_an_event_that_fails_three_times_waits_in_the_failure_queue(
    stack, create, client, emulator, name
):
    elsewhere = client("secretsmanager", emulator, "eu-west-1")
    elsewhere.create_secret(Name=name, SecretString="in the way")
    event = create(name)

    # EventBridge invokes the function in this way. Ministack's own rules drop an event after its first
    # failure.
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["FunctionName"],
        InvocationType="Event",
        Payload=json.dumps(event),
    )
    assert answer["StatusCode"] == 202

    sqs, queue = stack.client("sqs"), stack.outputs["FailedEventsQueueUrl"]
    [message] = eventually(
        lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the event waits", seconds=60
    )
    body = json.loads(message["Body"])
    assert body["requestPayload"] == event
    assert "name-already-exists" in json.dumps(body["responsePayload"])
    assert sqs.receive_message(QueueUrl=queue).get("Messages", []) == []
