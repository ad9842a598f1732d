"""The deployed stack works by itself: the rule starts the real function, and what fails waits in the queue.

Ministack deploys and runs it; the secrets are those of this project's own Secrets Manager.
"""

import json
import uuid

import pytest

from function import create_secret_event
from processes import eventually
from stack import ACCOUNT

REGION = "eu-west-3"
# Ministack takes no events in the name of AWS, so a copy of the rule listens to another source. That
# is the only difference; what the rule itself matches is tested with the template's own pattern. The
# source is one that no copy of another stack listens to.
SOURCE = f"copy.aws.secretsmanager.{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def stack(deploy, bootstrap):
    stack = deploy(bootstrap.read_bytes(), region=REGION)
    events = stack.client("events")
    rule = stack.resources["ReplicatorSecretChanged"].rpartition("/")[2]
    pattern = json.loads(events.describe_rule(Name=rule)["EventPattern"])
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    assert len(targets) == 1
    copy = f"copy-{uuid.uuid4().hex}"
    events.put_rule(Name=copy, EventPattern=json.dumps(pattern | {"source": [SOURCE]}))
    events.put_targets(Rule=copy, Targets=targets)
    return stack


def event_of(arn):
    event = create_secret_event(arn, region=REGION, recipientAccountId=ACCOUNT)
    return event | {"account": ACCOUNT}


@pytest.fixture
def put(stack):
    def put(event):
        entry = {
            "Source": SOURCE,
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
        }
        answer = stack.client("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer

    return put


@pytest.fixture
def create(client, emulator, name):
    secrets = client("secretsmanager", emulator, REGION)

    def create():
        tags = [{"Key": "replicate-to", "Value": "eu-west-1"}]
        return secrets.create_secret(Name=name, SecretString="value", Tags=tags)["ARN"]

    return create


def test_an_event_becomes_a_replica(create, put, client, emulator):
    arn = create()

    put(event_of(arn))

    secrets = client("secretsmanager", emulator, REGION)

    def in_sync():
        rows = secrets.describe_secret(SecretId=arn).get("ReplicationStatus", [])
        return [(row["Region"], row["Status"]) for row in rows] == [("eu-west-1", "InSync")]

    eventually(in_sync, "the replica is in sync", seconds=60)


def test_an_event_that_fails_three_times_waits_in_the_failure_queue(
    stack, create, client, emulator, name
):
    # What EventBridge does with an event. Ministack's own rules drop it after the first failure.
    client("secretsmanager", emulator, "eu-west-1").create_secret(
        Name=name, SecretString="in the way"
    )
    arn = create()

    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["FunctionName"],
        InvocationType="Event",
        Payload=json.dumps(event_of(arn)),
    )
    assert answer["StatusCode"] == 202

    sqs, queue = stack.client("sqs"), stack.outputs["FailedEventsQueueUrl"]
    [message] = eventually(
        lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the event waits", seconds=60
    )
    body = json.loads(message["Body"])
    assert body["requestPayload"]["detail"]["responseElements"]["arn"] == arn
    assert "name-already-exists" in json.dumps(body["responsePayload"])
    assert sqs.receive_message(QueueUrl=queue).get("Messages", []) == []
