"""Stories of secrets in an account without CloudTrail: the deployed stack, where no CloudTrail event arrives.

Ministack runs the stack and has the secrets, too. It sends `Secret Label Updated` by itself when a version
becomes current, and the stack's own rule delivers it. It sends no event for the first version of
`CreateSecret` and none for tags, so the tests put these on the bus. It replicates at once.
"""

import json

import pytest

import stack as deployed
from bus import Bus
from processes import eventually
from template import ROOT

REGION = "us-east-1"
REPLICAS = ["eu-west-1", "us-west-2"]


@pytest.fixture(scope="module")
def client_of(start_ministack, client):
    """Makes clients of a ministack that keeps a history of its calls."""
    url = start_ministack(
        MINISTACK_ACCOUNT_ID=deployed.ACCOUNT,
        CLOUDTRAIL_RECORDING="1",
        AWS_ENDPOINT_URL_SECRETS_MANAGER="http://127.0.0.1:{port}",
    )
    return lambda service, region=REGION: client(service, url, region)


@pytest.fixture(scope="module")
def stack(client_of, bootstrap):
    return deployed.deploy("without-a-trail", bootstrap.read_bytes(), client_of)


@pytest.fixture(scope="module")
def bus(stack):
    return Bus(stack)


@pytest.fixture
def secrets(stack, client_of):
    return client_of("secretsmanager")


@pytest.fixture
def create(secrets, name):
    """Creates the secret and returns its ARN."""

    def create(regions=None, **parameters):
        tags = [{"Key": "replicate-to", "Value": regions}] if regions else []
        return secrets.create_secret(Name=name, Tags=tags, **parameters)["ARN"]

    return create


@pytest.fixture
def put(bus):
    """Puts a sample of an event on the bus, for this secret."""

    def put(sample, arn):
        event = json.loads((ROOT / "events" / sample).read_text())
        bus.put(event | {"resources": [arn]})

    return put


@pytest.fixture
def records(stack, client_of, name):
    """Waits for this number of records of the secret and returns them in order."""
    logs = client_of("logs")
    group = stack.function()["LoggingConfig"]["LogGroup"]

    def found():
        events = logs.filter_log_events(logGroupName=group, limit=10000)["events"]
        messages = [row["message"] for row in events if row["message"].startswith("{")]
        lines = [json.loads(message) for message in messages]
        ours = [line for line in lines if line.get("secret_name") == name]
        return sorted(ours, key=lambda line: line["timestamp"])

    def records(count):
        eventually(lambda: len(found()) >= count, f"{count} records of {name}", seconds=30)
        return found()

    return records


@pytest.fixture
def calls(client_of, name):
    """Returns the calls of the function about the secret, by Region, as ministack has received them."""

    def in_region(region):
        pages = client_of("cloudtrail", region).get_paginator("lookup_events").paginate()
        events = [json.loads(row["CloudTrailEvent"]) for page in pages for row in page["Events"]]
        return [
            event["eventName"]
            for event in events
            if event["eventSource"] == "secretsmanager.amazonaws.com"
            and "aws-sdk-rust" in event["userAgent"]
            and name in event["requestParameters"]["SecretId"]
        ]

    return lambda: {region: sorted(in_region(region)) for region in [REGION, *REPLICAS]}


def in_sync(record):
    return [row["region"] for row in record["replicas"] if row["status"] == "in-sync"]


def test_a_secret_with_value_and_tag_is_in_sync_at_its_label_event(create, put, records, calls):
    put("secret-label-updated.json", create("eu-west-1", SecretString="value"))

    [record] = records(1)
    assert (record["trigger"], record["outcome"]) == ("Secret Label Updated", "replicated")
    assert in_sync(record) == ["eu-west-1"]
    assert calls() == {
        REGION: ["DescribeSecret", "ReplicateSecretToRegions"],
        "eu-west-1": ["DescribeSecret"],
        "us-west-2": [],
    }


def test_a_secret_in_the_order_of_terraform_is_in_sync_when_it_gets_its_value(
    create, secrets, records
):
    arn = create("eu-west-1 us-west-2")

    secrets.put_secret_value(SecretId=arn, SecretString="value")

    [record] = records(1)
    assert (record["trigger"], record["outcome"]) == ("Secret Label Updated", "replicated")
    assert in_sync(record) == REPLICAS


def test_a_secret_that_is_tagged_later_is_in_sync_through_its_tag_event(
    create, secrets, put, records
):
    arn = create(SecretString="value")
    secrets.tag_resource(SecretId=arn, Tags=[{"Key": "replicate-to", "Value": "eu-west-1"}])

    put("tag-change-on-resource.json", arn)

    [record] = records(1)
    assert (record["trigger"], record["outcome"]) == ("Tag Change on Resource", "replicated")
    assert in_sync(record) == ["eu-west-1"]


def test_a_rotation_is_verified_by_one_read_per_region_and_writes_nothing(
    create, secrets, client_of, name, records, calls
):
    arn = create("eu-west-1 us-west-2")
    secrets.put_secret_value(SecretId=arn, SecretString="old")
    records(1)
    before = calls()

    secrets.put_secret_value(SecretId=arn, SecretString="new")

    [_, record] = records(2)
    assert (record["trigger"], record["outcome"]) == ("Secret Label Updated", "unchanged")
    assert in_sync(record) == REPLICAS
    after = calls()
    for region in [REGION, *REPLICAS]:
        assert after[region] == sorted([*before[region], "DescribeSecret"])
    for region in REPLICAS:
        there = client_of("secretsmanager", region).get_secret_value(SecretId=name)
        assert there["SecretString"] == "new"
