"""What the function is made to do for `test_observability.py`, and what it writes then."""

import json
import urllib.request
from types import SimpleNamespace

from emf import json_lines
from function import create_secret_event, running_function
from local_server import serving
from processes import eventually

# The Regions of the secrets. A sweep looks at every secret of its Region.
REGION, LIMITED, EMPTY, DENIED = "ca-central-1", "sa-east-1", "eu-north-1", "ap-northeast-2"

POLICY = json.dumps(
    {
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
)


def nothing_described(endpoint):
    """A Secrets Manager that is the one of `endpoint`, but denies every `DescribeSecret`."""

    def answer(headers, body):
        if headers["X-Amz-Target"] == "secretsmanager.DescribeSecret":
            denied = {"__type": "AccessDeniedException", "Message": "explicit deny"}
            return 400, json.dumps(denied).encode()
        request = urllib.request.Request(endpoint, body, dict(headers))
        with urllib.request.urlopen(request, timeout=30) as answered:
            return answered.status, answered.read()

    return serving(answer)


def observe(bootstrap, client, emulator, directory):
    """The lines and answers of the function, by what it was made to do."""
    done = {}

    def secrets(region):
        return client("secretsmanager", emulator, region)

    def create(name, targets, region=REGION):
        tags = [{"Key": "replicate-to", "Value": targets}]
        return secrets(region).create_secret(Name=name, SecretString="value", Tags=tags)

    def run(what, *events, region=REGION, endpoint=emulator, **settings):
        log = directory / f"{what}.log"
        settings = {"ALLOWED_REPLICA_REGIONS": "eu-west-1 us-west-2"} | settings
        with running_function(bootstrap, log, endpoint, region=region, **settings) as function:
            answers = [function.invoke(event) for event in events]
        done[what] = SimpleNamespace(answers=answers, lines=json_lines(log.read_text()))

    def reconcile(name):
        return {"action": "reconcile", "secretId": name}

    create("observed/good", "eu-west-1 us-west-2")
    run("replicated", reconcile("observed/good"))
    run("unchanged", reconcile("observed/good"))

    secrets("eu-west-1").create_secret(Name="observed/taken", SecretString="in the way")
    create("observed/taken", "eu-west-1 us-west-2")
    # As Lambda does it: an event that fails is tried three times.
    run("failed", *[reconcile("observed/taken")] * 3)

    create("observed/refused", "eu-central-1 nowhere")
    run("refused", reconcile("observed/refused"))

    create("observed/planned", "eu-west-1")
    run("planned", reconcile("observed/planned") | {"dryRun": True})

    create("observed/moved", "eu-west-1")
    removal = {"REPLICATION_POLICY": POLICY, "ALLOW_REMOVAL": "true"}
    run("before the removal", reconcile("observed/moved"), **removal)
    secrets(REGION).tag_resource(
        SecretId="observed/moved", Tags=[{"Key": "replicate-to", "Value": "none"}]
    )
    run("removed", reconcile("observed/moved"), **removal)

    run("not ready once", reconcile("observed/absent"), timeout=5)
    run("bad event", *[{"action": "no-such-action"}] * 3)
    run("bad policy", reconcile("observed/good"), REPLICATION_POLICY="version: 2")
    arn = create("observed/event", "eu-west-1")["ARN"]
    run("skipped", create_secret_event(arn, region=REGION))

    for name in ("observed/one", "observed/two"):
        create(name, "eu-west-1", region=LIMITED)
    # ListSecrets lags behind.
    sweep = {"action": "sweep", "maxChanges": 1}
    eventually(
        lambda: len(secrets(LIMITED).list_secrets()["SecretList"]) == 2, "the list shows both"
    )
    run("limited sweep", sweep, region=LIMITED)
    run("sweep of an empty Region", sweep, region=EMPTY)

    create("observed/denied", "eu-west-1", region=DENIED)
    eventually(lambda: secrets(DENIED).list_secrets()["SecretList"], "the list shows it")
    with nothing_described(emulator) as endpoint:
        run("sweep that cannot read a secret", sweep, region=DENIED, endpoint=endpoint)
    return done
