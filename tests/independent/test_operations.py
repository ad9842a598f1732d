"""Every command of the documentation of operations runs, as it stands there.

AWS is ministack, with the template and the real function deployed, and this project's own Secrets
Manager.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from concurrent.futures import Future
from pathlib import Path

import pytest

from cleaning import delete
from processes import environment, eventually
from slices import COMPLETE
from sweep import Sweep
from template import ROOT

# A Region of its own, because a sweep looks at every secret of its Region.
REGION = "ap-south-1"
# That of a stack whose replicas may be in its own Region, too.
HOME = "ap-southeast-2"

TOOLS = Path(sys.executable).parent

POLICY = {
    "version": 1,
    "removal": "covered",
    "rules": [
        {
            "name": "by-tag",
            "when": {"tags": {"replicate-to": "*"}},
            "replicate-to": {"tag": "replicate-to"},
        }
    ],
}

# The package registry has version 1 of the AWS CLI only. It takes a payload as it is, which
# version 2 must be told to do. What follows a tag is what CloudTrail and EventBridge would bring.
AWS = f"""#!{sys.executable}
import os, subprocess, sys
words = sys.argv[1:]
if words[:2] == ["lambda", "invoke"]:
    at = words.index("--cli-binary-format")
    assert words[at + 1] == "raw-in-base64-out"
    del words[at : at + 2]
aws = [sys.executable, "{TOOLS}/aws"]
if words[0] == "sqs":
    # Version 1 overlooks the variable for this service alone.
    words += ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
ended = subprocess.run(aws + words).returncode
if not ended and words[:2] == ["secretsmanager", "tag-resource"]:
    secret = words[words.index("--secret-id") + 1]
    payload = '{{"action": "reconcile", "secretId": "' + secret + '"}}'
    target = ["lambda", "invoke", "--function-name", "FUNCTION", "--payload", payload, "event.json"]
    subprocess.run(aws + target, check=True, stdout=subprocess.DEVNULL)
sys.exit(ended)
"""


@pytest.fixture(scope="module")
def deployed(deploy, bootstrap):
    """The stack of the documentation, with the real function."""
    stack = deploy(
        bootstrap.read_bytes(),
        name="secret-replicator",
        region=REGION,
        AllowRemoval="true",
        ReplicationPolicy=json.dumps(POLICY),
    )
    yield stack
    # Its name is that of the commands, so there can be no other one meanwhile.
    stack.delete()


@pytest.fixture
def run(deployed, ministack, emulator, tmp_path):
    """Runs shell commands of the documentation, and answers what they print."""
    shims = tmp_path / "bin"
    shims.mkdir()
    function = shlex.quote(deployed.outputs["FunctionName"])
    executable(shims / "aws", AWS.replace("FUNCTION", function))
    executable(shims / "sam", f'#!/bin/sh\nexec {sys.executable} {TOOLS}/sam "$@"\n')
    executable(shims / "sleep", "#!/bin/sh\nexec /bin/sleep 0.2\n")

    def run(*commands, **variables):
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", "\n".join(commands)],
            cwd=tmp_path,
            env=environment(
                PATH=f"{shims}:{os.environ['PATH']}",
                HOME=str(tmp_path),
                SAM_CLI_TELEMETRY="0",
                AWS_DEFAULT_REGION=variables.pop("region", REGION),
                AWS_DEFAULT_OUTPUT="json",
                AWS_ENDPOINT_URL=ministack,
                AWS_ENDPOINT_URL_SECRETS_MANAGER=emulator,
                **variables,
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def executable(path, text):
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def secret(client, emulator):
    """The secret of the documentation."""
    secrets = client("secretsmanager", emulator, REGION)
    secrets.create_secret(
        Name="prod/db",
        SecretString="value",
        Tags=[{"Key": "replicate-to", "Value": "eu-west-1"}],
    )
    yield lambda: secrets.describe_secret(SecretId="prod/db")
    # The second one is an example that a command makes.
    delete(secrets, "prod/db", "prod/old")


@pytest.fixture
def first_secret(client, emulator):
    """The secret that the output `FirstSecretCommand` makes in a Region."""

    def secrets(region):
        return client("secretsmanager", emulator, region)

    yield lambda region: secrets(region).describe_secret(SecretId="hello-replica")
    for region in (REGION, HOME):
        delete(secrets(region), "hello-replica")


def blocks(page):
    """The shell commands of a page, those in lists too."""
    found = re.findall(r"^( *)```sh\n(.*?)^ *```", (ROOT / page).read_text(), re.M | re.S)
    return [textwrap.dedent(block) for _, block in found]


STOP = "aws stepfunctions stop-execution"
REMAINS = "aws secretsmanager describe-secret --region eu-west-1"


def test_every_command_of_operations_runs_and_the_secret_can_be_deleted(run, deployed, secret):
    # They have tests of their own.
    commands = [block for block in blocks("docs/OPERATIONS.md") if not block.startswith((STOP, REMAINS))]
    assert len(commands) >= 10
    failed = Sweep.of(deployed).run({"typo": True})

    printed = run(*commands)

    # `list-executions` does not show it.
    assert json.dumps(failed["cause"]) in printed
    # What following an execution shows, and what SAM prints of it.
    assert '"SUCCEEDED"' in printed
    assert printed.count('"trigger": "sweep"') >= 3
    assert "errorType" not in printed
    assert "DeletedDate" in secret()
    assert secret().get("ReplicationStatus", []) == []


def test_a_sweep_can_be_stopped_as_operations_says(run, fakes, slices):
    sweep, answer = Sweep.of(fakes), Future()
    slices.will_answer(answer)
    execution = sweep.start({})
    try:
        eventually(lambda: slices.events, "the sweep is at its slice")
        [stop] = [block for block in blocks("docs/OPERATIONS.md") if block.startswith(STOP)]
        run(stop, region="us-east-1", EXECUTION=execution)
    finally:
        answer.set_result(COMPLETE)

    assert sweep.end(execution)["status"] == "ABORTED"


def test_a_replica_that_remains_is_deleted_as_operations_says(run, client, emulator):
    primary, there = (client("secretsmanager", emulator, region) for region in (REGION, "eu-west-1"))
    regions = [{"Region": "eu-west-1"}]
    primary.create_secret(Name="prod/db", SecretString="value", AddReplicaRegions=regions)
    try:
        eventually(lambda: "PrimaryRegion" in described(there, "prod/db"), "the replica is there")
        [block] = [block for block in blocks("docs/OPERATIONS.md") if block.startswith(REMAINS)]

        assert f'"{REGION}"' in run(block)

        assert "DeletedDate" in described(there, "prod/db")
    finally:
        delete(there, "prod/db")
        delete(primary, "prod/db")


def described(secrets, name):
    try:
        return secrets.describe_secret(SecretId=name)
    except secrets.exceptions.ResourceNotFoundException:
        return {}


def test_the_commands_of_the_readme_run(run, secret):
    commands = [block for block in blocks("README.md") if "prod/db" in block]
    assert commands

    run(*commands)

    assert [row["Region"] for row in secret()["ReplicationStatus"]] == ["eu-west-1"]


def test_the_command_of_the_output_starts_a_backfill(run, deployed):
    started = json.loads(run(deployed.outputs["BackfillCommand"]))

    sweep = Sweep.of(deployed)
    execution = sweep.end(started["executionArn"])
    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["input"]) == {"maxChanges": 5000}


def test_the_commands_of_the_other_outputs_run(run, deployed, first_secret):
    run(deployed.outputs["FirstSecretCommand"])

    assert first_secret(REGION)["Tags"] == [
        {"Key": "replicate-to", "Value": "eu-west-1+us-west-2"}
    ]


def test_the_command_of_the_output_shows_whether_a_trail_logs_write_events(run, deployed):
    trails = deployed.client("cloudtrail")
    trails.create_trail(Name="account", S3BucketName="any")
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
    trails.put_event_selectors(TrailName="account", EventSelectors=[selector])
    try:
        stopped = run(deployed.outputs["EventsNeedATrail"])
        trails.start_logging(Name="account")
        logging = run(deployed.outputs["EventsNeedATrail"])
    finally:
        trails.delete_trail(Name="account")

    assert "false" in stopped and "true" not in stopped.replace('Events": true', "")
    assert logging.splitlines()[:2] == [stopped.splitlines()[0], "true"]
    assert '"ReadWriteType": "WriteOnly"' in logging


def test_the_first_secret_is_replicated_where_the_stacks_own_region_is_first_in_the_list(
    run, deploy, bootstrap, first_secret
):
    stack = deploy(
        bootstrap.read_bytes(), region=HOME, AllowedReplicaRegions=f"{HOME},eu-west-1"
    )

    run(stack.outputs["FirstSecretCommand"], region=HOME)
    event = {"action": "reconcile", "secretId": "hello-replica"}
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["FunctionName"], Payload=json.dumps(event)
    )

    assert json.load(answer["Payload"])["outcome"] == "replicated"
    assert [row["Region"] for row in first_secret(HOME)["ReplicationStatus"]] == ["eu-west-1"]
