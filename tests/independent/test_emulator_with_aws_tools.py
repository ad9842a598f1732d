"""This project's own Secrets Manager, called with the AWS CLI and boto3.

The Rust tests of the emulator call it with the AWS SDK for Rust. Here two other clients of AWS read
its answers with models and parsers of their own, so a mistake in the protocol shows.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from processes import environment, eventually


class CallFailed(Exception):
    """A call of the AWS CLI that failed. The text is what the CLI prints."""


@pytest.fixture
def aws(emulator):
    """Calls `aws secretsmanager`, and answers what it prints."""

    def aws(*arguments, region="us-east-1"):
        program = [sys.executable, Path(sys.executable).with_name("aws")]
        done = subprocess.run(
            [*program, "secretsmanager", *arguments],
            env=environment(
                AWS_REGION=region,
                AWS_DEFAULT_REGION=region,
                AWS_DEFAULT_OUTPUT="json",
                AWS_MAX_ATTEMPTS="1",
                AWS_ENDPOINT_URL_SECRETS_MANAGER=emulator,
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            raise CallFailed(done.stderr)
        return json.loads(done.stdout or "null")

    return aws


@pytest.fixture
def secrets(client, emulator):
    """Makes a boto3 client for a Region."""
    return lambda region="us-east-1": client("secretsmanager", emulator, region)


def status(description):
    rows = description.get("ReplicationStatus", [])
    return {row["Region"]: row["Status"] for row in rows}


def test_the_cli_takes_a_secret_through_its_life(aws, name):
    created = aws("create-secret", "--name", name, "--secret-string", "first")
    assert created["ARN"].startswith(f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-")

    tag = "Key=replicate-to,Value=eu-west-1 us-west-2"
    aws("tag-resource", "--secret-id", name, "--tags", tag)
    described = aws("describe-secret", "--secret-id", created["ARN"])
    assert described["Tags"] == [{"Key": "replicate-to", "Value": "eu-west-1 us-west-2"}]
    assert "PrimaryRegion" not in described

    accepted = aws(
        "replicate-secret-to-regions",
        "--secret-id",
        name,
        "--add-replica-regions",
        "Region=eu-west-1",
        "Region=us-west-2",
    )
    assert status(accepted) == {"eu-west-1": "InProgress", "us-west-2": "InProgress"}

    in_sync = {"eu-west-1": "InSync", "us-west-2": "InSync"}
    described = eventually(
        lambda: (now := aws("describe-secret", "--secret-id", name))
        and status(now) == in_sync
        and now,
        "both replicas are in sync",
    )
    assert described["PrimaryRegion"] == "us-east-1"

    replica = aws("describe-secret", "--secret-id", name, region="eu-west-1")
    assert replica["ARN"] == created["ARN"].replace("us-east-1", "eu-west-1")
    assert replica["PrimaryRegion"] == "us-east-1"
    assert replica["Tags"] == described["Tags"]
    value = aws("get-secret-value", "--secret-id", name, region="eu-west-1")
    assert value["SecretString"] == "first"

    with pytest.raises(CallFailed, match="InvalidParameterException.*replica regions"):
        aws("delete-secret", "--secret-id", name)


def test_the_cli_shows_the_errors_of_secrets_manager(aws, name):
    with pytest.raises(CallFailed, match="ResourceNotFoundException"):
        aws("describe-secret", "--secret-id", name)

    aws("create-secret", "--name", name, "--secret-string", "value")
    with pytest.raises(CallFailed, match="ResourceExistsException"):
        aws("create-secret", "--name", name, "--secret-string", "value")

    own_region = ["--add-replica-regions", "Region=us-east-1"]
    with pytest.raises(CallFailed, match="InvalidParameterException.*Invalid replica region"):
        aws("replicate-secret-to-regions", "--secret-id", name, *own_region)


def test_boto3_takes_a_secret_through_its_life(secrets, name):
    created = secrets().create_secret(
        Name=name,
        SecretString="value",
        Description="for the test",
        Tags=[{"Key": "team", "Value": "a"}],
        AddReplicaRegions=[{"Region": "eu-west-1"}],
    )
    assert status(created) == {"eu-west-1": "InProgress"}

    def described():
        return secrets().describe_secret(SecretId=created["ARN"])

    eventually(lambda: status(described()) == {"eu-west-1": "InSync"}, "the replica is in sync")
    assert described()["Description"] == "for the test"
    assert described()["CreatedDate"] <= described()["LastChangedDate"]

    secrets().untag_resource(SecretId=name, TagKeys=["team"])
    assert not described().get("Tags")

    secrets().put_secret_value(SecretId=name, SecretString="second")
    eventually(
        lambda: secrets("eu-west-1").get_secret_value(SecretId=name)["SecretString"] == "second",
        "the replica has the second value",
    )

    with pytest.raises(secrets().exceptions.InvalidParameterException):
        secrets().delete_secret(SecretId=name)
    secrets().remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=["eu-west-1"])
    eventually(lambda: status(described()) == {}, "the replica is gone", seconds=120)
    with pytest.raises(secrets().exceptions.ResourceNotFoundException):
        secrets("eu-west-1").describe_secret(SecretId=name)

    deleted = secrets().delete_secret(SecretId=name, RecoveryWindowInDays=7)
    assert described()["DeletedDate"] <= deleted["DeletionDate"]
    with pytest.raises(secrets().exceptions.InvalidRequestException):
        secrets().get_secret_value(SecretId=name)
    secrets().restore_secret(SecretId=name)
    assert secrets().get_secret_value(SecretId=name)["SecretString"] == "second"


def test_boto3_pages_through_the_secrets_that_a_filter_lets_through(secrets, name):
    names = {f"{name}/{number}" for number in range(5)}
    for each in names:
        secrets().create_secret(Name=each, SecretString="value")
    secrets().create_secret(Name=f"other-{name}", SecretString="value")

    pages = secrets().get_paginator("list_secrets").paginate(
        Filters=[{"Key": "name", "Values": [f"{name}/"]}],
        PaginationConfig={"PageSize": 2},
    )

    sizes_and_names = [[secret["Name"] for secret in page["SecretList"]] for page in pages]
    assert [len(page) for page in sizes_and_names] == [2, 2, 1]
    assert {each for page in sizes_and_names for each in page} == names


def test_the_cli_finds_secrets_by_tag(aws, name):
    aws("create-secret", "--name", name, "--secret-string", "v", "--tags", f"Key={name},Value=x")

    found = aws("list-secrets", "--filters", f"Key=tag-key,Values={name}")

    assert [secret["Name"] for secret in found["SecretList"]] == [name]


def test_each_region_has_secrets_of_its_own(secrets, name):
    secrets("us-east-1").create_secret(Name=name, SecretString="east")
    secrets("eu-west-1").create_secret(Name=name, SecretString="west")

    assert secrets("us-east-1").get_secret_value(SecretId=name)["SecretString"] == "east"
    assert secrets("eu-west-1").get_secret_value(SecretId=name)["SecretString"] == "west"


def test_a_name_that_is_taken_fails_the_replica_and_not_the_call(secrets, name):
    secrets("eu-west-1").create_secret(Name=name, SecretString="in the way")
    secrets().create_secret(Name=name, SecretString="value")

    secrets().replicate_secret_to_regions(
        SecretId=name, AddReplicaRegions=[{"Region": "eu-west-1"}]
    )

    def row():
        return secrets().describe_secret(SecretId=name)["ReplicationStatus"][0]

    eventually(lambda: row()["Status"] == "Failed", "the replica has failed")
    assert "already exists" in row()["StatusMessage"]
    assert secrets("eu-west-1").get_secret_value(SecretId=name)["SecretString"] == "in the way"


def test_a_call_on_a_replica_is_refused(secrets, name):
    secrets().create_secret(
        Name=name, SecretString="value", AddReplicaRegions=[{"Region": "eu-west-1"}]
    )
    eventually(
        lambda: status(secrets().describe_secret(SecretId=name)) == {"eu-west-1": "InSync"},
        "the replica is in sync",
    )

    with pytest.raises(ClientError, match="Operation not permitted on a replica secret"):
        secrets("eu-west-1").replicate_secret_to_regions(
            SecretId=name, AddReplicaRegions=[{"Region": "us-west-2"}]
        )
