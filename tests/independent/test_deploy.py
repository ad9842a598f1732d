"""Checks that the tools accept the commands of the deployment guide.

No emulator has Organizations or StackSets, so the AWS CLI checks each command against its service model
and stops there, and SAM checks the options. Parameters are checked against the template.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from processes import environment
from stack import KEY, Request, allows
from template import ROOT, TEMPLATE

TOOLS = Path(sys.executable).parent
PAGE = (ROOT / "docs/DEPLOY.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
PARAMETERS = TEMPLATE["Parameters"]
[KEYS] = re.findall(r"^<!-- keys.json -->\n```json\n(.*?)^```", PAGE, re.M | re.S)

# `aws s3 cp` has no skeleton. The CLI itself refuses its skeletons of these other answers.
AWS = f"""#!/bin/sh
case "$1 $2" in
"s3 cp") test $# -eq 4 ;;
"cloudformation describe-stacks" | "iam create-policy")
  exec {sys.executable} {TOOLS}/aws "$@" --generate-cli-skeleton input ;;
*) exec {sys.executable} {TOOLS}/aws "$@" --generate-cli-skeleton output ;;
esac
"""
# An option that is unknown is an error before help is given.
SAM = f'#!/bin/sh\nexec {sys.executable} {TOOLS}/sam "$@" --help\n'


@pytest.fixture
def run(tmp_path):
    for name, text in [("aws", AWS), ("sam", SAM), ("secret-replicator", "#!/bin/sh\ntest -e $2")]:
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "keys.json").write_text(KEYS)

    def run(commands):
        return subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", commands],
            cwd=tmp_path,
            env=environment(
                PATH=f"{tmp_path}:{os.environ['PATH']}",
                HOME=str(tmp_path),
                AWS_DEFAULT_REGION="us-east-1",
                SAM_CLI_TELEMETRY="0",
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


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
    """The words of each command of SAM in a block."""
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.split()[:1] == ["sam"]]


def test_a_bucket_is_named_only_where_sam_is_told_to_make_none():
    """SAM refuses both together, and reads `samconfig.toml` as if it were on the command line."""
    makes_one = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"][
        "parameters"
    ].get("resolve_s3", False)
    named = [words for block in BLOCKS for words in sam(block) if "--s3-bucket" in words]
    deploys = [words for words in named if words[1] == "deploy"]
    assert deploys

    assert not [words for words in named if "--resolve-s3" in words]
    if makes_one:
        assert all("--no-resolve-s3" in words for words in deploys), deploys


def test_nothing_is_packaged_before_it_is_built():
    blocks = [[words[1] for words in sam(block)] for block in BLOCKS]
    packaging = [commands for commands in blocks if "package" in commands]
    assert packaging

    for commands in packaging:
        assert "build" in commands[: commands.index("package")], commands


def test_the_parameters_are_the_templates():
    given = re.findall(r"--parameter-overrides ((?:\"?\w+=[^\s`]+ ?)+)", PAGE)
    words = [word for line in given for word in shlex.split(line)]
    assert len(given) >= 4

    for word in words:
        name, _, value = word.partition("=")
        assert name in PARAMETERS, word
        parameter = PARAMETERS[name]
        for item in value.split(","):
            assert re.search(parameter.get("AllowedPattern", ""), item), word
        assert value in parameter.get("AllowedValues", [value]), word
    assert {word.partition("=")[0] for word in words} >= {"AllowedReplicaRegions", "DryRun"}


@pytest.mark.parametrize("page", ["DEPLOY.md", "SECURITY.md", "OPERATIONS.md"])
def test_the_parameters_and_outputs_that_a_page_names_are_there(page):
    text = (ROOT / "docs" / page).read_text()
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][A-Za-z0-9]+)+)(?:=\w+)?`", text))
    template = PARAMETERS.keys() | TEMPLATE["Outputs"].keys() | TEMPLATE["Resources"].keys()
    others = {"BadInput", "TooManySlices", "PolicyInvalid", "InProgress", "StopExecution"}
    # Calls and condition keys of AWS, and properties of CloudFormation and Terraform.
    others |= {"DescribeSecret", "ListSecrets", "GetSecretValue", "BatchGetSecretValue"}
    others |= {"ForceOverwriteReplicaSecret", "CreateSecret", "TagResource", "ReplicaRegions"}
    others |= {"PrimaryRegion", "SecretReplicator", "IsLogging", "IncludeManagementEvents", "ReadWriteType", "WriteOnly"}

    assert named - template - others == set()


[TAG_POLICY] = re.findall(
    r"^```json\n(.*?)^```", (ROOT / "docs/SECURITY.md").read_text(), re.M | re.S
)


@pytest.mark.parametrize("policy", [TAG_POLICY, KEYS], ids=["tag", "keys"])
def test_a_policy_has_no_mistake(policy, parliament):
    done = subprocess.run(
        [parliament, "--json"], input=json.dumps(json.loads(policy)), capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_policies_of_keys_allow_what_secrets_manager_does_for_the_role_and_no_more():
    [statement] = re.findall(
        r"^<!-- a statement of a key policy -->\n```json\n(.*?)^```", PAGE, re.M | re.S
    )
    attached, of_key = json.loads(KEYS)["Statement"], [json.loads(statement)]
    tagged = {"aws:resourcetag/secret-replicator": "allowed"}

    def uses(statements, action, region, service="secretsmanager", **context):
        key = KEY.replace("us-east-1", region)
        context |= {"kms:viaservice": f"{service}.{region}.amazonaws.com"}
        return allows(statements, Request(f"kms:{action}", key, region, tuple(context.items())))

    for action, region in [("Decrypt", "us-east-1"), ("GenerateDataKey", "eu-west-1"), ("Encrypt", "us-west-2")]:
        assert uses(attached, action, region, **tagged)
        assert not uses(attached, action, region)
        assert not uses(attached, action, region, service="s3", **tagged)
        assert uses(of_key, action, region)
        assert not uses(of_key, action, region, service="s3")
    assert not uses(attached, "Decrypt", "eu-west-1", **tagged)
    assert not uses(attached, "Encrypt", "eu-north-1", **tagged)


def test_the_tools_are_those_of_the_tests():
    rows = re.findall(r"^\|(.*?)\|.*?\|(.*?)\|$", PAGE.partition("## Tools")[2], re.M)
    tested = {tool.strip().split(",")[0]: version.strip() for tool, version in rows}
    pinned = dict(
        line.split("==")
        for line in (ROOT / "tests/requirements/tools.txt").read_text().splitlines()
        if "==" in line
    )
    toolchain = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    workflow = (ROOT / ".github/workflows/test.yaml").read_text()

    assert tested["AWS SAM CLI"] == pinned["aws-sam-cli"]
    assert tested["[cargo-lambda](https://www.cargo-lambda.info)"] == pinned["cargo-lambda"]
    assert tested["zig"] == pinned["ziglang"]
    assert f"RUSTUP_TOOLCHAIN: {tested['Rust']}\n" in workflow
    for page in (PAGE, (ROOT / "README.md").read_text()):
        assert f"{toolchain['rust-version']} or newer" in page


def test_the_costs_are_those_of_their_calculations():
    rows = re.findall(r"^\| .*? \| ([\d .()*/+]+) \| ([\d.]+) \|$", PAGE.partition("## Cost")[2], re.M)
    assert len(rows) >= 13

    for calculation, usd in rows:
        assert f"{eval(calculation):.2f}" == usd, calculation


SHELL = re.compile(r"^ *```sh\n(.*?)^ *```", re.M | re.S)


def commands():
    """Every text that people paste into a shell."""
    for page in ["README.md", *(f"docs/{name}.md" for name in ("DEPLOY", "OPERATIONS", "POLICY"))]:
        yield from SHELL.findall((ROOT / page).read_text())
    for output in TEMPLATE["Outputs"].values():
        value = output["Value"].get("Fn::Sub", "")
        text = value if isinstance(value, str) else value[0]
        if text.startswith("aws "):
            yield text


def traps(text):
    """The words on which an interactive zsh fails: unquoted patterns without a match, and comments."""
    # A pattern is meant in [[ ]], and what is quoted is safe.
    text = re.sub(r"\[\[.*?\]\]", "", text, flags=re.S)
    text = re.sub(r"'[^']*'|\"(?:\\.|\$\([^)]*\)|[^\"])*\"", "quoted", text)
    words = [word.rstrip(";") for word in text.split()]
    return [word for word in words if word not in ("[", "]") and re.search(r"^#|[\[\]?*]", word)]


def test_zsh_takes_the_commands_too():
    found = list(commands())
    assert len(found) >= 30

    for text in found:
        assert not traps(text), text


def test_the_traps_of_zsh_are_found():
    for text in ("make demo # the demo", "aws --query trailList[].Name", "ls *.json", "echo what?"):
        assert traps(text), text


LINK = re.compile(r"\]\(((?!https?:)[^)#]*)(?:#([^)]*))?\)")


@pytest.mark.parametrize("page", ["README.md", "docs/DEPLOY.md", "docs/SECURITY.md", "docs/OPERATIONS.md"])
def test_every_link_leads_somewhere(page):
    here = ROOT / page
    for target, anchor in LINK.findall(here.read_text()):
        file = (here.parent / target).resolve() if target else here
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in headings}
            assert anchor in slugs, (target, anchor)
