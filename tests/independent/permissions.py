"""The calls of the functions in the whole test suite, as requests to IAM.

This project's emulator writes them to a file (`EMULATOR_CALLS_FILE`). Only functions sign with a session
token, which here names the function's Region and its settings.
"""

import json
from dataclasses import dataclass, replace

import boto3

from stack import ACCOUNT, Request

DEFAULT_KEY = "alias/aws/secretsmanager"


@dataclass(frozen=True)
class Caller:
    """A function: its Region, and the parameters of a stack with its settings."""

    region: str
    allowed_regions: frozenset
    overwrite: bool
    removal: bool
    promotion: bool
    keys: frozenset = frozenset()

    @property
    def parameters(self):
        return {
            "AllowedReplicaRegions": ",".join(sorted(self.allowed_regions)),
            "AllowOverwrite": str(self.overwrite).lower(),
            "AllowRemoval": str(self.removal).lower(),
            "AllowPromotion": str(self.promotion).lower(),
            "KmsKeyArns": ",".join(sorted(self.keys)),
        }


def callers(files):
    """Returns the requests by function."""
    found = {}
    for file in files:
        for line in file.read_text().splitlines():
            call = json.loads(line)
            # The calls of owners have a session without the permissions of a function.
            if "permissions" not in json.loads(call["session"]):
                continue
            caller = caller_of(call)
            found.setdefault(caller, set()).update(requests_of(call, caller.region))
    # A function without the setting may replicate to every Region of Secrets Manager, and to the invalid
    # Regions of the tests, which it also reads.
    everywhere = frozenset(boto3.Session().get_available_regions("secretsmanager"))
    for caller in list(found):
        requests = found.pop(caller)
        keys = frozenset(row.resource for row in requests if row.action.startswith("kms:"))
        called = frozenset(row.region for row in requests) - {caller.region}
        regions = caller.allowed_regions or everywhere | targets(requests) | called
        found[replace(caller, allowed_regions=regions, keys=keys)] = requests
    return found


def caller_of(call):
    session = json.loads(call["session"])
    allowed = session["permissions"]
    allowed_regions = allowed.get("ALLOWED_REPLICA_REGIONS", "").replace(",", " ").split()
    # A deployed function calls its own Region and the allowed ones.
    region = session["region"]
    region = region or (call["region"] if call["region"] not in allowed_regions else "us-east-1")
    return Caller(
        region,
        frozenset(allowed_regions),
        allowed.get("ALLOW_OVERWRITE") == "true",
        allowed.get("ALLOW_REMOVAL") == "true",
        allowed.get("ALLOW_PROMOTION") == "true",
    )


def requests_of(call, home):
    """Yields the requests of one call to IAM: the call itself and the uses of keys that it causes."""
    region, parameters = call["region"], call["parameters"]
    context = {}
    if "AddReplicaRegions" in parameters:
        added = tuple(row["Region"] for row in parameters["AddReplicaRegions"])
        context["secretsmanager:addreplicaregions"] = added
    if "ForceOverwriteReplicaSecret" in parameters:
        force = str(parameters["ForceOverwriteReplicaSecret"]).lower()
        context["secretsmanager:forceoverwritereplicasecret"] = force
    action = f"secretsmanager:{call['operation']}"
    if call["operation"] == "StopReplicationToReplica":
        # AWS rejects the call for a secret that is not a replica, for instance the second of two at once.
        if call["primary_region"] is None:
            return
        context["secretsmanager:secretprimaryregion"] = call["primary_region"]
    yield Request(action, resource_of(call), region, tuple(sorted(context.items())))
    # Secrets Manager uses the keys with the permissions of its caller: it decrypts the primary secret, and
    # encrypts each replica in its Region.
    if is_customer_key(call["key"]) and call["operation"] == "ReplicateSecretToRegions":
        yield key_request("kms:Decrypt", call["key"], home)
    for row in parameters.get("AddReplicaRegions", []):
        if is_customer_key(row.get("KmsKeyId")):
            yield key_request("kms:GenerateDataKey", row["KmsKeyId"], row["Region"])
            yield key_request("kms:Encrypt", row["KmsKeyId"], row["Region"])


def resource_of(call):
    """Returns the ARN of the call's secret. The file has an ARN up to the account, or "name"."""
    match call["secret"]:
        case None:
            return "*"
        case "name":
            prefix = f"arn:aws:secretsmanager:{call['region']}:{ACCOUNT}"
        case prefix:
            pass
    return f"{prefix}:secret:app-AbCdEf"


def is_customer_key(key):
    return key not in (None, DEFAULT_KEY)


def key_request(action, key, region):
    arn = key
    if not key.startswith("arn:"):
        # IAM evaluates the key behind an alias.
        name = key.rpartition("/")[2]
        arn = f"arn:aws:kms:{region}:{ACCOUNT}:key/{name}"
    via = ("kms:viaservice", f"secretsmanager.{region}.amazonaws.com")
    return Request(action, arn, region, (via,))


def targets(requests):
    return frozenset(
        region
        for request in requests
        for region in dict(request.context).get("secretsmanager:addreplicaregions", ())
    )
