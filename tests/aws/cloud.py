"""The account under test: its clients, its two Regions and the time to wait for it."""

import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from interrupts import Interrupts

# Lambda's synchronous invocations take up to the function's timeout of 180 seconds.
TIMEOUTS = {"connect_timeout": 10, "read_timeout": 200}
# DescribeSecret of a name that is free.
NOT_FOUND = "ResourceNotFoundException"


class TooLate(Exception):
    """A condition was not true before its deadline."""


class Cloud:
    """An AWS account, or a local server in its place.

    `scale` multiplies every deadline and every pause, so that local servers need no minutes. boto3 and SAM
    read the endpoint from `AWS_ENDPOINT_URL`. `AWS_ENDPOINT_URL_SECRETS_MANAGER` selects another server for
    the secrets.
    """

    def __init__(self, profile, region, replica_region, endpoint=None, scale=1.0):
        if endpoint:
            os.environ["AWS_ENDPOINT_URL"] = endpoint
        self.is_local = any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)
        self.profile = profile
        self.region = region
        self.replica_region = replica_region
        self.regions = (region, replica_region)
        self.scale = scale
        self.interrupts = Interrupts()
        self.session = boto3.Session(profile_name=profile or None)
        self.session.events.register("before-call", self.interrupts.check)
        self.clients = {}

    def client(self, service, region=None):
        """Returns a client, by default in the primary Region."""
        key = service, region or self.region
        if key not in self.clients:
            # A local server that fails once fails each time.
            retries = {"mode": "standard", "total_max_attempts": 1 if self.is_local else 6}
            config = Config(**TIMEOUTS, retries=retries)
            self.clients[key] = self.session.client(service, region_name=key[1], config=config)
        return self.clients[key]

    def secrets(self, region=None):
        return self.client("secretsmanager", region)

    def describe(self, name, region=None):
        """Returns a secret without its response metadata, or None if the name is free."""
        try:
            found = self.secrets(region).describe_secret(SecretId=name)
        except ClientError as error:
            if code(error) == NOT_FOUND:
                return None
            raise
        found.pop("ResponseMetadata", None)
        return found

    def wait(self, check, what, seconds, every=2):
        """Calls `check` until it returns a true value. Returns that value and the seconds that it took."""
        start = time.monotonic()
        deadline = start + seconds * self.scale
        while True:
            result = check()
            if result:
                return result, round(time.monotonic() - start, 2)
            if time.monotonic() > deadline:
                raise TooLate(f"after {seconds * self.scale:g} s still not: {what}")
            self.pause(every)

    def pause(self, seconds):
        self.interrupts.pause(seconds * self.scale)

    def preflight(self):
        """Reads from each Region before anything is created. Returns the account ID, if there is one."""
        for region in self.regions:
            self.secrets(region).list_secrets(MaxResults=1)
        try:
            return self.client("sts").get_caller_identity()["Account"]
        # A local server without STS answers in a form that boto3 cannot read.
        except Exception:
            if self.is_local:
                return None
            raise


def code(error):
    """Returns the error code of a response."""
    return error.response.get("Error", {}).get("Code", "")


def versions(secret):
    """Returns the version ID of each staging label."""
    stages = (secret or {}).get("VersionIdsToStages") or {}
    return {label: version for version, labels in stages.items() for label in labels}


def replica_rows(secret):
    """Returns the rows of `ReplicationStatus` by Region."""
    return {row["Region"]: row for row in (secret or {}).get("ReplicationStatus") or []}


def is_primary(secret, region):
    """Returns True unless the secret is a replica in this Region."""
    return secret.get("PrimaryRegion") in (None, region)


def tags(secret):
    return {row["Key"]: row["Value"] for row in secret.get("Tags") or []}
