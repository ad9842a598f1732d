"""The function's main paths in front of ministack's own Secrets Manager: a third opinion on the wire.

Its replicas are in sync at once, and it knows no removal; where else it differs from AWS,
`conformance.yaml` says.
"""

import pytest

from function import create_secret_event, running_function


@pytest.fixture
def function(bootstrap, ministack_secrets, tmp_path):
    """The function, with two allowed Regions."""
    settings = {"ALLOWED_REPLICA_REGIONS": "eu-west-1 us-west-2"}
    log = tmp_path / "function.log"
    with running_function(bootstrap, log, ministack_secrets, **settings) as function:
        yield function


@pytest.fixture
def secrets(client, ministack_secrets):
    return lambda region="us-east-1": client("secretsmanager", ministack_secrets, region)


@pytest.fixture
def create(secrets, name):
    """Creates a secret in us-east-1 with this tag and answers its ARN."""

    def create(tag, **parameters):
        tags = [{"Key": "replicate-to", "Value": tag}] if tag else []
        value = {"SecretString": "value"} | parameters
        return secrets().create_secret(Name=name, Tags=tags, **value)["ARN"]

    return create


@pytest.fixture
def replicas(secrets):
    def replicas(arn):
        rows = secrets().describe_secret(SecretId=arn).get("ReplicationStatus", [])
        return sorted(row["Region"] for row in rows)

    return replicas


def test_a_tagged_secret_gets_its_replicas_and_the_same_event_again_makes_none(
    function, create, secrets, replicas, name
):
    event = create_secret_event(arn := create("eu-west-1 us-west-2"))

    assert function.invoke(event)["outcome"] == "replicated"
    assert function.invoke(event)["outcome"] == "unchanged"
    assert replicas(arn) == ["eu-west-1", "us-west-2"]
    for region in replicas(arn):
        replica = secrets(region).get_secret_value(SecretId=name)
        assert replica["SecretString"] == "value"


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
    secrets("eu-west-1").create_secret(Name=name, SecretString="of somebody else")

    answer = function.invoke(create_secret_event(create("eu-west-1 us-west-2")))

    assert answer["errorType"] == "ReplicationFailed", answer
    other = secrets("eu-west-1").get_secret_value(SecretId=name)
    assert other["SecretString"] == "of somebody else"


def test_a_secret_scheduled_for_deletion_is_left_alone(function, create, secrets, replicas):
    secrets().delete_secret(SecretId=(arn := create("eu-west-1")))

    record = function.invoke(create_secret_event(arn))

    assert (record["outcome"], record["reason"]) == ("skipped", "scheduled-for-deletion")
    assert replicas(arn) == []


def test_a_sweep_brings_what_no_event_told_of_in_sync(function, create, replicas):
    arn = create("eu-west-1")

    summary = function.invoke({"action": "sweep"})

    assert summary["repaired"] >= 1, summary
    assert replicas(arn) == ["eu-west-1"]
