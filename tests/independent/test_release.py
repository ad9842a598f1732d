"""The files of a release: deployed with the AWS CLI alone, and compared with what SAM makes of the sources."""

import copy
import json
import os
import shutil
import subprocess
import sys
import uuid
import zipfile
from functools import partial

import pytest
import yaml
from botocore.exceptions import ClientError
from ministack.services.cloudformation.engine import _resolve_refs
from samcli.yamlhelper import yaml_parse

import plain_template
from documents import blocks
from processes import TOOLS, environment, executable
from recorded_calls import denied
from release_directory import assert_that_it_replicates, write_release, write_template
from stack import ACCOUNT, Stack
from sweep import Sweep
from template import ROOT

# A sweep processes all secrets of its Region, so no other module uses this one.
REGION = "ap-northeast-3"
BUCKET = f"example-artifacts-{REGION}"
PLAIN = plain_template.plain()
[DEPLOY, WITHOUT_DRY_RUN, OUTPUTS] = blocks("docs/DEPLOY.md", section="AWS CLI only")
# The README creates the bucket.
_, _, DEPLOY_INTO_IT = DEPLOY.partition("\n")
[EVENTS] = [block for block in blocks("docs/DEPLOY.md") if "describe-stack-events" in block]
DELETE, *_ = [block for block in blocks("docs/DEPLOY.md") if "delete-stack" in block]
README = "\n".join(blocks("README.md", section="Deploy"))


# Where the plain template differs from what SAM makes of template.yaml, with the reason. SAM uploads local files.
DIFFERENCES = {
    "Parameters.CodeBucket": "names the bucket of the zip, which SAM writes into the template",
    "Parameters.CodeKey": "names the zip, which SAM writes into the template",
    "Conditions.HasCodeKey": "of CodeKey",
    "Metadata.AWS::CloudFormation::Interface.ParameterGroups": "has a group for the two parameters",
    "Metadata.AWS::ServerlessRepo::Application": "is for `sam publish`",
    "Resources.Replicator.Metadata.BuildMethod": "tells SAM how it builds the code",
    "Resources.Replicator.Metadata.BuildProperties": "tells SAM how it builds the code",
    "Resources.Replicator.Properties.Code.S3Bucket": "the bucket in the parameter",
    "Resources.Replicator.Properties.Code.S3Key": "the zip in the parameter",
    "Resources.PolicyCheck.Properties.Code": "another zip can have another built-in policy; with SAM, BuildId stands for it",
    "Resources.Sweep.Properties.Definition": "the file is a part of the template",
    "Resources.Sweep.Properties.DefinitionS3Location": "SAM uploads the file",
}


def differences(left, right, path=""):
    """Yields the places at which two values differ, also those that only one of them has."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() | right.keys():
            place = f"{path}.{key}".lstrip(".")
            if key in left and key in right:
                yield from differences(left[key], right[key], place)
            else:
                yield place
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif left != right or type(left) is not type(right):
        yield path


def test_it_is_what_sam_makes_of_the_template_except_for_what_is_listed():
    ours = PLAIN
    theirs = json.loads(json.dumps(plain_template.transformed(yaml_parse((ROOT / "template.yaml").read_text()))))

    assert sorted(differences(ours, theirs)) == sorted(DIFFERENCES)
    assert ours["Resources"]["Replicator"]["Properties"]["Code"] == plain_template.CODE
    assert ours["Resources"]["PolicyCheck"]["Properties"]["Code"] == plain_template.CODE
    *groups, added = ours["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert groups == theirs["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert added["Parameters"] == list(plain_template.PARAMETERS)


@pytest.mark.parametrize(
    "change, found",
    [
        (lambda resources: resources.pop("FailedEvents"), "Resources.FailedEvents"),
        (lambda resources: resources.update(Other={"Type": "AWS::SNS::Topic"}), "Resources.Other"),
        (lambda resources: resources["FailedEvents"].pop("DeletionPolicy"), "Resources.FailedEvents.DeletionPolicy"),
        (lambda resources: resources["LogGroup"].update(DependsOn="Sweep"), "Resources.LogGroup.DependsOn"),
        (lambda resources: resources["Replicator"]["Properties"].update(Timeout=3), "Resources.Replicator.Properties.Timeout"),
    ],
)
def test_a_difference_would_be_found_in_either_direction(change, found):
    changed = copy.deepcopy(PLAIN)
    change(changed["Resources"])

    assert list(differences(PLAIN, changed)) == list(differences(changed, PLAIN)) == [found]


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
def run(directory, recorded):
    """Runs shell commands in the directory."""

    def run(commands):
        path = f"{directory}/bin:/usr/bin:/bin"
        assert not shutil.which("sam", path=path) and not shutil.which("cargo", path=path)
        settings = {"AWS_ENDPOINT_URL": recorded.url, "AWS_DEFAULT_REGION": REGION}
        env = environment(PATH=path, HOME=str(directory), **settings)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands.replace("us-east-1", REGION)],
            cwd=directory, env=env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def stack(run, client, ministack):
    done = run(README)
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
    done = run(WITHOUT_DRY_RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    settings = stack.function()["Environment"]["Variables"]
    assert (settings["DRY_RUN"], settings["ALLOWED_REPLICA_REGIONS"]) == ("false", "eu-west-1 us-west-2")


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


# Parameters that each rule refuses, with its message, and others that it accepts.
LAYER = {"PolicyLayerArn": f"arn:aws:lambda:REGION:{ACCOUNT}:layer:policy:1"}
REFUSED = {
    "OnePolicy": [(LAYER | {"ReplicationPolicy": "{}"}, "ReplicationPolicy must be empty if PolicyLayerArn is set")]
}
ACCEPTED = {"OnePolicy": [{}, LAYER, {"ReplicationPolicy": "{}"}]}


@pytest.fixture
def propose(directory, client, ministack):
    """Makes a change set of a new stack with the plain template, for which ministack evaluates the rules."""
    cloudformation = client("cloudformation", ministack, REGION)

    def propose(**parameters):
        name = f"proposed-{uuid.uuid4().hex}"
        values = {"CodeBucket": BUCKET, "AllowedReplicaRegions": "eu-west-1"} | parameters
        cloudformation.create_change_set(
            StackName=name, ChangeSetName="proposed", ChangeSetType="CREATE", Capabilities=["CAPABILITY_IAM"],
            TemplateURL=f"{ministack}/{BUCKET}/rules.yaml",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        )  # fmt: skip
        described = cloudformation.describe_change_set(StackName=name, ChangeSetName="proposed")
        cloudformation.delete_stack(StackName=name)
        return described

    s3 = client("s3", ministack, REGION)
    s3.put_object(Bucket=BUCKET, Key="rules.yaml", Body=(directory / "template.yaml").read_bytes())
    yield propose
    s3.delete_object(Bucket=BUCKET, Key="rules.yaml")


def test_every_rule_has_cases():
    assert PLAIN["Rules"].keys() == REFUSED.keys() == ACCEPTED.keys()


@pytest.mark.parametrize("rule", PLAIN["Rules"])
def test_the_rules_of_the_plain_template_refuse_and_accept_parameters(rule, stack, propose):
    for parameters, message in REFUSED[rule]:
        with pytest.raises(ClientError, match=message):
            propose(**parameters)
    for parameters in ACCEPTED[rule]:
        assert propose(**parameters)["Status"] == "CREATE_COMPLETE", parameters


def status(stack, name):
    return stack.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def test_a_wrong_policy_fails_the_deployment_with_its_problems_and_the_way_out_is_the_documented_one(stack, run):
    deployed, events = deploy_policy(run, "wrong", policy_with("replicate_to"))

    assert deployed.returncode != 0, deployed.stdout
    assert "CREATE_FAILED" in events and "REPLICATION_POLICY: line 1" in events, events
    assert "did you mean `replicate-to`?" in events, events
    assert status(stack, "wrong") == "ROLLBACK_COMPLETE"
    # AWS does not update such a stack (documented). Ministack does, so only the way out is tested.
    deleted = run(DELETE.replace("secret-replicator", "wrong"))
    assert "does not exist" in deleted.stderr, deleted.stdout + deleted.stderr
    deployed, events = deploy_policy(run, "wrong", policy_with("replicate-to"))

    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert status(stack, "wrong") == "CREATE_COMPLETE" and "CREATE_FAILED" not in events
    assert "does not exist" in run(DELETE.replace("secret-replicator", "wrong")).stderr


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


def test_the_documented_policy_allows_every_call_of_the_aws_cli(stack, run, recorded):
    assert run(f"{OUTPUTS}\n{EVENTS}").returncode == 0
    calls = {call.action for call in recorded.calls}

    assert {"s3:CreateBucket", "s3:PutObject", "cloudformation:ExecuteChangeSet"} <= calls
    of_the_guide = {call for call in recorded.calls if "stack/wrong/" not in call.resource}
    assert denied(of_the_guide) == []


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
