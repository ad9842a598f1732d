"""`drill` and `failback` read the account of moto, an independent emulator of AWS. Moto cannot promote a replica, so
`promote` on a terminal, and the AWS CLI with the commands of `failback`, use this project's emulator.
"""

import json
import os
import pty
import subprocess

import boto3
import pytest
from processes import CLI, TOOLS, environment, eventually

REGION, REPLICA = "us-east-1", "eu-west-1"
POLICY = """
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: drill } }
    replicate-to: [eu-west-1]
"""


@pytest.fixture(scope="module")
def secrets(moto):
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=moto, **credentials)
    tags = [{"Key": "tier", "Value": "drill"}]
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
    state = [{"format": 1, "region": REPLICA}, secret]
    name = f"promotion-{primary.split(':')[4]}-{REGION}-{REPLICA}.jsonl"
    (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in state))
    code, report = run(moto, tmp_path, "failback", "--to", REGION, "--from", REPLICA)
    assert code == 0, report
    [row] = report["secrets"]
    assert row["state"] == "restored"
    for side in ["old_primary", "promoted"]:
        assert row[side]["version_id"] == version
        assert row[side]["version_created"]


def settings_for(endpoint):
    return environment(
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_ENDPOINT_URL=endpoint,
        PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
    )


def on_a_terminal(endpoint, directory, answer, *arguments):
    """Runs a command with a terminal as its input, and answers its question."""
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [CLI, *arguments, "--output", "json"],
        env=settings_for(endpoint), cwd=directory, stdin=side, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    os.write(terminal, answer.encode() + b"\n")
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout.decode(), stderr.decode()


def test_a_promotion_asks_and_the_printed_commands_lead_back(client, emulator, tmp_path):
    name = "failover/asked"
    primary, replica = (client("secretsmanager", emulator, region) for region in (REGION, REPLICA))
    primary.create_secret(Name=name, SecretString="old", AddReplicaRegions=[{"Region": REPLICA}])
    eventually(lambda: "VersionIdsToStages" in describe(replica, name), "the replica has the value")
    promote = ["promote", "--to", REPLICA, "--only", name]

    code, stdout, stderr = on_a_terminal(emulator, tmp_path, "yes", *promote)
    assert (code, stdout) == (1, ""), stderr
    assert "Type the Region to confirm" in stderr
    assert "not confirmed; the account is unchanged" in stderr
    assert "PrimaryRegion" in describe(replica, name)

    code, stdout, stderr = on_a_terminal(emulator, tmp_path, REPLICA, *promote)
    assert code == 0, stderr
    assert "PrimaryRegion" not in describe(replica, name)
    replica.put_secret_value(SecretId=name, SecretString="new")

    # Each step of each report, by the AWS CLI. The promoted secret is deleted with its recovery window.
    for _ in range(3):
        code, report = failback(emulator, tmp_path, name)
        if code == 0:
            break
        [row] = report["secrets"]
        for step in row["steps"]:
            done = shell(emulator, tmp_path, step.get("command", "true"))
            assert done.returncode == 0, done.stderr
            end_recovery_window(replica, name)
        eventually(lambda: replicated(primary, name) or row["newer"] != "same", "the replica is in sync")
    assert code == 0, report
    assert replica.get_secret_value(SecretId=name)["SecretString"] == "new"
    assert "PrimaryRegion" in describe(replica, name)


def failback(endpoint, directory, name):
    return run(endpoint, directory, "failback", "--to", REGION, "--from", REPLICA, "--name", name)


def shell(endpoint, directory, command, **more):
    settings = {**settings_for(endpoint), "TMPDIR": str(directory / "tmp"), **more}
    (directory / "tmp").mkdir(exist_ok=True)
    return subprocess.run(["sh", "-c", command], env=settings, cwd=directory, capture_output=True, text=True, timeout=60)


def end_recovery_window(client, name):
    """Ends the recovery window of a secret, as AWS does after its days."""
    if "DeletedDate" in describe(client, name):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def promoted(client, emulator, directory, name):
    """Returns clients of both Regions for a secret that was promoted."""
    primary, replica = (client("secretsmanager", emulator, region) for region in (REGION, REPLICA))
    primary.create_secret(Name=name, SecretString="first")
    primary.put_secret_value(SecretId=name, SecretString="second")
    primary.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": REPLICA}])
    eventually(lambda: "VersionIdsToStages" in describe(replica, name), "the replica has the value")
    code, report = run(emulator, directory, "promote", "--to", REPLICA, "--only", name, "--yes")
    assert code == 0, report
    return primary, replica


def command_of(endpoint, directory, name, part):
    """Returns the command of the first step that contains this text."""
    _, report = failback(endpoint, directory, name)
    [row] = report["secrets"]
    return next(step["command"] for step in row["steps"] if part in step.get("command", ""))


def test_the_file_with_the_value_is_deleted_also_if_the_put_fails(client, emulator, tmp_path):
    name = "failover/moved"
    primary, replica = promoted(client, emulator, tmp_path, name)
    replica.put_secret_value(SecretId=name, SecretString="third")
    command = command_of(emulator, tmp_path, name, "put-secret-value")
    # Records the file during the put.
    wrapper = tmp_path / "bin"
    wrapper.mkdir()
    script = f'#!/bin/sh\ncase "$*" in *put-secret-value*) ls -l "$TMPDIR" > "$SEEN";; esac\nexec {TOOLS}/aws "$@"\n'
    (wrapper / "aws").write_text(script)
    (wrapper / "aws").chmod(0o755)
    seen = tmp_path / "seen"
    more = {"SEEN": str(seen), "PATH": f"{wrapper}{os.pathsep}{settings_for(emulator)['PATH']}"}
    before = sorted(path.name for path in tmp_path.iterdir())

    def files():
        return [path.name for path in tmp_path.iterdir() if path.name not in [*before, "tmp", "seen"]]

    primary.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    done = shell(emulator, tmp_path, command, **more)
    assert done.returncode != 0
    assert "PutSecretValue" in done.stderr
    assert "-rw-------" in seen.read_text()
    assert (files(), list((tmp_path / "tmp").iterdir())) == ([], [])
    assert "third" not in done.stdout + done.stderr

    primary.restore_secret(SecretId=name)
    done = shell(emulator, tmp_path, command, **more)
    assert done.returncode == 0, done.stderr
    assert (files(), list((tmp_path / "tmp").iterdir())) == ([], [])
    assert primary.get_secret_value(SecretId=name)["SecretString"] == "third"
    _, report = failback(emulator, tmp_path, name)
    assert [row["newer"] for row in report["secrets"]] == ["same"]


def test_a_value_that_the_old_primary_secret_has_gets_its_label_back(client, emulator, tmp_path):
    name = "failover/returned"
    primary, replica = promoted(client, emulator, tmp_path, name)
    versions = describe(replica, name)["VersionIdsToStages"]
    current, previous = (
        next(version for version, labels in versions.items() if label in labels)
        for label in ("AWSCURRENT", "AWSPREVIOUS")
    )
    # A put with the ID of a version that is there would change nothing.
    replica.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=current, MoveToVersionId=previous
    )
    command = command_of(emulator, tmp_path, name, "update-secret-version-stage")
    done = shell(emulator, tmp_path, command)
    assert done.returncode == 0, done.stderr
    assert primary.get_secret_value(SecretId=name)["SecretString"] == "first"
    _, report = failback(emulator, tmp_path, name)
    assert [row["newer"] for row in report["secrets"]] == ["same"]


def describe(client, name):
    try:
        return client.describe_secret(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        return {}


def replicated(primary, name):
    rows = describe(primary, name).get("ReplicationStatus", [])
    return [row["Status"] for row in rows] == ["InSync"]
