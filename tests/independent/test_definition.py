"""The file of the state machine: its syntax, its packaging by SAM and its deployment.

`make test-template` lints the states, and `test_sweep.py` executes them.
"""

import re
import sys

import pytest
import yaml
from cfnlint.decode import cfn_yaml
from jsonata import Jsonata

from processes import TOOLS, shell
from sweep import Sweep
from template import ROOT

FILE = ROOT / "sweep.asl.yaml"
TEXT = FILE.read_text()
PLACEHOLDERS = set(re.findall(r"\$\{(.*?)\}", TEXT))


def test_no_key_of_the_definition_is_there_twice():
    # cfn-lint raises an error for a duplicate key. PyYAML uses the last one without a warning.
    cfn_yaml.loads(TEXT)


def test_the_definition_does_not_depend_on_an_encoding():
    # CloudFormation's handler reads the file in its default encoding.
    assert TEXT.isascii()


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


def test_every_expression_is_jsonata():
    found = expressions(yaml.safe_load(re.sub(r"\$\{.*?\}", "100", TEXT)))
    assert len(found) == TEXT.count("{%") == TEXT.count("%}")

    for expression in found:
        assert expression.endswith("%}"), expression
        # Raises an error for invalid syntax.
        Jsonata(expression.removeprefix("{%").removesuffix("%}"))


def test_the_deployed_definition_is_that_of_the_file(cautious):
    values = {
        "FunctionArn": cautious.function()["FunctionArn"],
        "Partition": "aws",
        "SweepMaxChanges": "100",
    }
    assert values.keys() == PLACEHOLDERS
    # The handler of AWS::StepFunctions::StateMachine, which is open source, replaces the placeholders in the
    # text and parses it afterwards.
    text = re.sub(r"\$\{(.*?)\}", lambda match: values[match[1]], TEXT)

    # Ministack does that with JSON, this test with YAML.
    assert Sweep.of(cautious).definition == yaml.safe_load(text)


@pytest.fixture
def packaged(client, ministack, name, tmp_path):
    """The template after `sam build` and `sam package`, and S3."""
    bucket = name.replace("/", "-")
    s3 = client("s3", ministack)
    s3.create_bucket(Bucket=bucket)
    # SAM does not build code that is in a bucket. Building the function takes minutes.
    template = (ROOT / "template.yaml").read_text().replace("CodeUri: .", f"CodeUri: s3://{bucket}/code")
    (tmp_path / "template.yaml").write_text(template)
    for file in ("LICENSE", "README.md", FILE.name):
        (tmp_path / file).symlink_to(ROOT / file)
    commands = f"""
        sam build
        sam package --s3-bucket {bucket} --region us-east-1 --output-template-file packaged.yaml
    """
    programs = {"sam": f'#!/bin/sh\nexec {sys.executable} {TOOLS}/sam "$@"\n'}
    done = shell(commands, tmp_path, programs, AWS_ENDPOINT_URL=ministack)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load((tmp_path / "packaged.yaml").read_text()), s3


def test_sam_uploads_the_file_as_it_is_and_names_the_object_instead(packaged):
    template, s3 = packaged
    sweep = template["Resources"]["Sweep"]["Properties"]

    assert s3.get_object(**sweep["DefinitionUri"])["Body"].read() == FILE.read_bytes()
    assert sweep["DefinitionSubstitutions"].keys() == PLACEHOLDERS
