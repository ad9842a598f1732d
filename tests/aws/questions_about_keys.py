"""Questions about multi-Region KMS keys."""

from botocore.exceptions import ClientError

from asking import Unanswered, question
from questions_about_refusals import after_request
from run import MARKER

KEY_SECONDS = 120


def multi_region_key(probe):
    """Creates a multi-Region key once and returns its ID. The teardown finds it by its tag."""
    if "key" not in probe.shared:
        tags = [{"TagKey": MARKER, "TagValue": probe.run.name}]
        created = probe.cloud.client("kms").create_key(MultiRegion=True, Tags=tags, Description=probe.run.name)
        probe.shared["key"] = created["KeyMetadata"]["KeyId"]
        probe.steps.append("kms create_key with MultiRegion")
    return probe.shared["key"]


def is_enabled(kms, key):
    """Returns False also if the new replica key cannot be read yet."""
    try:
        return kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    except ClientError:
        return False


@question(
    "key-without-replica",
    "What happens to a replica on a multi-Region key that does not exist in its Region?",
    "The replica fails: `The KMS key is disabled or not found` (documented for keys in general)",
)
def without_replica(probe):
    key = multi_region_key(probe)
    if not key.startswith("mrk-"):
        raise Unanswered("the server has no multi-Region keys")
    return after_request(probe, "key-without-replica", key=key)


@question(
    "key-disabled-replica",
    "What happens to a replica on a multi-Region key whose replica key is disabled?",
    "The replica fails: `The KMS key is disabled or not found` (documented for keys in general)",
)
def disabled_replica(probe):
    key, here = multi_region_key(probe), probe.cloud.client("kms")
    there = probe.cloud.client("kms", probe.target)
    tags = [{"TagKey": MARKER, "TagValue": probe.run.name}]
    here.replicate_key(KeyId=key, ReplicaRegion=probe.target, Tags=tags)
    probe.cloud.wait(lambda: is_enabled(there, key), "the replica key is enabled", KEY_SECONDS)
    there.disable_key(KeyId=key)
    probe.steps.append("kms replicate_key, then disable_key in the replica Region")
    return after_request(probe, "key-disabled-replica", key=key)
