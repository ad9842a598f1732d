"""The function's real binary under AWS's own Runtime Interface Emulator."""

import json
import platform
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import samcli

from processes import environment, free_port, running

# The account in the function's ARN under the Runtime Interface Emulator. It cannot be set, and the
# function leaves the events of other accounts alone, so every other account number follows it.
ACCOUNT = "012345678912"


class Function:
    def __init__(self, port, log):
        self.url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        self.log = log

    def invoke(self, event):
        """The function's answer. An error is an answer too, with an `errorType`."""
        body = event if isinstance(event, str) else json.dumps(event)
        try:
            with urllib.request.urlopen(self.url, body.encode(), timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as failed_start:
            return json.load(failed_start)

    def records(self):
        """The records on the function's standard output, as CloudWatch would get them."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [record for record in map(json.loads, lines) if "outcome" in record]


def session_token(region, settings):
    """A session token as this project's Lambda makes it: it tells the role of the function."""
    permissions = {name: value for name, value in settings.items() if name.startswith("ALLOW")}
    return json.dumps({"region": region, "permissions": permissions})


# Ministack gives all its functions one token: that of a function with the allowed Regions of `stack.deploy`, and
# with everything allowed that a parameter could.
DEPLOYED = session_token(
    None,
    {
        "ALLOWED_REPLICA_REGIONS": "eu-west-1 us-west-2",
        "ALLOW_OVERWRITE": "true",
        "ALLOW_REMOVAL": "true",
    },
)


@contextmanager
def running_function(bootstrap, log, endpoint, region="us-east-1", timeout=30, **settings):
    port, runtime_api = free_port(), free_port()
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    emulator = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{machine}"
    command = [
        emulator,
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{runtime_api}",
        bootstrap,
    ]
    env = environment(
        AWS_REGION=region,
        AWS_SESSION_TOKEN=session_token(region, settings),
        AWS_LAMBDA_FUNCTION_TIMEOUT=str(timeout),
        AWS_ENDPOINT_URL_SECRETS_MANAGER=endpoint,
        **settings,
    )
    with running(command, port, log, env):
        yield Function(port, log)


def create_secret_event(arn, region="us-east-1", **changes):
    """A CreateSecret event with the members that recorded ones have."""
    name = arn.split(":secret:")[-1][:-7]
    detail = {
        "eventVersion": "1.11",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "CreateSecret",
        "eventID": "cb618040-e1ec-4102-a39d-f4670210f08f",
        "eventTime": "2025-03-17T22:40:42Z",
        "awsRegion": region,
        "recipientAccountId": ACCOUNT,
        "requestParameters": {"name": name, "forceOverwriteReplicaSecret": False},
        "responseElements": {"arn": arn},
    }
    return {
        "version": "0",
        "id": "11111111-2222-3333-4444-555555555555",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.secretsmanager",
        "account": ACCOUNT,
        "time": "2025-03-17T22:40:42Z",
        "region": region,
        "resources": [],
        "detail": detail | changes,
    }
