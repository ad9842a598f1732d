"""The Terraform module: its variables are the template's parameters, and the stack that it deploys replicates.

Terraform installs its provider for AWS from the registry if the machine has no copy.
"""

import json
import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import plain_template
import terraform as generator
from documents import blocks
from processes import environment
from recorded_calls import STATEMENTS, denied
from release_directory import assert_that_it_replicates, write_release
from stack import Stack
from template import ROOT

MODULE = ROOT / "terraform"
# No other module deploys into this Region.
REGION = "ap-southeast-1"
BUCKET = f"example-artifacts-{REGION}"
PARAMETERS = {
    name: row
    for name, row in plain_template.plain()["Parameters"].items()
    if name not in plain_template.PARAMETERS
}
[USE] = blocks("terraform/README.md", "hcl")
# The provider for a server on this machine. A newer one can make other calls.
PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}

provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
"""
# Directories with copies of providers: those that Terraform searches itself, and those of images of machines.
MIRRORS = ["/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins", str(Path.home() / ".terraform.d/plugins")]
MIRRORS += sorted(str(path.parents[2]) for path in Path("/opt").glob("*/*/hashicorp/aws"))


@pytest.fixture(scope="module")
def parse(parliament):
    """Parses a file with a parser of Terraform's language, which is in the environment of the linters."""

    def parse(path):
        script = "import hcl2, json, sys; print(json.dumps(hcl2.loads(sys.stdin.read())))"
        python = [Path(parliament).parent / "python", "-c", script]
        done = subprocess.run(python, input=path.read_text(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return parse


def test_the_variables_are_up_to_date():
    assert (MODULE / "parameters.tf").read_text() == generator.document(), "run `make parameters`"


@pytest.fixture(scope="module")
def variables(parse):
    return {
        name: row
        for declared in parse(MODULE / "parameters.tf")["variable"]
        for name, row in declared.items()
    }


def test_every_parameter_is_a_variable_with_the_default_of_the_template(variables):
    assert len(variables) == len(PARAMETERS)
    for name, parameter in PARAMETERS.items():
        variable = variables[generator.variable(name)]
        # The parser returns each expression in a list.
        [default] = variable.get("default", [None])
        if "Default" not in parameter:
            assert default is None
        elif parameter["Type"] == "CommaDelimitedList":
            assert ",".join(default) == parameter["Default"]
        else:
            assert (str(default).lower() if isinstance(default, bool) else str(default)) == str(parameter["Default"])


def test_a_name_in_the_style_of_terraform_is_unique_and_valid():
    names = [generator.variable(name) for name in PARAMETERS]

    assert len(set(names)) == len(PARAMETERS)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


def test_a_text_is_never_interpolated():
    assert generator.literal('${a} %{b} "c"') == r'"$${a} %%{b} \"c\""'


def test_the_module_has_no_definition_of_its_own(parse):
    resources = [kind for row in parse(MODULE / "main.tf")["resource"] for kind in row]

    assert sorted(resources) == ["aws_cloudformation_stack", "aws_s3_object"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory, bootstrap):
    """A directory with the files of a release, the module and the configuration of terraform/README.md."""
    directory = tmp_path_factory.mktemp("terraform")
    (directory / "release").mkdir()
    write_release(directory / "release", bootstrap)
    shutil.copytree(MODULE, directory / "module")
    used = re.sub(r'source( +)= ".*"', r'source\1= "./module"', USE).replace("us-east-1", REGION)
    (directory / "main.tf").write_text(used + PROVIDER)
    return directory


@pytest.fixture(scope="module")
def terraform(directory, recorded):
    """Runs Terraform in the directory, if possible with a provider of this machine."""
    mirrors = [path for path in MIRRORS if list(Path(path).glob("*/hashicorp/aws/*"))]
    settings = {"AWS_ENDPOINT_URL": recorded.url, "AWS_REGION": REGION, "HOME": str(directory)}
    env = environment(TF_CLI_CONFIG_FILE=os.devnull, TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1", **settings)

    def run(*words):
        command = ["terraform", *words]
        done = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=300)
        return done

    done = run("init", "-no-color", *[f"-plugin-dir={path}" for path in mirrors[:1]])
    assert done.returncode == 0, done.stdout + done.stderr
    return run


APPLY = ["apply", "-no-color", "-auto-approve", "-input=false"]


@pytest.fixture(scope="module")
def stack(terraform, client, ministack):
    clients = partial(client, endpoint=ministack, region=REGION)
    clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    done = terraform(*APPLY)
    assert done.returncode == 0, done.stdout + done.stderr
    return Stack("secret-replicator", clients)


def test_terraform_accepts_the_module(terraform, directory):
    assert terraform("validate", "-no-color").returncode == 0
    assert terraform("fmt", "-check", "-recursive", "module").returncode == 0


def test_the_stack_that_terraform_deployed_replicates_a_secret(stack, client, emulator, name):
    assert_that_it_replicates(stack, client("secretsmanager", emulator, REGION), name, REGION)


def test_the_stack_has_the_parameters_of_the_module_and_the_defaults_of_the_template(stack):
    assert stack.parameters["AllowedReplicaRegions"] == "eu-west-1,us-west-2"
    assert stack.parameters["CodeBucket"] == BUCKET
    for name, parameter in PARAMETERS.items():
        if name not in ("AllowedReplicaRegions", "AlarmEmail"):
            assert stack.parameters[name] == str(parameter["Default"]), name


def test_the_outputs_are_those_of_the_stack(stack, terraform):
    outputs = json.loads(terraform("output", "-json").stdout)

    assert outputs["role"]["value"] == stack.outputs["RoleArn"]


def test_a_second_plan_changes_nothing(stack, terraform):
    # The exit code is 2 if there are changes.
    done = terraform("plan", "-no-color", "-input=false", "-detailed-exitcode")

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_zip_and_a_new_parameter_update_the_stack_and_its_code(stack, terraform, directory):
    def keys():
        rows = stack.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
        return {row["Key"] for row in rows}

    before, code = keys(), stack.function()["CodeSha256"]
    [zip_file] = (directory / "release").glob("*.zip")
    original = zip_file.read_bytes()
    main = (directory / "main.tf").read_text()
    # The central directory of a zip may follow other bytes.
    zip_file.write_bytes(b"other" + original)
    (directory / "main.tf").write_text(main.replace("allowed_replica_regions", "dry_run = true\n  allowed_replica_regions"))
    done = terraform(*APPLY)
    assert done.returncode == 0, done.stdout + done.stderr

    assert stack.function()["Environment"]["Variables"]["DRY_RUN"] == "true"
    assert stack.function()["CodeSha256"] != code
    # The old zip is deleted after the stack has changed.
    assert len(keys()) == len(before) == 2 and keys() != before


WRONG = "version: 1\nrules:\n  - { name: dr, when: all, replicate_to: [eu-west-1] }\n"
RIGHT = WRONG.replace("replicate_to", "replicate-to")


@pytest.fixture
def apply_policy(directory, terraform):
    """Applies the module with a policy. The configuration has no policy afterwards."""
    path = directory / "main.tf"
    before = path.read_text()

    def apply(policy):
        argument = f"replication_policy = {generator.literal(policy)}\n  allowed_replica_regions"
        path.write_text(before.replace("allowed_replica_regions", argument))
        return terraform(*APPLY)

    yield apply
    path.write_text(before)


def problems(done):
    """Returns what a failed application reports, without the frame and the line breaks of Terraform."""
    assert done.returncode != 0, done.stdout
    return " ".join(done.stderr.replace("│", " ").split())


def test_an_update_to_a_wrong_policy_fails_names_the_problem_and_keeps_the_previous_policy(stack, apply_policy):
    done = apply_policy(RIGHT)
    assert done.returncode == 0, done.stdout + done.stderr

    reported = problems(apply_policy(WRONG))

    assert "REPLICATION_POLICY: line 3" in reported and "did you mean `replicate-to`?" in reported, reported
    assert stack.function()["Environment"]["Variables"]["REPLICATION_POLICY"] == RIGHT


DESTROY = ["destroy", "-no-color", "-auto-approve", "-input=false"]


def test_terraform_deletes_the_stack_and_its_objects(stack, terraform):
    done = terraform(*DESTROY)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contents" not in stack.client("s3").list_objects_v2(Bucket=BUCKET)


def test_a_creation_with_a_wrong_policy_fails_names_the_problem_and_the_next_one_succeeds(stack, apply_policy, terraform):
    assert terraform(*DESTROY).returncode == 0, "the test before has deleted the stack"

    reported = problems(apply_policy(WRONG))

    assert "REPLICATION_POLICY: line 3" in reported and "did you mean `replicate-to`?" in reported, reported
    cloudformation = stack.client("cloudformation")
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="secret-replicator")
    done = apply_policy(RIGHT)
    assert done.returncode == 0, done.stdout + done.stderr
    done = terraform(*DESTROY)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documented_permissions_allow_every_call_of_terraform(stack, recorded):
    section = (ROOT / "docs/DEPLOY.md").read_text().partition("\n## Terraform\n")[2].partition("\n## ")[0]
    bucket = f"arn:aws:s3:::{BUCKET}"
    of_module = {"Effect": "Allow", "Action": re.findall(r"`(s3:\w+)`", section), "Resource": [bucket, f"{bucket}/*"]}

    assert {"s3:PutObject", "cloudformation:CreateStack"} <= {call.action for call in recorded.calls}
    assert denied(recorded.calls, [*STATEMENTS, of_module]) == []
