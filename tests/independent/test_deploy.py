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

import plain_template
import pytest

from documents import blocks, named_blocks
from processes import CLI, TOOLS, shell
from stack import ACCOUNT, KEY, Request, allows
from template import ROOT, TEMPLATE

PAGE = (ROOT / "docs/DEPLOY.md").read_text()
BLOCKS = blocks("docs/DEPLOY.md")
PARAMETERS = TEMPLATE["Parameters"] | plain_template.PARAMETERS
# The policy about the tag, and the documents of the deployment guide.
[TAG_POLICY] = blocks("docs/SECURITY.md", "json")
FILES = named_blocks("docs/DEPLOY.md")

# `aws cloudformation deploy` has no skeleton. Ends with 1 if it does not have one of the options.
DEPLOY = """
import sys
from awscli.customizations.cloudformation.deploy import DeployCommand
known = {"--region", *("--" + argument["name"] for argument in DeployCommand.ARG_TABLE)}
sys.exit(any(word.startswith("--") and word not in known for word in sys.argv))
"""
# `aws s3` has no skeletons, and the CLI itself rejects its output skeletons of the other three.
AWS = f"""#!/bin/sh
case "$1 $2" in
"s3 cp") test $# -eq 4 ;;
"s3 mb") test "$#-$4" = 5---region ;;
"cloudformation deploy") exec {sys.executable} -c '{DEPLOY}' "$@" ;;
"cloudformation describe-stacks" | "cloudformation describe-stack-events" | "iam create-policy")
  exec {sys.executable} {TOOLS}/aws "$@" --generate-cli-skeleton input ;;
*) exec {sys.executable} {TOOLS}/aws "$@" --generate-cli-skeleton output ;;
esac
"""
# SAM rejects an unknown option before it prints help.
SAM = f'#!/bin/sh\nexec {sys.executable} {TOOLS}/sam "$@" --help\n'
TERRAFORM = "#!/bin/sh\ntest $1 = apply && test -s policy.auto.tfvars\n"
PROGRAMS = {
    "aws": AWS,
    "sam": SAM,
    "secret-replicator": f'#!/bin/sh\nexec {CLI} "$@"\n',
    "terraform": TERRAFORM,
}


@pytest.fixture
def run(tmp_path):
    for path in ("docs", "policy.yaml"):
        (tmp_path / path).symlink_to(ROOT / path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
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
        "aws cloudformation deploy --no-such-option x",
        "secret-replicator parameter policy.yaml --for no-such-tool",
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
    assert len(given) == PAGE.count("--parameter-overrides ")
    of_stack_sets = re.compile(r"ParameterKey=(\w+),ParameterValue=")
    words = [of_stack_sets.sub(r"\1=", word) for line in given for word in shlex.split(line)]

    for word in words:
        name, _, value = word.partition("=")
        assert name in PARAMETERS, word
        parameter = PARAMETERS[name]
        for item in value.split(","):
            assert re.search(parameter.get("AllowedPattern", ""), item), word
        assert value in parameter.get("AllowedValues", [value]), word
    assert {word.partition("=")[0] for word in words} >= {"AllowedReplicaRegions", "DryRun"}


# Names on the pages that are not the template's: errors, statuses, calls, condition keys, properties and
# the namespace of the metrics.
OTHER_NAMES = {
    *("BadInput", "TooManySlices", "TooLong", "ConfigInvalid", "PolicyInvalid", "InProgress", "StopExecution"),
    *("DescribeSecret", "ListSecrets", "GetSecretValue", "BatchGetSecretValue", "CreateSecret"),
    *("ForceOverwriteReplicaSecret", "ReplicateSecretToRegions", "TagResource", "ReplicaRegions", "PrimaryRegion"),
    *("IsLogging", "IncludeManagementEvents", "ReadWriteType", "WriteOnly", "SecretReplicator"),
    *("UsePreviousValue", "AsyncEventsDropped", "DestinationDeliveryFailures", "InvocationsFailedToBeSentToDlq"),
}


@pytest.mark.parametrize("page", ["DEPLOY.md", "SECURITY.md", "OPERATIONS.md"])
def test_the_parameters_and_outputs_that_a_page_names_are_there(page):
    text = (ROOT / "docs" / page).read_text()
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][A-Za-z0-9]+)+)(?:=\w+)?`", text))
    template = PARAMETERS.keys() | TEMPLATE["Outputs"].keys() | TEMPLATE["Resources"].keys()

    assert named - template - OTHER_NAMES == set()


def of_policy(text):
    """Returns the statements of a policy, of a list of statements, or of one statement."""
    document = json.loads(text)
    if isinstance(document, list):
        return document
    return document.get("Statement", [document])


PRINCIPAL = re.compile(r"arn:aws:iam::\d{12}:(root|role/[\w/-]+)|(cloudwatch|events)\.amazonaws\.com")


@pytest.mark.parametrize("name", ["tag", *FILES])
def test_a_policy_has_no_mistake(name, parliament):
    statements = of_policy(TAG_POLICY if name == "tag" else FILES[name])
    for statement in statements:
        # The linter knows policies of principals only. In a key policy, the resource * is the key.
        for principal in statement.pop("Principal", {}).values():
            assert PRINCIPAL.fullmatch(principal), principal
            statement["Resource"] = KEY if statement["Resource"] == "*" else statement["Resource"]
    done = subprocess.run(
        [parliament, "--json"],
        input=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_policies_of_a_topic_let_alarms_of_the_accounts_publish_and_nothing_else():
    [topic], key = json.loads(FILES["topic-policy.json"])["Statement"], json.loads(FILES["topic-key.json"])
    alarm = "arn:aws:cloudwatch:us-east-1:{}:alarm:{}"

    def publishes(account="123456789012", name="secret-replicator-ReplicasFailing-EXAMPLE"):
        context = {"aws:sourceaccount": account, "aws:sourcearn": alarm.format(account, name)}
        request = Request("sns:Publish", topic["Resource"], context=tuple(context.items()))
        return allows([topic], request)

    assert publishes() and publishes("210987654321")
    assert not publishes("999999999999")
    assert not publishes(name="other-alarm")
    assert topic["Principal"] == key["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    # User guide of SNS, "Enable compatibility between event sources and encrypted topics".
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_the_statements_for_messages_let_eventbridge_publish_without_a_condition():
    message, key = json.loads(FILES["topic-messages.json"]), json.loads(FILES["topic-messages-key.json"])

    # User guide of EventBridge, "Using resource-based policies": topics take no conditions.
    assert "Condition" not in message and "Condition" not in key
    assert allows([message], Request("sns:Publish", message["Resource"]))
    assert message["Principal"] == key["Principal"] == {"Service": "events.amazonaws.com"}
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_the_statements_of_key_policies_allow_what_secrets_manager_does_for_a_role_and_no_more():
    primary, replica = of_policy(FILES["key-of-primary.json"]), of_policy(FILES["key-of-replica.json"])
    of_the_role = [row for row in primary + replica if "ReplicatorRole" in row["Principal"]["AWS"]]
    [of_readers] = [row for row in replica if row not in of_the_role]

    def uses(statements, action, region, service="secretsmanager", secret="prod/db", account=ACCOUNT):
        context = {
            "kms:viaservice": f"{service}.{region}.amazonaws.com",
            "kms:encryptioncontext:secretarn": f"arn:aws:secretsmanager:{region}:{account}:secret:{secret}-AbCdEf",
        }
        key = KEY.replace("us-east-1", region)
        return allows(statements, Request(f"kms:{action}", key, region, tuple(context.items())))

    used = [("Decrypt", "us-east-1"), ("GenerateDataKey", "eu-west-1"), ("Encrypt", "eu-west-1")]
    for action, region in used:
        assert uses(of_the_role, action, region)
        assert not uses(of_the_role, action, region, service="s3")
        assert not uses(of_the_role, action, region, account="999999999999")
    assert not uses(of_the_role, "Decrypt", "eu-west-1")
    assert not uses(of_the_role, "Encrypt", "us-east-1")
    assert uses([of_readers], "Decrypt", "eu-west-1")
    assert not uses([of_readers], "Decrypt", "eu-west-1", secret="dev/db")
    assert not uses([of_readers], "Encrypt", "eu-west-1")


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
    row = r"^\| .*? \| ([\d.(][\d .()*/+]* [*/+] [\d .()*/+]+) \| ([\d.]+) \|$"
    rows = re.findall(row, PAGE.partition("## Cost")[2], re.M)
    assert len(rows) >= 13

    for calculation, usd in rows:
        assert f"{eval(calculation):.2f}" == usd, calculation


def commands():
    """Returns the shell commands of the documents and of the stack's outputs."""
    for page in ("README.md", "docs/DEPLOY.md", "docs/OPERATIONS.md", "docs/POLICY.md"):
        yield from blocks(page)
    for output in TEMPLATE["Outputs"].values():
        value = output["Value"]
        value = value.get("Fn::Sub", "") if isinstance(value, dict) else value
        text = value if isinstance(value, str) else value[0]
        if text.startswith("aws "):
            yield text


def traps(text):
    """Returns the words on which an interactive zsh fails: unquoted patterns without a match, and comments."""
    # zsh does not expand file names in [[ ]] and in quotation marks.
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
