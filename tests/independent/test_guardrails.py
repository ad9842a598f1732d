"""The documents of `secret-replicator export`, as an independent implementation of IAM evaluates them."""

import json
import random
import re
import subprocess

import pytest

from documents import blocks
from processes import CLI, shell
from stack import ACCOUNT, Request, allows
from template import ROOT, TEMPLATE

KNOWN = ["ap-south-1", "eu-central-1", "eu-west-1", "eu-west-2", "sa-east-1", "us-east-1", "us-west-2"]
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:prod/db-AbCdEf"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(regions):
    """Returns a policy that names these Regions, in two rules and a group."""
    first, *rest = regions
    document = {
        "version": 1,
        "groups": {"first": [first]},
        "rules": [
            {"name": "a", "when": {"tags": {"tier": "1"}}, "replicate-to": "first"},
            {"name": "b", "when": "all", "replicate-to": rest or [first]},
        ],
    }
    return json.dumps(document)


def exported(document, text, *options):
    done = subprocess.run(
        [CLI, "export", document, "-", *options], input=text, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["Statement"]


def request(call, regions=None, force=None):
    context = {}
    if regions is not None:
        context["secretsmanager:addreplicaregions"] = tuple(regions)
    if force is not None:
        context["secretsmanager:forceoverwritereplicasecret"] = str(force).lower()
    return Request(f"secretsmanager:{call}", SECRET, context=tuple(context.items()))


def cases():
    """Returns allowed Regions and those of a request."""
    generator = random.Random(1)
    for _ in range(40):
        allowed = generator.sample(KNOWN, generator.randint(1, 4))
        requested = generator.sample(KNOWN, generator.randint(1, 3))
        yield sorted(allowed), sorted(requested)


@pytest.mark.parametrize("allowed, requested", list(cases()))
def test_a_request_for_replicas_passes_exactly_in_the_regions_of_the_policy(allowed, requested):
    text, inside = policy(allowed), set(requested) <= set(allowed)
    scp, iam = exported("scp", text), exported("iam", text)

    for call in ("ReplicateSecretToRegions", "CreateSecret"):
        assert allows([EVERYTHING, *scp], request(call, requested)) == inside
    assert allows(iam, request("ReplicateSecretToRegions", requested)) == inside


def test_the_service_control_policy_denies_nothing_else():
    scp = exported("scp", policy(["eu-west-1"]))

    for call in ("CreateSecret", "DescribeSecret", "RemoveRegionsFromReplication", "PutSecretValue"):
        assert allows([EVERYTHING, *scp], request(call))


def test_the_identity_policy_allows_what_the_function_does_and_nothing_else():
    iam = exported("iam", policy(["eu-west-1"]))
    replicate = "ReplicateSecretToRegions"

    assert allows(iam, request("DescribeSecret")) and allows(iam, request("ListSecrets"))
    assert allows(iam, request(replicate, ["eu-west-1"], force=False))
    # Without Regions, and with the flag.
    assert not allows(iam, request(replicate))
    assert not allows(iam, request(replicate, ["eu-west-1"], force=True))
    for call in ("GetSecretValue", "RemoveRegionsFromReplication", "PutSecretValue", "DeleteSecret"):
        assert not allows(iam, request(call))
    permissive = exported("iam", policy(["eu-west-1"]), "--allow-overwrite", "--allow-removal")
    assert allows(permissive, request(replicate, ["eu-west-1"], force=True))
    assert allows(permissive, request("RemoveRegionsFromReplication"))


def test_the_identity_policy_has_the_calls_of_the_functions_role():
    of_the_role = re.findall(r"secretsmanager:[A-Z]\w+", json.dumps(TEMPLATE["Resources"]["ReplicatorRole"]))
    exported_for_all = exported("iam", policy(["eu-west-1"]), "--allow-overwrite", "--allow-removal")
    condition_keys = {"AddReplicaRegions", "ForceOverwriteReplicaSecret", "SecretPrimaryRegion"}
    # A policy does not decide which replicas are promoted.
    others = {f"secretsmanager:{name}" for name in {*condition_keys, "StopReplicationToReplica"}}

    assert {row["Action"] for row in exported_for_all} == set(of_the_role) - others


def test_the_documented_commands_write_the_documents(tmp_path):
    (tmp_path / "policy.yaml").write_text((ROOT / "docs/policies/tiers.yaml").read_text())
    [commands] = blocks("docs/SECURITY.md", section="Guardrails")
    done = shell(commands, tmp_path, {"secret-replicator": f'#!/bin/sh\nexec {CLI} "$@"\n'})

    assert done.returncode == 0, done.stderr
    documents = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert documents["scp.json"]["Statement"][0]["Effect"] == "Deny"
    assert "tier" in documents["tag-policy.json"]["tags"]
    assert len(documents["replicate.json"]["Statement"]) == 3
