"""The documents of `secret-replicator export`, as an independent implementation of IAM evaluates them."""

import itertools
import json
import random
import re
import subprocess
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Case:
    """Allowed Regions and options of an export, and a request."""

    allowed: list
    overwrite: bool
    removal: bool
    requested: list
    force: bool

    @property
    def options(self):
        given = {"--allow-overwrite": self.overwrite, "--allow-removal": self.removal}
        return [option for option, is_given in given.items() if is_given]


def cases():
    """Returns three cases of each combination of the options, the flag, and Regions inside and outside."""
    generator = random.Random(1)
    for inside, overwrite, removal, force in itertools.product([True, False], repeat=4):
        for _ in range(3):
            allowed, outside = split(generator, generator.randint(1, 4))
            requested = generator.sample(allowed, generator.randint(1, len(allowed)))
            requested += [] if inside else outside[:1]
            yield Case(allowed, overwrite, removal, sorted(requested), force)


def split(generator, count):
    """Returns that many Regions, and the others."""
    regions = generator.sample(KNOWN, len(KNOWN))
    return sorted(regions[:count]), regions[count:]


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_request_passes_exactly_where_policy_and_options_allow_it(case):
    text, inside = policy(case.allowed), set(case.requested) <= set(case.allowed)
    scp, iam = exported("scp", text), exported("iam", text, *case.options)

    def passes(statements, call, force=case.force):
        return allows(statements, request(call, case.requested, force=force))

    # An organization does not restrict what overwrites another secret, only where.
    for call in ("ReplicateSecretToRegions", "CreateSecret"):
        assert passes([EVERYTHING, *scp], call) == inside
    assert passes(iam, "ReplicateSecretToRegions") == (inside and (case.overwrite or not case.force))
    assert allows(iam, request("RemoveRegionsFromReplication")) == case.removal
    assert not passes(iam, "CreateSecret")


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
