"""The file of the state machine, read as CloudFormation reads it."""

import json
import re

import yaml

from template import ROOT

FILE = ROOT / "sweep.asl.yaml"
TEXT = FILE.read_text()
PLACEHOLDERS = set(re.findall(r"\$\{(.*?)\}", TEXT))


def definition(**values):
    """The definition with these values for its placeholders.

    The handler of AWS::StepFunctions::StateMachine, which is open source, replaces them in the text and
    parses it afterwards.
    """
    text = TEXT
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return yaml.safe_load(text)


def as_json():
    """The file in the other format that CloudFormation takes, with its placeholders."""
    return json.dumps(yaml.safe_load(TEXT))
