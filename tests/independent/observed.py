"""The runs of the function for the tests of alarms, metrics and queries, with their answers and log lines."""

import json
from functools import cached_property
from types import SimpleNamespace

import requests
from werkzeug.wrappers import Response

from emf import datapoints
from function import ACCOUNT, create_secret_event, running_function
from local_server import serving
from processes import eventually
from template import ROOT

# The Regions of the secrets. A sweep processes all secrets of its Region.
REGION, LIMITED, EMPTY, DENIED = "ca-central-1", "sa-east-1", "eu-north-1", "ap-northeast-2"
DRIFTING = "ap-northeast-3"

# Follows the tag `replicate-to`, as the built-in policy does, and removes replicas.
POLICY = {
    "version": 1,
    "removal": "covered",
    "rules": [
        {
            "name": "by-tag",
            "when": {"tags": {"replicate-to": "*"}},
            "replicate-to": {"tag": "replicate-to"},
        }
    ],
}


class Level:
    """A level of alarms and metrics: a stack, and the runs of the function."""

    def __init__(self, stack, runs):
        self.stack, self.runs = stack, runs
        self.alarms = stack.alarms()

    @cached_property
    def seen(self):
        """The metrics in the output of the binary: namespace, name, names of the dimensions."""
        lines = [line for run in self.runs.values() for line in run.lines]
        return {
            (namespace, metric, tuple(sorted(name for name, _ in dimensions)))
            for namespace, metric, dimensions in datapoints(lines)
        }


def denying_describe_secret(endpoint):
    """Serves the Secrets Manager of `endpoint`, but denies every DescribeSecret."""

    def respond(request):
        if request.headers["X-Amz-Target"].endswith(".DescribeSecret"):
            return Response('{"__type": "AccessDeniedException", "Message": "explicit deny"}', 400)
        answer = requests.post(endpoint, request.get_data(), headers=request.headers, timeout=30)
        return Response(answer.content, answer.status_code)

    return serving(respond)


def is_there(secrets, name):
    try:
        secrets.describe_secret(SecretId=name)
    except secrets.exceptions.ResourceNotFoundException:
        return False
    return True


def call_of_other(sample, region=REGION, secret="app/db-a1b2c3"):
    """Returns the sample of a call about a secret that another principal made in a Region."""
    text = (ROOT / "events" / sample).read_text().replace("app/db-a1b2c3", secret)
    return json.loads(text.replace("us-west-2", region).replace("123456789012", ACCOUNT))


def observe(bootstrap, client, emulator, directory, **level):
    """Runs the function and returns the runs by name."""
    runs = {}

    def secrets(region):
        return client("secretsmanager", emulator, region)

    def create(name, targets, region=REGION):
        tags = [{"Key": "replicate-to", "Value": targets}]
        return secrets(region).create_secret(Name=name, SecretString="value", Tags=tags)

    def run(what, *events, region=REGION, endpoint=emulator, **settings):
        log = directory / f"{what}.log"
        settings = {"ALLOWED_REPLICA_REGIONS": "eu-west-1 us-west-2"} | level | settings
        with running_function(bootstrap, log, endpoint, region=region, **settings) as function:
            answers = [function.invoke(event) for event in events]
        runs[what] = SimpleNamespace(answers=answers, lines=function.lines())

    def reconcile(name):
        return {"action": "reconcile", "secretId": name}

    create("observed/good", "eu-west-1 us-west-2")
    run("replicated", reconcile("observed/good"))
    run("unchanged", reconcile("observed/good"))

    secrets("eu-west-1").create_secret(Name="observed/taken", SecretString="in the way")
    create("observed/taken", "eu-west-1 us-west-2")
    # Lambda invokes the function three times for an event that fails.
    run("failed", *[reconcile("observed/taken")] * 3)

    create("observed/refused", "eu-central-1 nowhere")
    run("refused", *[reconcile("observed/refused")] * 2)

    hypothetical = {"name": "observed/asked", "tags": {"replicate-to": "nowhere"}}
    run(
        "explained",
        {"action": "explain", "secretId": "observed/refused"},
        {"action": "explain", "secret": hypothetical | {"primaryRegion": REGION}},
    )

    create("observed/planned", "eu-west-1")
    run("planned", reconcile("observed/planned") | {"dryRun": True})

    create("observed/moved", "eu-west-1")
    removal = {"REPLICATION_POLICY": json.dumps(POLICY), "ALLOW_REMOVAL": "true"}
    run("before the removal", reconcile("observed/moved"), **removal)
    secrets(REGION).tag_resource(
        SecretId="observed/moved", Tags=[{"Key": "replicate-to", "Value": "none"}]
    )
    run("removed", reconcile("observed/moved"), **removal)

    run("not ready once", reconcile("observed/absent"), timeout=5)
    run("bad event", *[{"action": "no-such-action"}] * 3)
    run("bad policy", reconcile("observed/good"), REPLICATION_POLICY="version: 1\nrulez: []\n")
    arn = create("observed/event", "eu-west-1")["ARN"]
    run("skipped", create_secret_event(arn, region=REGION))

    run(
        "calls of others",
        call_of_other("remove-regions-from-replication.json"),
        call_of_other("delete-secret-blocked-by-replicas.json"),
        call_of_other("delete-secret-blocked-by-replicas.json"),
    )

    for name in ("observed/one", "observed/two"):
        create(name, "eu-west-1", region=LIMITED)
    # ListSecrets is eventually consistent.
    sweep = {"action": "sweep", "maxChanges": 1, "sweepId": "execution"}
    eventually(
        lambda: len(secrets(LIMITED).list_secrets()["SecretList"]) == 2, "the list shows both"
    )
    run("limited sweep", sweep, region=LIMITED)
    run("sweep of an empty Region", sweep, region=EMPTY)

    # Another Region of the secret is refused.
    drifting = create("observed/drifting", "eu-west-1 nowhere", region=DRIFTING)["ARN"]
    eventually(lambda: secrets(DRIFTING).list_secrets()["SecretList"], "the list shows it")
    run("sweep that repairs a secret", sweep, region=DRIFTING)
    secrets(DRIFTING).remove_regions_from_replication(
        SecretId="observed/drifting", RemoveReplicaRegions=["eu-west-1"]
    )
    eventually(lambda: not is_there(secrets("eu-west-1"), "observed/drifting"), "the replica is gone")
    removal = call_of_other(
        "remove-regions-from-replication.json", DRIFTING, drifting.rpartition(":")[2]
    )
    again = sweep | {"sweepId": "next execution"}
    run("sweep that repairs it again", removal, again, region=DRIFTING)

    create("observed/denied", "eu-west-1", region=DENIED)
    eventually(lambda: secrets(DENIED).list_secrets()["SecretList"], "the list shows it")
    with denying_describe_secret(emulator) as endpoint:
        run("sweep that cannot read a secret", sweep, region=DENIED, endpoint=endpoint)
    return runs
