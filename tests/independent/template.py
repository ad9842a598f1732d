"""The SAM template as data, with the long form of CloudFormation's tags."""

from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
FUNCTION = TEMPLATE["Resources"]["Replicator"]["Properties"]


def of_type(kind):
    """Returns the resources of a CloudFormation type by name."""
    return {name: row for name, row in TEMPLATE["Resources"].items() if row["Type"] == kind}
