"""The template's parameters and metadata."""

import re
import tomllib

import pytest

import parameters
from stack import ACCOUNT, BOUNDARY, BUS, KEY, TOPIC
from template import ROOT, TEMPLATE

PARAMETERS = TEMPLATE["Parameters"]
LAYER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:policy:1"


def test_every_parameter_has_its_group_label_and_description():
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]

    assert sorted(grouped) == sorted(PARAMETERS)
    assert interface["ParameterLabels"].keys() == PARAMETERS.keys()
    assert all(parameter["Description"] for parameter in PARAMETERS.values())
    assert "Default" not in PARAMETERS["AllowedReplicaRegions"]


BOUNDS = {"AllowedPattern", "AllowedValues", "MinValue"}


def test_every_parameter_is_bounded():
    free = {name for name, parameter in PARAMETERS.items() if not BOUNDS & parameter.keys()}

    # The function checks the policy and reports problems by line and column.
    assert free == {"ReplicationPolicy"}


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("AllowedReplicaRegions", ["eu-west-1", "us-gov-east-1"], ["eu-west", "EU-WEST-1", ""]),
        ("AlarmTopicArn", ["", TOPIC], [BUS, "alarms"]),
        ("PolicyLayerArn", ["", LAYER, LAYER.replace("us-east-1", "REGION")], [LAYER[:-2], f"{LAYER[:-1]}0", "policy"]),
        ("PolicyLayerArn", [], [LAYER.replace("policy", "REGION"), LAYER.replace(":1", "-REGION-1:1")]),
        ("BuildId", ["", "4f2a9c1", "v1.2.3+4"], ["a b", "$x", "x" * 129]),
        ("SweepMaxChanges", ["1", "100", "500000"], ["0", "", "1.5", "-1", "1e3"]),
        ("AlarmEmail", ["", "on-call@example.com"], ["on-call", "a b@c"]),
        ("LogKmsKeyArn", ["", KEY], ["alias/logs", KEY.replace(":key/", ":alias/")]),
        ("KmsKeyArns", ["", KEY], ["alias/logs", KEY.replace(":key/", ":alias/")]),
        ("KmsKeyTagValue", ["", "allowed", "team:payments"], ["a*", "a b", "${aws:username}", "x" * 257]),
        ("PermissionsBoundaryArn", ["", BOUNDARY], ["boundary"]),
        ("ReservedConcurrency", ["", "1", "1000"], ["0", "-1", "many"]),
        ("OnSuccessTopicArn", ["", TOPIC], [BUS, "records"]),
        ("OnSuccessEventBusArn", ["", BUS], [TOPIC, "records"]),
        ("MetricsNamespace", ["SecretReplicator", "Team/Secrets"], ["", '"', "a b"]),
        ("SweepSchedule", ["rate(1 hour)", "cron(0 3 * * ? *)"], ["1 hour", "rate()"]),
    ],
)
def test_a_parameter_takes_valid_values_only(name, good, bad):
    pattern = re.compile(PARAMETERS[name]["AllowedPattern"])

    assert all(pattern.search(value) for value in good)
    assert not any(pattern.search(value) for value in bad)


def test_the_table_of_the_parameters_is_up_to_date():
    _, current, _ = parameters.split(parameters.PAGE.read_text())

    assert current == parameters.table(), "run `make parameters`"


def test_the_application_is_described_for_the_serverless_application_repository():
    application = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    package = cargo["workspace"]["package"]

    assert application["Name"] == cargo["package"]["name"]
    assert application["SpdxLicenseId"] == package["license"]
    assert application["SemanticVersion"] == package["version"]
    assert TEMPLATE["Resources"]["PolicyCheck"]["Properties"]["Version"] == package["version"]
    assert TEMPLATE["Outputs"]["Version"]["Value"] == package["version"]
    assert (ROOT / application["LicenseUrl"]).is_file()
    assert (ROOT / application["ReadmeUrl"]).is_file()
    assert len(application["Description"]) <= 256
