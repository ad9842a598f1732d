"""Writes the picture of a status page: of a local AWS with a secret in each state that is easy to cause.

`make page-picture` runs it.
"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import boto3

from browser import chromium, opened
from processes import CLI, environment, eventually, free_port, running

HOME, EUROPE, WEST = "us-east-1", "eu-west-1", "us-west-2"
POLICY = """
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [eu-west-1, us-west-2]
  - name: customer-data
    when: { secret-name: "customers/*" }
    replicate-to: [eu-west-1]
"""
VIEWPORT = {"width": 1000, "height": 900}
# Parts that would make the picture long.
LEFT_OUT = "section:has(#regions-title, #problems-title)"
APPLICATIONS = ["billing", "checkout", "orders"]


def secret(client, name, *replicas, **settings):
    """Creates a secret of the first tier with these replicas."""
    regions = {"AddReplicaRegions": [{"Region": region} for region in replicas]} if replicas else {}
    client.create_secret(
        Name=name, SecretString="value", Tags=[{"Key": "tier", "Value": "1"}], **regions, **settings
    )


def seed(client):
    """Creates the secrets, and waits for their replicas."""
    home = client(HOME)
    client(EUROPE).create_secret(Name="prod/legacy/ftp", SecretString="another one")
    client(WEST).create_secret(Name="prod/reports/database", SecretString="another one")
    for application in APPLICATIONS:
        for part in ["database", "signing-key"]:
            secret(home, f"prod/{application}/{part}", EUROPE, WEST)
    secret(home, "customers/export-key", EUROPE)
    secret(home, "prod/legacy/ftp", EUROPE, WEST)
    secret(home, "prod/reports/database", EUROPE)
    secret(home, "prod/ledger/signing-key", KmsKeyId="alias/ledger")
    secret(home, "prod/notifications/token")
    secret(home, "prod/archive/database", EUROPE, WEST)
    home.create_secret(Name="team-a/sandbox", SecretString="value")

    def is_done():
        secrets = home.list_secrets(MaxResults=100)["SecretList"]
        described = [home.describe_secret(SecretId=found["ARN"]) for found in secrets]
        states = [state["Status"] for found in described for state in found.get("ReplicationStatus", [])]
        return "InProgress" not in states

    eventually(is_done, "replicated")
    client(WEST).stop_replication_to_replica(SecretId="prod/archive/database")


def picture(endpoint, directory, target):
    policy, page = directory / "policy.yaml", directory / "status.html"
    policy.write_text(POLICY)
    command = [CLI, "status", policy.name, "--region", HOME, "--endpoint-url", endpoint, "--html", page.name]
    subprocess.run(command, cwd=directory, env=environment(), check=True, capture_output=True)
    with chromium() as browser, opened(browser, page, VIEWPORT) as shown:
        shown.eval_on_selector_all(LEFT_OUT, "parts => parts.forEach(part => { part.hidden = true; })")
        shown.screenshot(path=target, full_page=True)


def main(target):
    port = free_port()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        command = [os.environ["EMULATOR"], "serve", "--port", port]
        with running(command, port, directory / "log", environment()) as endpoint:
            client = partial(
                boto3.client,
                "secretsmanager",
                endpoint_url=endpoint,
                aws_access_key_id="any",
                aws_secret_access_key="any",
            )
            seed(client)
            picture(endpoint, directory, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
