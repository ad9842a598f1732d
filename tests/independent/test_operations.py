"""Runs every command of the operations guide, and those of the README and of the stack's outputs.

AWS is ministack, with the deployed template and the real function, and this project's emulator of Secrets
Manager.
"""

import json
import re
import shlex
import subprocess
import sys
from concurrent.futures import Future

import pytest

from documents import blocks
from observed import POLICY
from processes import CLI, TOOLS, eventually, shell
from slices import COMPLETE
from sweep import Sweep
from template import ROOT

# A sweep processes all secrets of its Region, so no other module uses this one.
REGION = "ap-south-1"
# The Region of a stack that allows its own Region, too.
HOME = "ap-southeast-2"

# The package registry has version 1 of the AWS CLI only. Version 2 needs an option to take a payload as it is.
# After a tag, the script invokes the function as CloudTrail and EventBridge would. The secret `prod/old` is that of a
# stack that removes nothing.
AWS = f"""#!{sys.executable}
import os, subprocess, sys
words = sys.argv[1:]
if words[:2] == ["lambda", "invoke"]:
    at = words.index("--cli-binary-format")
    assert words[at + 1] == "raw-in-base64-out"
    del words[at : at + 2]
aws = [sys.executable, "{TOOLS}/aws"]
if words[0] == "sqs":
    # For this service alone, version 1 ignores the variable.
    words += ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
ended = subprocess.run(aws + words).returncode
if not ended and words[:2] == ["secretsmanager", "tag-resource"] and "prod/old" not in words:
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
    # The commands name the stack, so another test run needs its name.
    stack.delete()


@pytest.fixture
def run(deployed, ministack, emulator, tmp_path):
    """Runs shell commands of the documentation and returns their output."""
    programs = {
        "aws": AWS.replace("FUNCTION", shlex.quote(deployed.outputs["FunctionName"])),
        "sleep": "#!/bin/sh\nexec /bin/sleep 0.2\n",
    }

    def run(*commands, region=REGION, **variables):
        done = shell(
            "\n".join(commands),
            tmp_path,
            programs,
            AWS_DEFAULT_REGION=region,
            AWS_DEFAULT_OUTPUT="json",
            AWS_ENDPOINT_URL=ministack,
            AWS_ENDPOINT_URL_SECRETS_MANAGER=emulator,
            **variables,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def secrets(client, emulator):
    return lambda region: client("secretsmanager", emulator, region)


def described(secrets, name):
    try:
        return secrets.describe_secret(SecretId=name)
    except secrets.exceptions.ResourceNotFoundException:
        return {}


def delete(secrets, *names):
    """Deletes secrets and their replicas, as far as they exist."""

    def replicas(name):
        return [row["Region"] for row in described(secrets, name).get("ReplicationStatus", [])]

    for name in names:
        if regions := replicas(name):
            secrets.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=regions)
        eventually(lambda: not replicas(name), f"the replicas of {name} are gone")
        # Without recovery, AWS deletes a missing secret without an error.
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def secret(secrets):
    """The secret of the documentation. The other one has a replica that the owner removes."""
    client = secrets(REGION)
    tags = [{"Key": "replicate-to", "Value": "eu-west-1"}]
    client.create_secret(Name="prod/db", SecretString="value", Tags=tags)
    client.create_secret(Name="prod/old", SecretString="value", AddReplicaRegions=[{"Region": "eu-west-1"}])
    yield lambda: client.describe_secret(SecretId="prod/db")
    delete(client, "prod/db", "prod/old")


@pytest.fixture
def first_secret(secrets):
    """The secret that the output `FirstSecretCommand` creates in a Region."""
    yield lambda region: secrets(region).describe_secret(SecretId="hello-replica")
    for region in (REGION, HOME):
        delete(secrets(region), "hello-replica")


OPERATIONS = blocks("docs/OPERATIONS.md")
STOP = "aws stepfunctions stop-execution"
REMAINS = "aws secretsmanager describe-secret --region eu-west-1"
[FUNCTIONS] = [block for block in OPERATIONS if block.startswith("STACK=")]
[RESTORE] = [block for block in OPERATIONS if "REVERT_DRIFT" in block]
EXECUTE = "aws cloudformation execute-change-set"


def test_every_fenced_block_of_operations_is_a_command():
    """The next tests run all blocks that `blocks` returns."""
    marks = re.findall(r"^ *```", (ROOT / "docs/OPERATIONS.md").read_text(), re.M)

    assert len(marks) == 2 * len(OPERATIONS)


def test_every_command_of_operations_runs_and_the_secret_can_be_deleted(run, deployed, secret):
    commands = [block for block in OPERATIONS if not block.startswith((STOP, REMAINS, EXECUTE)) and block != RESTORE]
    assert len(commands) == len(OPERATIONS) - 4
    failed = Sweep.of(deployed).run({"typo": True})

    printed = run(*commands)

    # `list-executions` does not show the cause.
    assert json.dumps(failed["cause"]) in printed
    # The output of each execution that is followed: the dry run, and the sweep before the queues are purged.
    assert set(re.findall(r'"dry_run\W+(true|false)', printed)) == {"true", "false"}
    assert '"SUCCEEDED"' in printed
    assert "errorType" not in printed
    assert "DeletedDate" in secret()
    assert secret().get("ReplicationStatus", []) == []


def test_a_stack_is_restored_with_its_own_template_and_parameters(run, deployed):
    """Ministack ignores the mode, so it finds no change."""
    printed = run(FUNCTIONS, RESTORE)

    cloudformation = deployed.client("cloudformation")
    change_set = {"StackName": "secret-replicator", "ChangeSetName": "restore"}
    [stack] = cloudformation.describe_stacks(StackName="secret-replicator")["Stacks"]
    described = cloudformation.describe_change_set(**change_set)
    assert described["Parameters"] == stack["Parameters"]
    assert "didn't contain changes" in printed

    cloudformation.delete_change_set(**change_set)
    parameters = [{"ParameterKey": row["ParameterKey"], "UsePreviousValue": True} for row in stack["Parameters"]]
    parameters = [row for row in parameters if row["ParameterKey"] != "LogRetentionDays"]
    parameters.append({"ParameterKey": "LogRetentionDays", "ParameterValue": "30"})
    changed = {"UsePreviousTemplate": True, "Parameters": parameters, "Capabilities": ["CAPABILITY_IAM"]}
    cloudformation.create_change_set(**change_set, **changed)
    run(FUNCTIONS, *[block for block in OPERATIONS if block.startswith(EXECUTE)])

    def retention():
        [stack] = cloudformation.describe_stacks(StackName="secret-replicator")["Stacks"]
        [row] = [row for row in stack["Parameters"] if row["ParameterKey"] == "LogRetentionDays"]
        return stack["StackStatus"], row["ParameterValue"]

    eventually(lambda: retention() == ("UPDATE_COMPLETE", "30"), "the change set is executed")


def test_a_sweep_can_be_stopped_as_operations_says(run, fakes, slices):
    sweep, answer = Sweep.of(fakes), Future()
    slices.will_answer(answer)
    execution = sweep.start({})
    try:
        eventually(lambda: slices.events, "the sweep is at its slice")
        [stop] = [block for block in OPERATIONS if block.startswith(STOP)]
        run(stop, region="us-east-1", EXECUTION=execution)
    finally:
        answer.set_result(COMPLETE)

    assert sweep.end(execution)["status"] == "ABORTED"


def test_a_replica_that_remains_is_deleted_as_operations_says(run, secret, secrets):
    regions, there = [{"Region": "eu-west-1"}], secrets("eu-west-1")
    secrets(REGION).replicate_secret_to_regions(SecretId="prod/db", AddReplicaRegions=regions)
    try:
        eventually(lambda: "PrimaryRegion" in described(there, "prod/db"), "the replica is there")
        [block] = [block for block in OPERATIONS if block.startswith(REMAINS)]

        assert f'"{REGION}"' in run(block)

        assert "DeletedDate" in described(there, "prod/db")
    finally:
        delete(there, "prod/db")


def test_the_commands_of_the_readme_run(run, secret):
    # The others build, test and deploy. `test_release.py` runs those that deploy the files of a release, and
    # `test_playground.py` those for the playground.
    others = ("make ", "cargo ", "BUCKET=", "aws cloudformation deploy", "export AWS_ACCESS_KEY_ID=any")

    run(*[block for block in blocks("README.md") if not block.startswith(others)])

    assert [row["Region"] for row in secret()["ReplicationStatus"]] == ["eu-west-1"]


def test_the_demo_ends_with_the_table_of_the_readme(bootstrap, emulator_binary):
    command = [emulator_binary, "demo", "--bootstrap", bootstrap, "--tool", CLI]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ secret-replicator plan --region us-east-1\nThe policy covers 5 secrets" in done.stdout
    assert "$ secret-replicator status --region us-east-1\n7 secrets" in done.stdout
    marker = "<!-- what `make demo` ends with -->\n```text\n"
    _, after_marker = (ROOT / "README.md").read_text().split(marker)
    assert done.stdout.endswith(after_marker.split("```\n")[0])


def test_the_command_of_the_output_starts_a_backfill(run, deployed):
    started = json.loads(run(deployed.outputs["BackfillCommand"]))

    execution = Sweep.of(deployed).end(started["executionArn"])
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
