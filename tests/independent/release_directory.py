"""A directory with the files of a release that a deployment needs, for ministack."""

import json
import subprocess
import sys

import yaml

import plain_template
from bus import Bus
from function import create_secret_event
from processes import eventually
from stack import ACCOUNT
from template import ROOT, of_type


def write_release(directory, bootstrap):
    """Writes template and zip as `make dist` does, without the resources that ministack lacks."""
    without_what_ministack_lacks(write_template(directory))
    # Ministack runs the function on this machine, so the zip contains the binary of its processor.
    zip_file = directory / f"secret-replicator-{plain_template.VERSION}-arm64.zip"
    subprocess.run([sys.executable, ROOT / "packaging/zip.py", bootstrap, zip_file], check=True)


def write_template(directory):
    """Writes the template as `make dist` does. Returns its path."""
    path = directory / "template.yaml"
    script = ROOT / "packaging/plain_template.py"
    path.write_bytes(subprocess.run([sys.executable, script], check=True, capture_output=True).stdout)
    return path


def without_what_ministack_lacks(path):
    """Removes saved queries and metric math, which ministack does not support."""
    template = yaml.safe_load(path.read_text())
    resources = template["Resources"]
    for name in of_type("AWS::Logs::QueryDefinition"):
        del resources[name]
    for alarm in of_type("AWS::CloudWatch::Alarm"):
        properties = resources[alarm]["Properties"]
        if properties.pop("Metrics", None):
            properties |= {"Namespace": "none", "MetricName": "none", "Statistic": "Sum", "Period": 60}
    path.write_text(json.dumps(template))


def assert_that_it_replicates(stack, secrets, name, region):
    """Creates a secret, sends its event to the stack, and waits for the replica."""
    tags = [{"Key": "replicate-to", "Value": "eu-west-1"}]
    arn = secrets.create_secret(Name=name, SecretString="value", Tags=tags)["ARN"]
    event = create_secret_event(arn, region=region, recipientAccountId=ACCOUNT)

    Bus(stack).put(event | {"account": ACCOUNT})

    def statuses():
        rows = secrets.describe_secret(SecretId=name).get("ReplicationStatus", [])
        return [(row["Region"], row["Status"]) for row in rows]

    eventually(lambda: statuses() == [("eu-west-1", "InSync")], "the replica is in sync", 60)
