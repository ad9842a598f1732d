"""Calls this project's emulator of Secrets Manager with the AWS CLI and boto3.

Their models and parsers find mistakes in the protocol that the AWS SDK for Rust accepts. The single
operations and errors are cases of `conformance.py`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from processes import environment, eventually


class CallFailed(Exception):
    """A call of the AWS CLI that failed, with its standard error."""


@pytest.fixture
def aws(emulator):
    """Calls `aws secretsmanager` and returns its output."""

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
