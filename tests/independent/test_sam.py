"""The template from source: SAM deploys a build into ministack with the commands of the guide.

`make test-independent` builds the function with SAM. Here the build is a directory of the same form.
"""

import shutil
import sys
from functools import partial

import pytest

from documents import blocks
from processes import TOOLS, shell
from recorded_calls import denied
from release_directory import assert_that_it_replicates
from stack import Stack, definition_in_json, template_for_ministack
from template import ROOT

# No other module deploys into this Region.
REGION = "us-east-2"
[COMMANDS] = [block for block in blocks("docs/DEPLOY.md", section="Pipelines") if "secret-replicator check" in block]
_, DEPLOY, OPTIONS = COMMANDS.partition("sam deploy")


@pytest.fixture(scope="module")
def directory(tmp_path_factory, bootstrap):
    """A directory after `sam build`."""
    directory = tmp_path_factory.mktemp("source")
    build = directory / ".aws-sam/build"
    (build / "Replicator").mkdir(parents=True)
    shutil.copy(bootstrap, build / "Replicator/bootstrap")
    (build / "template.yaml").write_text(template_for_ministack("Replicator", "../../sweep.asl.json"))
    (directory / "sweep.asl.json").write_text(definition_in_json())
    shutil.copy(ROOT / "samconfig.toml", directory)
    # The metadata of the template names them.
    for file in ("LICENSE", "README.md"):
        shutil.copy(ROOT / file, build)
    return directory


@pytest.fixture(scope="module")
def stack(directory, recorded, client, ministack):
    sam = f'#!/bin/sh\nexec {sys.executable} {TOOLS}/sam "$@"\n'
    commands = f"{DEPLOY}{OPTIONS}".replace("us-east-1", REGION)
    done = shell(commands, directory, {"sam": sam}, AWS_ENDPOINT_URL=recorded.url, AWS_DEFAULT_REGION=REGION)
    assert done.returncode == 0, done.stdout + done.stderr
    return Stack("secret-replicator", partial(client, endpoint=ministack, region=REGION))


def test_the_stack_that_sam_deployed_replicates_a_secret(stack, client, emulator, name):
    assert_that_it_replicates(stack, client("secretsmanager", emulator, REGION), name, REGION)


def test_the_documented_policy_allows_every_call_of_sam(stack, recorded):
    assert {"s3:PutObject", "cloudformation:ExecuteChangeSet"} <= {call.action for call in recorded.calls}
    assert denied(recorded.calls) == []
