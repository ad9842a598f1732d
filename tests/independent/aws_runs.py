"""Runs of `tests/aws` against local servers, and what such a run leaves behind."""

import json
import os
import shutil
import subprocess
import sys

import yaml

from processes import environment, eventually
from stack import METRIC_MATH, NO_MATH, SAVED_QUERY
from template import ROOT

# No other module uses the primary Region. The replica Region is one of those that the emulator allows to the
# functions of ministack.
HOME, TARGET = "ap-south-1", "eu-west-1"


class Run:
    """A process of `tests/aws`."""

    def __init__(self, directory, command, name, endpoint, *options, secrets=None):
        self.name = name
        self.directory = directory
        self.log = directory / f"{name}-{command}.log"
        variables = {"HOME": str(directory), "SAM_CLI_TELEMETRY": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        if secrets:
            variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = secrets
        words = [sys.executable, ROOT / "tests/aws", command, "--run", name, "--directory", directory]
        words += ["--region", HOME, "--replica-region", TARGET, "--endpoint-url", endpoint, *options]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(word) for word in words],
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def end(self, seconds=150):
        """Waits for the end. Returns the exit code."""
        try:
            return self.process.wait(timeout=seconds)
        finally:
            self.process.kill()

    @property
    def output(self):
        return self.log.read_text()

    @property
    def report(self):
        return (self.directory / f"{self.name}-report.txt").read_text()


def build(directory, bootstrap):
    """Makes a directory as `sam build` does, with this `bootstrap`, for ministack.

    Ministack reads definitions in JSON only and does not support saved queries or metric math.
    """
    (directory / "Replicator").mkdir(parents=True)
    shutil.copy(bootstrap, directory / "Replicator/bootstrap")
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, directory)
    definition = yaml.safe_load((ROOT / "sweep.asl.yaml").read_text())
    (directory / "sweep.asl.json").write_text(json.dumps(definition))
    template = SAVED_QUERY.sub("", (ROOT / "template.yaml").read_text())
    template = METRIC_MATH.sub(NO_MATH, template)
    for old, new in ((" CodeUri: .\n", " CodeUri: Replicator\n"), ("sweep.asl.yaml\n", "sweep.asl.json\n")):
        assert template.count(old) == 1, old
        template = template.replace(old, new)
    (directory / "template.yaml").write_text(template)
    return directory


def secrets_of(name, client, endpoint):
    """Returns the places of the run's secrets."""
    return [
        (region, row["Name"])
        for region in (HOME, TARGET)
        for page in client("secretsmanager", endpoint, region)
        .get_paginator("list_secrets")
        .paginate(IncludePlannedDeletion=True)
        for row in page["SecretList"]
        if name in row["Name"]
    ]


def left_behind(name, client, endpoint, secrets):
    """Returns everything whose name contains the run's, found without the code of `tests/aws`."""
    found = secrets_of(name, client, secrets)
    buckets = client("s3", endpoint, HOME).list_buckets()["Buckets"]
    found += [row["Name"] for row in buckets if name in row["Name"]]
    for region in (HOME, TARGET):
        stacks = client("cloudformation", endpoint, region).list_stacks()["StackSummaries"]
        alive = [row["StackName"] for row in stacks if row["StackStatus"] != "DELETE_COMPLETE"]
        rules = [row["Name"] for row in client("events", endpoint, region).list_rules()["Rules"]]
        queues = client("sqs", endpoint, region).list_queues().get("QueueUrls", [])
        groups = client("logs", endpoint, region).describe_log_groups()["logGroups"]
        functions = client("lambda", endpoint, region).list_functions()["Functions"]
        names = [*alive, *rules, *queues, *(row["logGroupName"] for row in groups)]
        names += [row["FunctionName"] for row in functions]
        found += [each for each in names if name in each]
    return found


def stop_when(run, signal, check, what):
    """Sends a signal to a run as soon as a condition is true."""

    def ready():
        assert run.process.poll() is None, run.output
        return check()

    eventually(ready, what, seconds=120)
    os.kill(run.process.pid, signal)
