"""A policy in a Lambda layer: the tool packages it, and ministack deploys the stack with it."""

import hashlib

import pytest
from botocore.exceptions import ClientError

from documents import blocks
from processes import CLI, TOOLS, shell
from stack import ACCOUNT
from template import ROOT

REGION = "eu-north-1"
POLICY = (ROOT / "policy.yaml").read_text()
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
    arn = f"arn:aws:lambda:{{}}:{ACCOUNT}:layer:secret-replicator-policy:1"

    function = deploy(region=REGION, PolicyLayerArn=arn.format(region)).function()

    assert [layer["Arn"] for layer in function["Layers"]] == [arn.format(REGION)]
    assert function["Environment"]["Variables"]["REPLICATION_POLICY_FILE"] == "/opt/policy.yaml"


def test_without_a_layer_the_function_has_no_file(cautious):
    function = cautious.function()

    assert not function.get("Layers")
    assert function["Environment"]["Variables"]["REPLICATION_POLICY_FILE"] == ""


def test_a_layer_and_a_policy_together_are_refused(publish, deploy):
    assert publish().returncode == 0
    arn = f"arn:aws:lambda:REGION:{ACCOUNT}:layer:secret-replicator-policy:1"

    with pytest.raises(ClientError, match="ReplicationPolicy must be empty if PolicyLayerArn is set"):
        deploy(region=REGION, PolicyLayerArn=arn, ReplicationPolicy=POLICY)
