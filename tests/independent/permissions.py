"""The calls that functions were seen to make across the whole suite, as IAM would look at them.

This project's Secrets Manager writes them down (`EMULATOR_CALLS_FILE`), and so does moto. Only functions
sign with a session token, which tells here where they run and what their settings allow.
"""

import base64
import json
from dataclasses import dataclass, replace

import boto3

import function
import stack
from stack import Request

DEFAULT_KEY = "alias/aws/secretsmanager"
SECRET = "{}:secret:app-AbCdEf"


@dataclass(frozen=True)
class Caller:
    """A function: where it runs, and the parameters of a stack with its settings."""

    region: str
    # None: no setting, so only the policy limits it.
    allowed_regions: frozenset | None
    overwrite: bool
    removal: bool
    keys: frozenset = frozenset()

    @property
    def parameters(self):
        allowed_regions = sorted(self.allowed_regions)
        return {
            "AllowedReplicaRegions": ",".join(allowed_regions),
            "AllowOverwrite": str(self.overwrite).lower(),
            "AllowRemoval": str(self.removal).lower(),
            "KmsKeyArns": ",".join(sorted(self.keys)),
        }


def callers(files):
    """The requests of each function that was seen."""
    found = {}
    for file in files:
        for line in file.read_text().splitlines():
            seen = json.loads(line)
            call = moto_call(seen) if "headers" in seen else seen
            if call:
                caller = caller_of(call)
                requests = requests_of(call, caller.region)
                found.setdefault(caller, set()).update(requests)
    # Without allowed Regions, a function may replicate to wherever Secrets Manager is, and to the Regions of the
    # tests that are none.
    everywhere = frozenset(boto3.Session().get_available_regions("secretsmanager"))
    for caller in list(found):
        requests = found.pop(caller)
        keys = frozenset(row.resource for row in requests if row.action.startswith("kms:"))
        allowed_regions = everywhere | targets(requests) if caller.allowed_regions is None else caller.allowed_regions
        found[replace(caller, allowed_regions=allowed_regions, keys=keys)] = requests
    return found


def moto_call(recorded):
    """A call as moto recorded it, if a function made it."""
    headers = {name.lower(): value for name, value in recorded["headers"].items()}
    service, _, operation = headers.get("x-amz-target", "").partition(".")
    if service != "secretsmanager" or "x-amz-security-token" not in headers:
        return None
    body = json.loads(base64.b64decode(recorded["body"]))
    scope = headers["authorization"].partition("Credential=")[2].split("/")
    secret = body.get("SecretId")
    prefix, is_arn, _ = (secret or "").rpartition(":secret:")
    return {
        "session": headers["x-amz-security-token"],
        "region": scope[2],
        "operation": operation,
        "secret": prefix if is_arn else secret and "name",
        "key": None,
        "parameters": body,
    }


def caller_of(call):
    session = json.loads(call["session"])
    allowed = session["permissions"]
    allowed_regions = allowed.get("ALLOWED_REPLICA_REGIONS", "").replace(",", " ").split()
    region = session["region"]
    # A deployed function is seen in its own Region, or in one that it replicates to.
    region = region or (call["region"] if call["region"] not in allowed_regions else "us-east-1")
    return Caller(
        region,
        frozenset(allowed_regions) or None,
        allowed.get("ALLOW_OVERWRITE") == "true",
        allowed.get("ALLOW_REMOVAL") == "true",
    )


def requests_of(call, home):
    """What one call asks of IAM: the call itself, and the uses of keys that follow from it."""
    region, parameters = call["region"], call["parameters"]
    context = {}
    if "AddReplicaRegions" in parameters:
        added = tuple(row["Region"] for row in parameters["AddReplicaRegions"])
        context["secretsmanager:addreplicaregions"] = added
    if "ForceOverwriteReplicaSecret" in parameters:
        force = str(parameters["ForceOverwriteReplicaSecret"]).lower()
        context["secretsmanager:forceoverwritereplicasecret"] = force
    action = f"secretsmanager:{call['operation']}"
    yield Request(action, resource_of(call), region, tuple(sorted(context.items())))
    # Secrets Manager uses the keys in the name of whoever calls: it decrypts the primary secret, and
    # encrypts each replica in its Region.
    if is_customer_key(call["key"]) and call["operation"] == "ReplicateSecretToRegions":
        yield key_request("kms:Decrypt", call["key"], home)
    for row in parameters.get("AddReplicaRegions", []):
        if is_customer_key(row.get("KmsKeyId")):
            yield key_request("kms:GenerateDataKey", row["KmsKeyId"], row["Region"])
            yield key_request("kms:Encrypt", row["KmsKeyId"], row["Region"])


def resource_of(call):
    if call["secret"] is None:
        return "*"
    if call["secret"] == "name":
        return SECRET.format(f"arn:aws:secretsmanager:{call['region']}:{stack.ACCOUNT}")
    # The Runtime Interface Emulator has an account of its own.
    return SECRET.format(call["secret"].replace(function.ACCOUNT, stack.ACCOUNT))


def is_customer_key(key):
    return key not in (None, DEFAULT_KEY)


def key_request(action, key, region):
    arn = key
    if not key.startswith("arn:"):
        # IAM sees the key behind an alias.
        name = key.rpartition("/")[2]
        arn = f"arn:aws:kms:{region}:{stack.ACCOUNT}:key/{name}"
    via = ("kms:viaservice", f"secretsmanager.{region}.amazonaws.com")
    return Request(action, arn, region, (via,))


def targets(requests):
    return frozenset(
        region
        for request in requests
        for region in dict(request.context).get("secretsmanager:addreplicaregions", ())
    )
