"""Checks that the tools accept the commands of the deployment guide.

No emulator supports Organizations or StackSets, so the AWS CLI only validates each command against its service
model, and SAM only parses the options. The parameters are compared with the template.
"""

import json
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

from documents import blocks
from processes import TOOLS, shell
from template import ROOT, TEMPLATE

PAGE = (ROOT / "docs/DEPLOY.md").read_text()
BLOCKS = blocks("docs/DEPLOY.md")
PARAMETERS = TEMPLATE["Parameters"]

# `aws s3 cp` has no skeleton, and the CLI itself rejects its output skeleton of `describe-stacks`.
AWS = f"""#!/bin/sh
case "$1 $2" in
"s3 cp") test $# -eq 4 ;;
"cloudformation describe-stacks")
  exec {sys.executable} {TOOLS}/aws "$@" --generate-cli-skeleton input ;;
*) exec {sys.executable} {TOOLS}/aws "$@" --generate-cli-skeleton output ;;
esac
"""
# SAM rejects an unknown option before it prints help.
SAM = f'#!/bin/sh\nexec {sys.executable} {TOOLS}/sam "$@" --help\n'
PROGRAMS = {"aws": AWS, "sam": SAM, "secret-replicator": "#!/bin/sh\ntest -e $2\n"}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    return lambda commands: shell(commands, tmp_path, PROGRAMS, AWS_DEFAULT_REGION="us-east-1")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_tools_take_the_commands(number, run):
    done = run(BLOCKS[number])

    assert done.returncode == 0, done.stdout[-500:] + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "sam deploy --no-such-option",
        "aws cloudformation create-stack-set --no-such-option x",
        "aws cloudformation describe-stacks --no-such-option x",
        "aws cloudformation create-stack-set --stack-set-name x --auto-deployment Enable=true",
    ],
)
def test_a_command_that_is_wrong_would_be_found(command, run):
    assert run(command).returncode != 0


def sam(block):
    """Returns the words of each SAM command in a block."""
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.split()[:1] == ["sam"]]


def test_a_deployment_with_a_named_bucket_switches_off_the_managed_one():
    """SAM rejects both together, and applies `samconfig.toml` like options of the command line."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    managed = config["default"]["deploy"]["parameters"].get("resolve_s3", False)
    named = [words for block in BLOCKS for words in sam(block) if "--s3-bucket" in words]
    deploys = [words for words in named if words[1] == "deploy"]
    assert deploys

    assert not [words for words in named if "--resolve-s3" in words]
    assert not managed or all("--no-resolve-s3" in words for words in deploys), deploys


def test_nothing_is_packaged_before_it_is_built():
    commands = [[words[1] for words in sam(block)] for block in BLOCKS]
    packaging = [names for names in commands if "package" in names]
    assert packaging

    for names in packaging:
        assert "build" in names[: names.index("package")], names


def test_the_parameters_are_the_templates():
    given = re.findall(r"--parameter-overrides ((?:\"?\w+=[^\s`]+ ?)+)", PAGE)
    words = [word for line in given for word in shlex.split(line)]
    assert len(given) == PAGE.count("--parameter-overrides ")

    for word in words:
        name, _, value = word.partition("=")
        assert name in PARAMETERS, word
        parameter = PARAMETERS[name]
        for item in value.split(","):
            assert re.search(parameter.get("AllowedPattern", ""), item), word
        assert value in parameter.get("AllowedValues", [value]), word
    assert {word.partition("=")[0] for word in words} >= {"AllowedReplicaRegions", "DryRun"}


# Names on the pages that are not the template's: errors, statuses, calls, condition keys and properties.
OTHER_NAMES = {
    *("BadInput", "TooManySlices", "PolicyInvalid", "InProgress", "StopExecution"),
    *("DescribeSecret", "ListSecrets", "GetSecretValue", "BatchGetSecretValue", "CreateSecret"),
    *("ForceOverwriteReplicaSecret", "TagResource", "ReplicaRegions"),
}


@pytest.mark.parametrize("page", ["DEPLOY.md", "SECURITY.md", "OPERATIONS.md"])
def test_the_parameters_and_outputs_that_a_page_names_are_there(page):
    text = (ROOT / "docs" / page).read_text()
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][A-Za-z0-9]+)+)(?:=\w+)?`", text))
    template = PARAMETERS.keys() | TEMPLATE["Outputs"].keys() | TEMPLATE["Resources"].keys()

    assert named - template - OTHER_NAMES == set()


def test_the_policy_about_the_tag_has_no_mistake(parliament):
    [policy] = blocks("docs/SECURITY.md", "json")

    done = subprocess.run(
        [parliament, "--json"], input=json.dumps(json.loads(policy)), capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


LINK = re.compile(r"\]\(((?!https?:)[^)#]*)#([^)]*)\)")


@pytest.mark.parametrize("page", ["README.md", "docs/DEPLOY.md", "docs/SECURITY.md", "docs/OPERATIONS.md"])
def test_every_link_to_a_section_leads_to_one(page):
    """The Rust test of the documentation checks that the files exist."""
    here = ROOT / page
    for target, anchor in LINK.findall(here.read_text()):
        file = (here.parent / target).resolve() if target else here
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
        slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in headings}
        assert anchor in slugs, (target, anchor)
