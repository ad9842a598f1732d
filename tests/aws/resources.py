"""The kinds of resources that a run creates, except secrets: how to find, delete and verify them.

A kind finds resources by the run's name or tag, so the teardown needs no memory of the run. `KINDS` has the order
of deletion.
"""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from run import MARKER

STACK_MINUTES = 20
BUCKET_SECONDS = 600


@dataclass(frozen=True)
class Rules:
    """The rule that captures events."""

    kind = "rule"

    def find(self, run, region):
        found = run.cloud.client("events", region).list_rules(NamePrefix=f"{run.name}-events")
        return [row["Name"] for row in found.get("Rules", [])]

    def delete(self, run, region, name):
        events = run.cloud.client("events", region)
        targets = events.list_targets_by_rule(Rule=name).get("Targets", [])
        if targets:
            events.remove_targets(Rule=name, Ids=[row["Id"] for row in targets])
        events.delete_rule(Name=name)

    def command(self, region, name):
        return (
            f"aws events remove-targets --region {region} --rule {name} --ids queue; "
            f"aws events delete-rule --region {region} --name {name}"
        )


@dataclass(frozen=True)
class Queues:
    """The queue of captured events. The queues of the stack have other names."""

    kind = "queue"

    def find(self, run, region):
        found = run.cloud.client("sqs", region).list_queues(QueueNamePrefix=f"{run.name}-events")
        return found.get("QueueUrls", [])

    def delete(self, run, region, name):
        run.cloud.client("sqs", region).delete_queue(QueueUrl=name)

    def command(self, region, name):
        return f"aws sqs delete-queue --region {region} --queue-url {name}"


@dataclass(frozen=True)
class Stacks:
    kind = "stack"

    def find(self, run, region):
        described = stack(run) if region == run.cloud.region else None
        return [run.name] if described else []

    def delete(self, run, region, name):
        run.cloud.client("cloudformation").delete_stack(StackName=name)
        run.cloud.wait(lambda: settled(run), f"{name} is deleted", STACK_MINUTES * 60)

    def command(self, region, name):
        return f"aws cloudformation delete-stack --region {region} --stack-name {name}"


def stack(run):
    """Returns the description of the run's stack, or None."""
    try:
        found = run.cloud.client("cloudformation").describe_stacks(StackName=run.name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    alive = [row for row in found if row["StackStatus"] != "DELETE_COMPLETE"]
    return alive[0] if alive else None


def settled(run):
    """Returns True if the stack is gone or its deletion failed."""
    described = stack(run)
    return described is None or described["StackStatus"] == "DELETE_FAILED"


@dataclass(frozen=True)
class LogGroups:
    """The log groups that the template retains."""

    kind = "log group"

    def find(self, run, region):
        if region != run.cloud.region:
            return []
        prefixes = f"/aws/lambda/{run.name}-", f"/aws/vendedlogs/states/{run.name}-"
        pages = run.cloud.client("logs").get_paginator("describe_log_groups")
        return [
            group["logGroupName"]
            for prefix in prefixes
            for page in pages.paginate(logGroupNamePrefix=prefix)
            for group in page["logGroups"]
        ]

    def delete(self, run, region, name):
        run.cloud.client("logs").delete_log_group(logGroupName=name)

    def command(self, region, name):
        return f"aws logs delete-log-group --region {region} --log-group-name {name}"


@dataclass(frozen=True)
class Buckets:
    """The bucket of the artifacts, and the bucket of a trail, which the template retains."""

    kind = "bucket"

    def find(self, run, region):
        if region != run.cloud.region:
            return []
        listed = run.cloud.client("s3").list_buckets().get("Buckets", [])
        return [row["Name"] for row in listed if row["Name"].startswith(f"{run.name}-")]

    def delete(self, run, region, name):
        # CloudTrail can deliver a file some minutes after its trail is deleted.
        run.cloud.wait(lambda: emptied(run.cloud.client("s3"), name), f"{name} is deleted", BUCKET_SECONDS)

    def command(self, region, name):
        return f"make test-aws-clean RUN={name.rpartition('-')[0]}"


def emptied(s3, name):
    """Deletes the objects and the bucket. Returns False if another object arrived in between."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for row in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=name, Key=row["Key"], VersionId=row["VersionId"])
    try:
        s3.delete_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketNotEmpty":
            raise
        return False
    return True


@dataclass(frozen=True)
class Keys:
    """KMS keys by their tag. AWS deletes a key after seven days at the earliest; until then it costs nothing."""

    kind = "key"

    def find(self, run, region):
        # A multi-Region key has the same ID in each Region, also where it has no tags.
        own = {key for each in run.cloud.regions for key in tagged_keys(run, each)}
        kms = run.cloud.client("kms", region)
        return [key for key in listed_keys(kms) if key in own and in_use(kms, key)]

    def delete(self, run, region, name):
        run.cloud.client("kms", region).schedule_key_deletion(KeyId=name, PendingWindowInDays=7)

    def command(self, region, name):
        return (
            f"aws kms schedule-key-deletion --region {region} --key-id {name} --pending-window-in-days 7"
        )


def listed_keys(kms):
    return [row["KeyId"] for page in kms.get_paginator("list_keys").paginate() for row in page["Keys"]]


def tagged_keys(run, region):
    kms = run.cloud.client("kms", region)
    return [key for key in listed_keys(kms) if tagged(kms, key, run.name)]


def tagged(kms, key, name):
    try:
        rows = kms.list_resource_tags(KeyId=key).get("Tags", [])
    except ClientError:
        # Other keys of the account can deny the call. The run's own keys allow it.
        return False
    return {"TagKey": MARKER, "TagValue": name} in rows


def in_use(kms, key):
    state = kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    return state not in ("PendingDeletion", "PendingReplicaDeletion")


# What a test and what a probe can create, so that each needs no permissions for the other.
KINDS = {"test": (Stacks(), LogGroups(), Buckets()), "probe": (Rules(), Queues(), Keys())}
