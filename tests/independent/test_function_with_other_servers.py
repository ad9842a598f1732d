"""The function's main paths, under AWS's Runtime Interface Emulator, in front of moto and of ministack.

None of the three belongs to this project, so they check both wire protocols independently. Both servers
replicate at once; `conformance.yaml` lists their other differences from AWS. The Rust tests of the binary
cover the decisions.
"""

from datetime import UTC, datetime

import pytest

from function import ACCOUNT, create_secret_event


@pytest.fixture(params=["moto", "ministack_secrets"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def function(start_function, server):
    """The function with two allowed Regions, and little time to wait for a secret."""
    return start_function(server, timeout=4, ALLOWED_REPLICA_REGIONS="eu-west-1 us-west-2")


@pytest.fixture
def secrets(client, server):
    return lambda region="us-east-1": client("secretsmanager", server, region)


@pytest.fixture
def create(secrets, name):
    """Creates a secret in us-east-1 with this tag and returns its ARN."""

    def create(tag, **parameters):
        tags = [{"Key": "replicate-to", "Value": tag}] if tag else []
        parameters |= {"Name": name, "SecretString": "value", "Tags": tags}
        return secrets().create_secret(**parameters)["ARN"]

    return create


@pytest.fixture
def replicas(secrets):
    """Returns the Regions of a secret's replicas, one for each row of the server."""

    def replicas(arn):
        rows = secrets().describe_secret(SecretId=arn).get("ReplicationStatus", [])
        return sorted(row["Region"] for row in rows)

    return replicas


def test_a_tagged_secret_gets_its_replicas_and_the_same_event_again_makes_none(
    function, create, secrets, replicas, name
):
    event = create_secret_event(arn := create("eu-west-1 us-west-2"))

    first, second = function.invoke(event), function.invoke(event)

    assert (first["outcome"], second["outcome"]) == ("replicated", "unchanged")
    assert {row["region"]: row["status"] for row in first["replicas"]} == {
        "eu-west-1": "in-sync",
        "us-west-2": "in-sync",
    }
    assert function.records() == [first, second]
    # Moto adds a row for each request, even for a Region that has a replica.
    assert replicas(arn) == ["eu-west-1", "us-west-2"]
    for region in replicas(arn):
        assert secrets(region).get_secret_value(SecretId=name)["SecretString"] == "value"
        assert secrets(region).describe_secret(SecretId=name)["PrimaryRegion"] == "us-east-1"


def test_a_secret_without_the_tag_is_left_alone(function, create, replicas):
    record = function.invoke(create_secret_event(arn := create(None)))

    assert (record["outcome"], record["reason"]) == ("skipped", "no-rule-matched")
    assert replicas(arn) == []


def test_only_the_regions_inside_the_allowed_regions_get_a_replica(function, create, replicas):
    record = function.invoke(create_secret_event(arn := create("eu-north-1 us-west-2 us-east-1")))

    assert record["outcome"] == "refused", record
    reasons = {row["region"]: row.get("reason") for row in record["replicas"]}
    assert reasons == {
        "eu-north-1": "region-not-allowed",
        "us-east-1": "primary-region",
        "us-west-2": None,
    }
    assert replicas(arn) == ["us-west-2"]


def test_a_name_that_is_taken_fails_the_event_and_overwrites_nothing(
    function, create, secrets, name
):
    secrets("eu-west-1").create_secret(Name=name, SecretString="another value")

    answer = function.invoke(create_secret_event(create("eu-west-1 us-west-2")))

    assert answer["errorType"] == "ReplicationFailed", answer
    other = secrets("eu-west-1").get_secret_value(SecretId=name)
    assert other["SecretString"] == "another value"


def test_a_secret_scheduled_for_deletion_is_left_alone(function, create, secrets, replicas):
    secrets().delete_secret(SecretId=(arn := create("eu-west-1")))

    record = function.invoke(create_secret_event(arn))

    assert (record["outcome"], record["reason"]) == ("skipped", "scheduled-for-deletion")
    assert replicas(arn) == []


def test_a_customer_key_is_never_replaced_by_the_default_key(function, create, replicas):
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    record = function.invoke(create_secret_event(arn := create("eu-west-1", KmsKeyId=key)))

    assert [row["reason"] for row in record["replicas"]] == ["weaker-encryption"]
    assert replicas(arn) == []


def test_a_secret_that_is_not_there_in_time_is_an_error(function, name):
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}-AbCdEf"

    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    answer = function.invoke(create_secret_event(arn, eventTime=now))

    assert answer["errorType"] == "SecretNotReady", answer
    assert [record["reason"] for record in function.records()] == ["secret-not-found"]


@pytest.mark.parametrize("payload", [[], None, "text"])
def test_a_payload_that_is_not_an_object_is_a_bad_event(payload, start_function):
    answer = start_function().invoke(payload)

    assert answer["errorType"] == "BadEvent", answer


def test_a_sweep_brings_a_secret_without_an_event_in_sync(function, create, replicas):
    arn = create("eu-west-1")

    summary = function.invoke({"action": "sweep"})

    assert summary["repaired"] >= 1, summary
    assert replicas(arn) == ["eu-west-1"]
