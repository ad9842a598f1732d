"""The SAM template as data."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags into their long form."""


def long_form(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", long_form)

TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader)
FUNCTION = TEMPLATE["Resources"]["Replicator"]["Properties"]


def function_environment(**parameters):
    """The function's settings as CloudFormation would make them from these parameters."""
    defaults = {
        name: parameter["Default"]
        for name, parameter in TEMPLATE["Parameters"].items()
        if "Default" in parameter
    }
    values = defaults | parameters

    def resolve(value):
        match value:
            case {"Ref": name} if TEMPLATE["Parameters"][name]["Type"] == "CommaDelimitedList":
                return [item.strip() for item in values[name].split(",")]
            case {"Ref": name}:
                return values[name]
            case {"Fn::Join": [separator, items]}:
                return separator.join(resolve(items))
            case _:
                return value

    variables = FUNCTION["Environment"]["Variables"]
    return {name: str(resolve(value)) for name, value in variables.items()}
