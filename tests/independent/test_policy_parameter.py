"""The tools that take the stack's parameters get the policy that `secret-replicator parameter` printed for them."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from awscli.customizations.cloudformation.deploy import DeployCommand
from samcli.cli.types import CfnParameterOverridesType

from processes import CLI
from template import ROOT, TEMPLATE

OTHER = "AllowedReplicaRegions=eu-west-1,us-west-2"
# Comments, quotes, equals signs and line breaks, which tools read in their own way.
SPECIAL = """# it's "special" = ${a} %{b} `c` $(d)
version: 1
rules:
  - name: "a 'b' = c, ParameterKey=x"
    when: {tags: {owner: 'it''s me'}}
    replicate-to: eu-west-1
"""
AS_JSON = json.dumps(
    {"version": 1, "rules": [{"name": "it's a", "when": "all", "replicate-to": ["eu-west-1"]}]}, indent=1
)
DOCUMENTED = [*ROOT.glob("docs/policies/*.yaml"), ROOT / "policy.yaml"]
POLICIES = [SPECIAL, AS_JSON] + [path.read_text() for path in DOCUMENTED if ".tests." not in path.name]


def parameter(policy, tool):
    """Returns the parameter as a shell's `$(...)` does: without the line breaks at its end."""
    command = [CLI, "parameter", "-", "--for", tool]
    done = subprocess.run(command, input=policy, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def sam(*words):
    return CfnParameterOverridesType().convert(words, None, None)


@pytest.mark.parametrize("policy", POLICIES)
def test_sam_gets_the_policy(policy):
    parameters = sam(OTHER, parameter(policy, "sam"))

    assert parameters == {"AllowedReplicaRegions": "eu-west-1,us-west-2", "ReplicationPolicy": policy.rstrip()}


@pytest.mark.parametrize("policy", POLICIES)
def test_sam_does_not_get_a_policy_without_quotes(policy):
    assert sam(f"ReplicationPolicy={policy}").get("ReplicationPolicy") != policy.rstrip()


@pytest.mark.parametrize("policy", POLICIES)
def test_the_aws_cli_gets_the_policy(policy):
    words = [OTHER, parameter(policy, "cli")]
    parameters = DeployCommand.parse_key_value_arg(None, words, "parameter-overrides")

    assert parameters["ReplicationPolicy"] == policy.rstrip()


@pytest.mark.parametrize("policy", POLICIES)
def test_a_file_of_parameters_has_the_policy(policy):
    entry = json.loads(parameter(policy, "json"))

    assert entry == {"ParameterKey": "ReplicationPolicy", "ParameterValue": policy.rstrip()}


@pytest.mark.parametrize("policy", POLICIES)
def test_terraform_gets_the_policy(policy, parliament):
    # The linters' environment has a parser of Terraform's language, which keeps the escapes of strings.
    variable = f"replication_policy = {parameter(policy, 'terraform')}\n"
    script = "import hcl2, json, sys; print(json.dumps(hcl2.loads(sys.stdin.read())))"
    python = [Path(parliament).parent / "python", "-c", script]
    done = subprocess.run(python, input=variable, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    [value] = json.loads(done.stdout)["replication_policy"]
    escapes = {"n": "\n", "t": "\t"}
    unescaped = re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[1]), value)

    assert re.sub(r"([$%])\1{", r"\1{", unescaped) == policy.rstrip()


def test_the_parameter_has_the_length_of_the_template():
    longest = TEMPLATE["Parameters"]["ReplicationPolicy"]["MaxLength"]
    policy = POLICIES[0].rstrip() + "\n# "
    fits = policy + "x" * (longest - len(policy))

    assert parameter(fits, "cli") == f"ReplicationPolicy={fits}"
    with pytest.raises(AssertionError, match=f"holds {longest}"):
        parameter(fits + "x", "cli")
