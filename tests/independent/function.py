"""The function's release binary under AWS's Runtime Interface Emulator."""

import json
import platform
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import requests
import samcli

from processes import environment, free_port, running
from template import ROOT

# The account in the function's ARN under the Runtime Interface Emulator, which has no setting for it. The
# function skips the events of other accounts, so all events and servers of these tests use this account.
ACCOUNT = "012345678912"
RECORD = jsonschema.Draft7Validator(json.loads((ROOT / "schema/record.schema.json").read_text()))


class Function:
    def __init__(self, url, log):
        self.url = f"{url}/2015-03-31/functions/function/invocations"
        self.log = log

    def invoke(self, event):
        """Returns the function's response, which has an `errorType` if the invocation failed."""
        return requests.post(self.url, json.dumps(event), timeout=60).json()

    def lines(self):
        """Returns the function's log lines, of which each record matches the schema. The Runtime Interface
        Emulator writes no JSON."""
        lines = self.log.read_text().splitlines()
        lines = [json.loads(line) for line in lines if line.startswith("{")]
        for line in lines:
            if "outcome" in line:
                RECORD.validate(line)
        return lines

    def records(self):
        return [line for line in self.lines() if "outcome" in line]


def session_token(region, settings):
    """Returns a session token as the emulator's Lambda makes it. It names the settings of the function."""
    permissions = {name: value for name, value in settings.items() if name.startswith("ALLOW")}
    return json.dumps({"region": region, "permissions": permissions})


# Ministack gives the same token to all of its functions: this one names the allowed Regions of `stack.deploy`
# and allows everything that a parameter can allow.
DEPLOYED = session_token(
    None,
    {
        "ALLOWED_REPLICA_REGIONS": "eu-west-1 us-west-2",
        "ALLOW_OVERWRITE": "true",
        "ALLOW_REMOVAL": "true",
        "ALLOW_PROMOTION": "true",
    },
)


@contextmanager
def running_function(bootstrap, log, endpoint, region="us-east-1", timeout=30, within=(), **settings):
    """Runs the function, if necessary within another command, and yields it."""
    port, runtime_api = free_port(), free_port()
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    emulator = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{machine}"
    command = [
        *within,
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
    with running(command, port, log, env) as url:
        yield Function(url, log)


def create_secret_event(arn, region="us-east-1", **changes):
    """Returns a CreateSecret event with the fields of recorded events."""
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
