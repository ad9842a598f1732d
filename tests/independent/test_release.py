"""The files of a release: deployed with the AWS CLI alone, and compared with what SAM makes of the sources."""

import copy
import json
import os
import shutil
import subprocess
import sys
import zipfile
from functools import partial

import pytest
import yaml
from ministack.services.cloudformation.engine import _resolve_refs
from samcli.yamlhelper import yaml_parse

import plain_template
from documents import blocks
from processes import TOOLS, environment, executable
from release_directory import assert_that_it_replicates, write_release, write_template
from stack import POLLING, Stack
from sweep import Sweep
from template import ROOT

# A sweep processes all secrets of its Region, so no other module uses this one.
REGION = "ap-northeast-3"
BUCKET = f"example-artifacts-{REGION}"
PLAIN = plain_template.plain()
[DEPLOY, OUTPUTS] = blocks("docs/DEPLOY.md", section="AWS CLI only")
CREATE_BUCKET, _, DEPLOY_INTO_IT = DEPLOY.partition("\n")
[EVENTS] = [block for block in blocks("docs/DEPLOY.md") if "describe-stack-events" in block]
[README] = [block for block in blocks("README.md", section="Deploy") if "template.yaml" in block]


def test_the_resources_are_those_that_sam_makes_of_the_template():
    sources = plain_template.transformed(yaml_parse((ROOT / "template.yaml").read_text()))
    theirs, ours = copy.deepcopy(sources["Resources"]), copy.deepcopy(PLAIN["Resources"])
    assert {name: row["Type"] for name, row in ours.items()} == {
        name: row["Type"] for name, row in theirs.items()
    }
    # These are local files for SAM, and objects in a bucket for CloudFormation.
    assert ours["Replicator"]["Properties"].pop("Code") == plain_template.CODE
    del theirs["Replicator"]["Properties"]["Code"]
    assert ours["PolicyCheck"]["Properties"].pop("Code") == plain_template.CODE
    del ours["Sweep"]["Properties"]["Definition"], theirs["Sweep"]["Properties"]["DefinitionS3Location"]

    for name, theirs in theirs.items():
        without_metadata = {key: value for key, value in ours[name].items() if key != "Metadata"}
        del theirs["Metadata" if "Metadata" in theirs else "Type"]
        without_metadata = {key: value for key, value in without_metadata.items() if key in theirs}
        assert without_metadata == json.loads(json.dumps(theirs)), name
    for section in ("Mappings", "Rules", "Outputs"):
        assert PLAIN[section] == json.loads(json.dumps(sources[section]))


def test_the_linter_of_cloudformation_accepts_it(tmp_path):
    # It does not know that placeholders of the definition are replaced.
    linted = [TOOLS / "cfn-lint", "--ignore-checks", "E3601", "--", write_template(tmp_path)]
    done = subprocess.run(linted, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_nothing_in_it_needs_sam_or_a_local_file(tmp_path):
    path = write_template(tmp_path)
    text = path.read_text()

    assert yaml.safe_load(text) == PLAIN
    assert "Transform" not in PLAIN
    assert not [row for row in PLAIN["Resources"].values() if "Serverless" in row["Type"]]
    definition = PLAIN["Resources"]["Sweep"]["Properties"]["Definition"]
    assert definition == yaml.safe_load((ROOT / "sweep.asl.yaml").read_text())
    # CloudFormation takes up to 1 MB from a bucket.
    assert len(text.encode()) < 1_000_000


@pytest.fixture(scope="module")
def directory(tmp_path_factory, bootstrap):
    """A directory with the files of a release, and the AWS CLI as the only other program."""
    directory = tmp_path_factory.mktemp("release")
    write_release(directory, bootstrap)
    (directory / "bin").mkdir()
    executable(directory / "bin/aws", f'#!/bin/sh\nexec {sys.executable} {TOOLS}/aws "$@"\n')
    return directory


@pytest.fixture(scope="module")
def run(directory, ministack):
    """Runs shell commands in the directory."""

    def run(commands):
        path = f"{directory}/bin:/usr/bin:/bin"
        assert not shutil.which("sam", path=path) and not shutil.which("cargo", path=path)
        settings = {"AWS_ENDPOINT_URL": ministack, "AWS_DEFAULT_REGION": REGION, "BUCKET": BUCKET}
        env = environment(PATH=path, HOME=str(directory), **settings)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands.replace("us-east-1", REGION)],
            cwd=directory, env=env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def stack(run, client, ministack):
    done = run(f"{CREATE_BUCKET}\n{README}")
    assert done.returncode == 0, done.stdout + done.stderr
    return Stack("secret-replicator", partial(client, endpoint=ministack, region=REGION))


def test_a_stack_that_the_aws_cli_deployed_alone_replicates_a_secret(stack, client, emulator, name):
    assert_that_it_replicates(stack, client("secretsmanager", emulator, REGION), name, REGION)


def test_the_outputs_are_shown(stack, run):
    done = run(OUTPUTS)

    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} >= {"FunctionName", "BackfillCommand"}


def test_the_state_machine_sweeps(stack):
    ended = Sweep.of(stack).run({"dryRun": True})

    assert (ended["status"], ended["output"]["dry_run"]) == ("SUCCEEDED", True)


def test_the_commands_of_the_guide_deploy_too(stack, run):
    done = run(DEPLOY_INTO_IT)

    assert done.returncode == 0, done.stdout + done.stderr
    assert stack.function()["Environment"]["Variables"]["DRY_RUN"] == "true"


def policy_with(field):
    """Returns a policy in which this field of a rule lists the Regions."""
    return json.dumps({"version": 1, "rules": [{"name": "dr", "when": "all", field: ["eu-west-1"]}]})


def deploy_policy(run, name, policy):
    """Deploys a stack with a policy, as the guide does. Returns the result and the events of the check."""
    deploy = DEPLOY_INTO_IT.partition("aws cloudformation deploy")[2]
    deploy = f"aws cloudformation deploy{deploy.rstrip()} 'ReplicationPolicy={policy}'"
    deployed = run(deploy.replace("--stack-name secret-replicator", f"--stack-name {name}"))
    shown = run(EVENTS.replace("--stack-name secret-replicator", f"--stack-name {name}"))
    assert shown.returncode == 0, shown.stderr
    return deployed, shown.stdout


def status(stack, name):
    return stack.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def test_a_wrong_policy_fails_the_deployment_with_its_problems_and_the_stack_can_be_deleted(stack, run):
    deployed, events = deploy_policy(run, "wrong", policy_with("replicate_to"))

    assert deployed.returncode != 0, deployed.stdout
    assert "CREATE_FAILED" in events and "REPLICATION_POLICY: line 1" in events, events
    assert "did you mean `replicate-to`?" in events, events
    assert status(stack, "wrong") == "ROLLBACK_COMPLETE"
    deleted = run("aws cloudformation delete-stack --stack-name wrong")
    assert deleted.returncode == 0, deleted.stderr
    cloudformation = stack.client("cloudformation")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="wrong", WaiterConfig=POLLING)


def test_an_update_to_a_wrong_policy_rolls_back_and_the_old_policy_stays(stack, run):
    right = policy_with("replicate-to")
    deployed, events = deploy_policy(run, stack.name, right)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr + events
    assert "UPDATE_COMPLETE" in events, events

    deployed, events = deploy_policy(run, stack.name, policy_with("replicate_to"))

    assert deployed.returncode != 0, deployed.stdout
    assert "UPDATE_FAILED" in events and "did you mean `replicate-to`?" in events, events
    assert status(stack, stack.name) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.function()["Environment"]["Variables"]["REPLICATION_POLICY"] == right


def test_the_zip_of_equal_executables_is_equal(directory, bootstrap, tmp_path):
    [first] = directory.glob("*.zip")
    second = tmp_path / "second.zip"
    later = tmp_path / "bootstrap"
    shutil.copyfile(bootstrap, later)
    os.utime(later, (0, 0))
    subprocess.run([sys.executable, ROOT / "packaging/zip.py", later, second], check=True)

    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(second) as archive:
        [file] = archive.infolist()
    assert (file.filename, file.external_attr >> 16) == ("bootstrap", 0o100755)


@pytest.mark.parametrize(
    "bucket, resolved",
    [
        ("artifacts", "artifacts"),
        ("artifacts-REGION", "artifacts-us-east-1"),
        ("REGION-artifacts", "us-east-1-artifacts"),
        ("my-REGION-artifacts", "my-us-east-1-artifacts"),
    ],
)
def test_the_word_region_in_the_bucket_is_replaced(bucket, resolved):
    parameters = {"CodeBucket": {"Value": bucket}}
    code = PLAIN["Resources"]["Replicator"]["Properties"]["Code"]["S3Bucket"]

    found = _resolve_refs(code, {}, parameters, {}, {}, "stack", "id")

    assert found == resolved
