"""A policy in a Lambda layer: the tool packages it, ministack deploys the stack with it, and the function reads it.

Ministack mounts no layers, so the function also runs under the Runtime Interface Emulator, with the settings of the
deployed stack and the unpacked layer.
"""

import hashlib
import json
import shlex
import subprocess
import zipfile

import pytest
from botocore.exceptions import ClientError
from werkzeug.wrappers import Response

from documents import blocks
from function import create_secret_event
from local_server import serving
from processes import CLI, TOOLS, shell
from stack import ACCOUNT

REGION = "eu-north-1"
# Not the built-in policy.
POLICY = """version: 1
rules:
  - { name: of-the-layer, when: all, replicate-to: [eu-west-1] }
"""
MISSPELLED = POLICY.replace("replicate-to", "replicate_to")
ARN = f"arn:aws:lambda:{{}}:{ACCOUNT}:layer:secret-replicator-policy:1"
[COMMANDS] = [block for block in blocks("docs/DEPLOY.md") if "package-policy" in block]


@pytest.fixture(scope="module")
def publish(ministack, tmp_path_factory):
    """Runs the commands of the guide that package and publish the layer. Returns what they print."""
    directory = tmp_path_factory.mktemp("layer")
    (directory / "policy.yaml").write_text(POLICY)
    programs = {
        "secret-replicator": f'#!/bin/sh\nexec {CLI} "$@"\n',
        # Ministack has the account of the guide, but no organization.
        "aws": f'#!/bin/sh\ncase "$2" in add-*) ;; *) exec {TOOLS}/aws "$@" ;; esac\n',
    }

    def publish():
        regions = COMMANDS.replace("us-east-1 eu-central-1", f"us-east-1 {REGION}")
        return shell(regions, directory, programs, AWS_ENDPOINT_URL=ministack)

    return publish


def test_the_commands_of_the_guide_publish_the_policy_in_each_region(publish, client, ministack):
    done = publish()

    assert done.returncode == 0, done.stdout + done.stderr
    assert hashlib.sha256(POLICY.encode()).hexdigest() in done.stdout
    for region in ("us-east-1", REGION):
        layers = client("lambda", ministack, region).list_layers()["Layers"]
        assert "secret-replicator-policy" in [layer["LayerName"] for layer in layers]


@pytest.mark.parametrize("region", ["REGION", REGION])
def test_the_function_gets_the_layer_of_its_region_and_the_file(region, publish, deploy):
    assert publish().returncode == 0

    function = deploy(region=REGION, PolicyLayerArn=ARN.format(region)).function()

    assert [layer["Arn"] for layer in function["Layers"]] == [ARN.format(REGION)]
    assert function["Environment"]["Variables"]["REPLICATION_POLICY_FILE"] == "/opt/policy.yaml"


def test_without_a_layer_the_function_has_no_file(cautious):
    function = cautious.function()

    assert not function.get("Layers")
    assert function["Environment"]["Variables"]["REPLICATION_POLICY_FILE"] == ""


def test_a_layer_and_a_policy_together_are_refused(publish, deploy):
    assert publish().returncode == 0

    with pytest.raises(ClientError, match="ReplicationPolicy must be empty if PolicyLayerArn is set"):
        deploy(region=REGION, PolicyLayerArn=ARN.format("REGION"), ReplicationPolicy=POLICY)


@pytest.fixture(scope="module")
def settings(publish, deploy):
    """The settings of a function with a layer, as the deployed stack has them."""
    assert publish().returncode == 0
    return deploy(region=REGION, PolicyLayerArn=ARN.format("REGION")).function()["Environment"]["Variables"]


@pytest.fixture
def with_layer(settings, start_function, tmp_path):
    """Starts the function with a layer that contains a file, at the place where Lambda extracts layers."""

    def start(layer, **others):
        directory = tmp_path / "opt"
        with zipfile.ZipFile(layer) as archive:
            archive.extractall(directory)
        # In a private namespace, /opt is the layer for the function only.
        mount = f'mount --bind {shlex.quote(str(directory))} /opt && exec "$@"'
        within = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
        if subprocess.run([*within, "true"], capture_output=True).returncode:
            # The kernel can refuse namespaces. The function then reads the same file at another place.
            file = settings["REPLICATION_POLICY_FILE"]
            assert file.startswith("/opt/")
            return start_function(**settings | {"REPLICATION_POLICY_FILE": file.replace("/opt", str(directory))} | others)
        return start_function(**settings | others, within=within)

    return start


@pytest.fixture
def layer(tmp_path):
    """Packages a policy with the tool, as the guide does."""

    def layer(policy):
        (tmp_path / "policy.yaml").write_text(policy)
        command = [CLI, "package-policy", "policy.yaml", "--allowed-replica-regions", "eu-west-1 us-west-2"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return layer


def test_an_event_replicates_by_the_policy_in_the_layer(layer, with_layer, client, moto, name, tmp_path):
    done = layer(POLICY)
    assert done.returncode == 0, done.stderr
    function = with_layer(tmp_path / "policy-layer.zip")
    secrets = client("secretsmanager", moto)
    # The built-in policy would do nothing: the secret has no tag.
    arn = secrets.create_secret(Name=name, SecretString="value")["ARN"]

    record = function.invoke(create_secret_event(arn))

    assert (record["outcome"], record["rules"]) == ("replicated", ["of-the-layer"])
    [ready] = [line for line in function.lines() if line.get("message") == "ready"]
    assert ready["policy_sha256"] == hashlib.sha256(POLICY.encode()).hexdigest()
    assert ready["policy_sha256"] in done.stdout
    assert ready["policy_source"].endswith("/policy.yaml")


def check(with_layer, layer):
    """Checks a deployment with a layer as CloudFormation does. Returns the function's answer to it."""
    answers = []

    def respond(request):
        answers.append(json.loads(request.get_data()))
        return Response()

    with serving(respond) as bucket:
        with_layer(layer, AWS_ENDPOINT_URL_S3=bucket).invoke(
            {
                "RequestType": "Create",
                "RequestId": "any",
                "ResponseURL": f"{bucket}/answer?X-Amz-Signature=any",
                "ResourceType": "Custom::PolicyCheck",
                "LogicalResourceId": "PolicyCheck",
                "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/secret-replicator/any",
                "ResourceProperties": {"ServiceToken": "any"},
            }
        )
    [answer] = answers
    return answer


def test_a_right_policy_in_the_layer_passes_the_check_of_the_deployment(layer, with_layer, tmp_path):
    assert layer(POLICY).returncode == 0

    assert check(with_layer, tmp_path / "policy-layer.zip")["Status"] == "SUCCESS"


def test_a_wrong_policy_in_the_layer_fails_the_check_of_the_deployment_with_its_problem(layer, with_layer, tmp_path):
    refused = layer(MISSPELLED)
    assert refused.returncode != 0 and "did you mean `replicate-to`?" in refused.stderr + refused.stdout
    # A layer of another tool.
    with zipfile.ZipFile(tmp_path / "wrong.zip", "w") as archive:
        archive.writestr("policy.yaml", MISSPELLED)

    answer = check(with_layer, tmp_path / "wrong.zip")

    assert answer["Status"] == "FAILED"
    assert "REPLICATION_POLICY_FILE: " in answer["Reason"]
    assert "line 3" in answer["Reason"] and "did you mean `replicate-to`?" in answer["Reason"]


def test_a_layer_without_the_policy_fails_the_check_of_the_deployment(with_layer, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("rules.yaml", POLICY)

    answer = check(with_layer, tmp_path / "other.zip")

    assert answer["Status"] == "FAILED"
    assert "REPLICATION_POLICY_FILE: " in answer["Reason"] and "/policy.yaml" in answer["Reason"]
