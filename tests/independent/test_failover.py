"""`drill` and `failback` read the account of moto, an independent emulator of AWS. Moto cannot promote a replica."""

import json
import subprocess

import boto3
import pytest
from processes import CLI, environment

REGION, REPLICA = "us-east-1", "eu-west-1"
POLICY = """
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [eu-west-1]
"""


@pytest.fixture(scope="module")
def secrets(moto):
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=moto, **credentials)
    tags = [{"Key": "tier", "Value": "1"}]
    client.create_secret(Name="drilled", SecretString="a", Tags=tags, AddReplicaRegions=[{"Region": REPLICA}])
    client.create_secret(Name="missing", SecretString="a", Tags=tags)
    client.create_secret(Name="not-covered", SecretString="a")
    return client


def run(endpoint, directory, *arguments):
    (directory / "policy.yaml").write_text(POLICY)
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [CLI, *arguments, "--endpoint-url", endpoint, "--output", "json"]
    done = subprocess.run(
        command, env=environment(**settings), cwd=directory, capture_output=True, text=True, timeout=60
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_a_drill_judges_the_replicas_of_another_implementation(moto, secrets, tmp_path):
    drill = ["drill", "policy.yaml", "--to", REPLICA, "--region", REGION, "--save", "inventory.json"]
    code, report = run(moto, tmp_path, *drill)
    assert code == 2, report
    findings = {row["name"]: [finding["code"] for finding in row["findings"]] for row in report["secrets"]}
    assert findings == {"drilled": [], "missing": ["replica-missing"]}
    assert [row["version"] for row in report["secrets"] if row["ready"]] == ["current"]
    inventory = json.loads((tmp_path / "inventory.json").read_text())
    assert [entry["name"] for entry in inventory["secrets"]] == ["drilled", "missing"]


def test_a_failback_reads_the_versions_of_another_implementation(moto, secrets, tmp_path):
    described = secrets.describe_secret(SecretId="drilled")
    [version] = described["VersionIdsToStages"]
    primary = described["ARN"]
    arn = primary.replace(REGION, REPLICA)
    secret = {"name": "drilled", "arn": arn, "primary_arn": primary, "version_id": version, "status": "promoted"}
    resource = arn.partition(":secret:")[2]
    state = {"format": 1, "region": REPLICA, "updated": "2026-01-01T00:00:00Z", "secrets": {resource: secret}}
    (tmp_path / f"promotion-{REPLICA}.json").write_text(json.dumps(state))
    code, report = run(moto, tmp_path, "failback", "--to", REGION, "--from", REPLICA)
    assert code == 0, report
    [row] = report["secrets"]
    assert row["state"] == "restored"
    for side in ["old_primary", "promoted"]:
        assert row[side]["version_id"] == version
        assert row[side]["version_created"]
