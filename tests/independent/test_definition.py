"""The file of the state machine: that SAM packages it, and what CloudFormation makes of it.

What the state machine does is in `test_sweep.py`.
"""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cfnlint.decode import cfn_yaml
from jsonata import Jsonata

from definition import FILE, PLACEHOLDERS, TEXT, definition
from processes import environment
from sweep import Sweep
from template import ROOT, TEMPLATE

SWEEP = TEMPLATE["Resources"]["Sweep"]["Properties"]
VALUES = {"FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:any"}
VALUES |= {"Partition": "aws", "SweepMaxChanges": "100"}


def test_the_template_gives_each_placeholder_a_value_and_no_other():
    assert SWEEP["DefinitionUri"] == FILE.name
    assert SWEEP["DefinitionSubstitutions"].keys() == PLACEHOLDERS == VALUES.keys()


def twice():
    """What cfn-lint says of keys that are there twice. PyYAML takes the last one without a warning."""
    try:
        cfn_yaml.loads(TEXT)
    except cfn_yaml.CfnParseError as error:
        return [match.message for match in error.matches]
    return []


def test_no_key_of_the_definition_is_there_twice():
    assert twice() == []


def test_the_definition_does_not_depend_on_an_encoding():
    # CloudFormation reads it in the default encoding of its handler.
    assert TEXT.isascii()


def test_the_deployed_definition_is_that_of_the_file(cautious):
    function = cautious.client("lambda").get_function_configuration(
        FunctionName=cautious.outputs["FunctionName"]
    )
    values = {"FunctionArn": function["FunctionArn"], "Partition": "aws", "SweepMaxChanges": "100"}

    # There the values are inserted into JSON, and here into YAML.
    assert Sweep.of(cautious).definition == definition(**values)


def expressions(value):
    match value:
        case dict():
            return [found for each in value.values() for found in expressions(each)]
        case list():
            return [found for each in value for found in expressions(each)]
        case str() if value.startswith("{%"):
            return [value]
        case _:
            return []


def parses(expression):
    try:
        Jsonata(expression.removeprefix("{%").removesuffix("%}"))
    except Exception:  # Errors of syntax have no class of their own.
        return False
    return True


def test_every_expression_is_jsonata():
    found = expressions(definition(**VALUES))
    assert len(found) == TEXT.count("{%") == TEXT.count("%}")

    for expression in found:
        assert expression.endswith("%}"), expression
        assert parses(expression), expression


@pytest.fixture
def packaged(client, ministack, name, tmp_path):
    """The template that `sam build` and `sam package` make, and S3."""
    bucket = name.replace("/", "-")
    s3 = client("s3", ministack)
    s3.create_bucket(Bucket=bucket)
    # SAM builds no code that is in a bucket already. The function takes minutes.
    template = (ROOT / "template.yaml").read_text().replace("CodeUri: .", f"CodeUri: s3://{bucket}/code")
    (tmp_path / "template.yaml").write_text(template)
    for file in ("LICENSE", "README.md", FILE.name):
        (tmp_path / file).symlink_to(ROOT / file)
    for command in (
        ["build"],
        ["package", "--s3-bucket", bucket, "--region", "us-east-1", "--output-template-file", "packaged.yaml"],
    ):
        subprocess.run(
            [sys.executable, Path(sys.executable).with_name("sam"), *command],
            cwd=tmp_path,
            env=environment(AWS_ENDPOINT_URL=ministack, HOME=str(tmp_path), SAM_CLI_TELEMETRY="0"),
            check=True,
            timeout=120,
        )
    return yaml.safe_load((tmp_path / "packaged.yaml").read_text()), s3


def test_sam_uploads_the_file_as_it_is_and_names_the_object_instead(packaged):
    template, s3 = packaged
    sweep = template["Resources"]["Sweep"]["Properties"]
    uploaded = sweep["DefinitionUri"]

    assert s3.get_object(**uploaded)["Body"].read() == FILE.read_bytes()
    assert sweep["DefinitionSubstitutions"].keys() == PLACEHOLDERS
