"""The template's parameters and the function's settings accept the same inputs."""

import os
import random
import re
import subprocess

import pytest

from template import ROOT, TEMPLATE

PARAMETERS = TEMPLATE["Parameters"]
NAMES = {
    "AllowedReplicaRegions": "ALLOWED_REPLICA_REGIONS",
    "AllowOverwrite": "ALLOW_OVERWRITE",
    "AllowRemoval": "ALLOW_REMOVAL",
    "AllowPromotion": "ALLOW_PROMOTION",
    "DryRun": "DRY_RUN",
    "MetricsNamespace": "METRICS_NAMESPACE",
    "Observability": "OBSERVABILITY",
    "ReplicationWaitSeconds": "REPLICATION_WAIT_SECONDS",
    "SweepWritesPerSecond": "SWEEP_WRITES_PER_SECOND",
}
BOOLEANS = ["true", "false", "True", "TRUE", "yes", "no", "1", "0", "t"]
NUMBERS = ["0", "1", "30", "45", "60", "119", "120", "121", "-1", "1.5", "1e1", "25.0", "007", "+5", "many"]
SPACES = ["AWS/Secrets", "AWS", "aws/secrets", "Team/Secrets", "a.b-c#d", "x" * 255, "x" * 256, 'a"b', "a b", ":a"]
LEVELS = ["full", "essential", "Full", "none", "minimal"]
REGIONS = ["eu-west-1", "us-gov-east-1", "eu-west-1 us-west-2", "EU-WEST-1", "frankfurt", "us-west2", "eu-isoe-west-1"]


def generated():
    """Returns values of each parameter: listed ones, and random texts of the characters that they have."""
    generator = random.Random(1)
    listed = {
        "AllowedReplicaRegions": REGIONS,
        **dict.fromkeys(["AllowOverwrite", "AllowRemoval", "AllowPromotion", "DryRun"], BOOLEANS),
        "MetricsNamespace": SPACES,
        "Observability": LEVELS,
        "ReplicationWaitSeconds": NUMBERS,
        "SweepWritesPerSecond": NUMBERS,
    }
    for name, values in listed.items():
        letters = "".join(values)
        texts = ["".join(generator.choices(letters, k=generator.randint(1, 12))) for _ in range(20)]
        for value in [*values, *texts]:
            yield name, value.strip() or "-"


def test_the_ranges_and_defaults_are_those_of_the_reference():
    """The environment's own defaults are in docs/REFERENCE.md, which the template repeats."""
    reference = (ROOT / "docs/REFERENCE.md").read_text()
    for name, variable in NAMES.items():
        if default := PARAMETERS[name].get("Default"):
            [row] = re.findall(rf"^\| `{variable}` \|.*$", reference, re.M)
            assert f"`{default}`" in row, row
    assert "0 to 120" in PARAMETERS["ReplicationWaitSeconds"]["ConstraintDescription"]
    assert "1 to 1000" in PARAMETERS["SweepWritesPerSecond"]["ConstraintDescription"]


def template_accepts(name, value):
    """Returns whether CloudFormation accepts the value: pattern, range and length of the parameter."""
    parameter = PARAMETERS[name]
    if value not in parameter.get("AllowedValues", [value]):
        return False
    values = value.split(" ") if parameter["Type"] == "CommaDelimitedList" else [value]
    for each in values:
        if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], each):
            return False
        if not parameter.get("MinLength", 0) <= len(each) <= parameter.get("MaxLength", 4096):
            return False
    if parameter["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            return False
        return parameter["MinValue"] <= number <= parameter["MaxValue"]
    return True


def function_accepts(bootstrap, name, value):
    """Returns whether the function starts with the value. Without a Runtime API it ends in both cases."""
    settings = {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        NAMES[name]: value,
    }
    ended = subprocess.run(
        [bootstrap], env=settings, capture_output=True, text=True, timeout=20, cwd=os.sep
    )
    return '"message":"ready"' in ended.stdout


@pytest.mark.parametrize("name, value", sorted(set(generated())))
def test_template_and_function_accept_the_same_values(name, value, bootstrap):
    assert template_accepts(name, value) == function_accepts(bootstrap, name, value)
