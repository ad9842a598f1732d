"""The same calls for every Secrets Manager, each told in one line, so that they can be compared.

A case is a function that makes calls and answers what it saw. What one server calls by another name or
words differently is left out where nothing depends on it: ids, times, the wording of most messages.
"""

import time

from botocore.exceptions import ClientError

HOME, AWAY, FURTHER = "us-east-1", "eu-west-1", "us-west-2"

CASES = {}


def case(function):
    """Adds a case. Its name is what the table calls it."""
    CASES[function.__name__.replace("_", " ")] = function
    return function


class Secrets:
    """One Secrets Manager, and the name of a secret that nobody else uses."""

    def __init__(self, client, name):
        self.client = client
        self.name = name

    def __call__(self, operation, region=HOME, **parameters):
        parameters.setdefault("SecretId", self.name)
        return getattr(self.client(region), operation)(**parameters)

    def create(self, region=HOME, **parameters):
        value = {"SecretString": "value"} | parameters
        if value["SecretString"] is None:
            del value["SecretString"]
        return self.client(region).create_secret(Name=self.name, **value)

    def replicate(self, *regions, region=HOME, **parameters):
        added = [{"Region": each} if isinstance(each, str) else each for each in regions]
        return self(
            "replicate_secret_to_regions", region, AddReplicaRegions=added, **parameters
        )

    def settled(self, region=HOME):
        """The secret's description once no replica is in progress, or after ten seconds."""
        deadline = time.monotonic() + 10
        while True:
            described = self("describe_secret", region)
            rows = described.get("ReplicationStatus", [])
            is_open = any(row["Status"] == "InProgress" for row in rows)
            if not is_open or time.monotonic() > deadline:
                return described
            time.sleep(0.1)


def refused(call, with_message=False):
    """The status and code of an error, or `200`."""
    try:
        call()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        told = error.response["Error"]
        message = f": {told['Message']}" if with_message else ""
        return f"{status} {told['Code']}{message}"
    return "200"


def rows(answer):
    """The replicas of an answer, as `region status`."""
    told = [f"{row['Region']} {row['Status']}" for row in answer.get("ReplicationStatus", [])]
    return ", ".join(told) or "no replicas"


def presence(answer, *members):
    return ", ".join(f"{member} {'present' if member in answer else 'absent'}" for member in members)


@case
def a_secret_that_does_not_exist(secrets):
    return refused(lambda: secrets("describe_secret"))


@case
def a_name_that_exists_already(secrets):
    secrets.create()
    return refused(secrets.create)


@case
def members_of_a_secret_that_was_never_replicated(secrets):
    secrets.create()
    return presence(secrets("describe_secret"), "PrimaryRegion", "ReplicationStatus", "KmsKeyId")


@case
def members_of_a_secret_without_a_value(secrets):
    secrets.create(SecretString=None)
    return presence(secrets("describe_secret"), "VersionIdsToStages")


@case
def the_answer_to_a_replication(secrets):
    secrets.create()
    return rows(secrets.replicate(AWAY))


@case
def the_arn_in_the_answer_to_a_replication_by_name(secrets):
    arn = secrets.create()["ARN"]
    return "the secret's ARN" if secrets.replicate(AWAY)["ARN"] == arn else "something else"


@case
def members_of_a_primary_secret(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    described = secrets.settled()
    return f"PrimaryRegion {described.get('PrimaryRegion')}, {rows(described)}"


@case
def the_message_of_a_replica_in_sync(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    return secrets.settled()["ReplicationStatus"][0].get("StatusMessage", "none")


@case
def members_of_a_replica(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    secrets.settled()
    described = secrets("describe_secret", AWAY)
    primary = f"PrimaryRegion {described.get('PrimaryRegion')}"
    return f"{primary}, {presence(described, 'ReplicationStatus')}"


@case
def the_arn_of_a_replica(secrets):
    arn = secrets.create()["ARN"]
    secrets.replicate(AWAY)
    secrets.settled()
    replica = secrets("describe_secret", AWAY)["ARN"]
    return "the primary's in its Region" if replica == arn.replace(HOME, AWAY) else "another"


@case
def the_key_of_a_replica_on_the_default_key(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    row = secrets.settled()["ReplicationStatus"][0]
    replica = secrets("describe_secret", AWAY)
    return f"row {row.get('KmsKeyId')}, replica {replica.get('KmsKeyId')}"


@case
def tags_of_a_replica(secrets):
    secrets.create(Tags=[{"Key": "tier", "Value": "1"}])
    secrets.replicate(AWAY)
    secrets.settled()
    tags = secrets("describe_secret", AWAY).get("Tags", [])
    return ", ".join(f"{tag['Key']}={tag['Value']}" for tag in tags) or "none"


@case
def a_new_value_reaches_the_replica(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    secrets.settled()
    secrets("put_secret_value", SecretString="second")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if secrets("get_secret_value", AWAY)["SecretString"] == "second":
            return "yes"
        time.sleep(0.1)
    return "no"


@case
def a_replica_in_the_secrets_own_region(secrets):
    secrets.create()
    return refused(lambda: secrets.replicate(HOME), with_message=True)


@case
def one_bad_region_among_good_ones(secrets):
    secrets.create()
    told = refused(lambda: secrets.replicate(AWAY, HOME))
    return f"{told}, {rows(secrets.settled())}"


@case
def a_replication_of_a_replica(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    secrets.settled()
    return refused(lambda: secrets.replicate(FURTHER, region=AWAY), with_message=True)


@case
def a_replica_where_another_secret_has_the_name(secrets):
    secrets.create(AWAY)
    secrets.create()
    told = refused(lambda: secrets.replicate(AWAY))
    described = secrets.settled()
    messages = [row.get("StatusMessage", "") for row in described.get("ReplicationStatus", [])]
    named = [message.replace(secrets.name, "<name>") for message in messages]
    return f"{told}, {rows(described)} {' '.join(named)}".strip()


@case
def a_replica_where_the_secret_has_one(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    secrets.settled()
    told = refused(lambda: secrets.replicate(AWAY))
    return f"{told}, {rows(secrets.settled())}"


@case
def a_replica_in_a_region_that_does_not_exist(secrets):
    secrets.create()
    told = refused(lambda: secrets.replicate("xx-nowhere-1"))
    return f"{told}, {rows(secrets.settled())}"


@case
def a_replica_in_another_partition(secrets):
    secrets.create()
    told = refused(lambda: secrets.replicate("cn-north-1"))
    return f"{told}, {rows(secrets.settled())}"


@case
def a_replication_of_a_secret_without_a_value(secrets):
    secrets.create(SecretString=None)
    return refused(lambda: secrets.replicate(AWAY))


@case
def a_replication_of_a_secret_that_does_not_exist(secrets):
    return refused(lambda: secrets.replicate(AWAY))


@case
def a_replication_of_a_secret_scheduled_for_deletion(secrets):
    secrets.create()
    secrets("delete_secret")
    return refused(lambda: secrets.replicate(AWAY))


@case
def a_description_of_a_secret_scheduled_for_deletion(secrets):
    secrets.create()
    secrets("delete_secret")
    return presence(secrets("describe_secret"), "DeletedDate")


@case
def the_value_of_a_secret_scheduled_for_deletion(secrets):
    secrets.create()
    secrets("delete_secret")
    return refused(lambda: secrets("get_secret_value"))


@case
def a_restored_secret(secrets):
    secrets.create()
    secrets("delete_secret")
    secrets("restore_secret")
    return presence(secrets("describe_secret"), "DeletedDate")


@case
def a_deletion_of_a_secret_with_replicas(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    secrets.settled()
    return refused(lambda: secrets("delete_secret"))


@case
def a_removal_of_a_replica(secrets):
    secrets.create()
    secrets.replicate(AWAY)
    secrets.settled()
    remove = lambda: secrets("remove_regions_from_replication", RemoveReplicaRegions=[AWAY])
    told = refused(remove)
    if told != "200":
        return told
    deadline = time.monotonic() + 10
    while secrets("describe_secret").get("ReplicationStatus"):
        if time.monotonic() > deadline:
            return "200, the replica stays"
        time.sleep(0.1)
    return f"200, then {refused(lambda: secrets('describe_secret', AWAY))} in its Region"


@case
def entries_of_the_list(secrets):
    secrets.create(Tags=[{"Key": "tier", "Value": "1"}])
    secrets.replicate(AWAY)
    secrets.settled()
    filters = [{"Key": "name", "Values": [secrets.name]}]
    [entry] = secrets.client(HOME).list_secrets(Filters=filters)["SecretList"]
    return presence(entry, "Tags", "PrimaryRegion", "ReplicationStatus")


def listed(secrets, **by):
    filters = [{"Key": key.replace("_", "-"), "Values": [value]} for key, value in by.items()]
    pages = secrets.client(HOME).get_paginator("list_secrets").paginate(Filters=filters)
    names = [entry["Name"] for page in pages for entry in page["SecretList"]]
    return secrets.name in names


@case
def a_filter_by_the_beginning_of_a_tag_key(secrets):
    key = secrets.name.replace("/", ":")
    secrets.create(Tags=[{"Key": key, "Value": "1"}])
    beginning, middle = listed(secrets, tag_key=key[:-1]), listed(secrets, tag_key=key[4:])
    upper = listed(secrets, tag_key=key.upper())
    return f"beginning {beginning}, middle {middle}, upper case {upper}"


@case
def a_filter_that_negates(secrets):
    secrets.create()
    return "does not" if listed(secrets, name=f"!{secrets.name}") else "leaves it out"


@case
def the_last_tag_that_is_removed(secrets):
    secrets.create(Tags=[{"Key": "tier", "Value": "1"}])
    secrets("untag_resource", TagKeys=["tier"])
    return "none left" if not secrets("describe_secret").get("Tags") else "some left"
