"""The cases that every Secrets Manager is compared in.

A case makes calls and returns the result as one line. The line omits what differs without consequence:
ids, times, and the wording of most messages.
"""

import re
import time

from botocore.exceptions import ClientError

HOME, AWAY, FURTHER = "us-east-1", "eu-west-1", "us-west-2"
TOKEN = "00000000-0000-4000-8000-000000000001"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

CASES = {}


def case(function):
    """Adds a case under the name that `conformance.yaml` uses."""
    CASES[function.__name__.replace("_", " ")] = function
    return function


class Secrets:
    """One Secrets Manager, and the name of a secret for one case."""

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

    def replicate(self, *regions, region=HOME):
        added = [{"Region": each} for each in regions]
        return self("replicate_secret_to_regions", region, AddReplicaRegions=added)

    def replicated(self, **parameters):
        """Creates a secret with a replica and returns its description, once that is in sync."""
        self.create(**parameters)
        self.replicate(AWAY)
        return self.settled()

    def pending(self):
        """Creates a secret with a current version, whose ID it returns, and the pending version TOKEN."""
        current = self.create()["VersionId"]
        pending = {"SecretString": "second", "VersionStages": ["AWSPENDING"]}
        self("put_secret_value", ClientRequestToken=TOKEN, **pending)
        return current

    def labels(self, *versions):
        """Returns the labels of these versions."""
        found = self("describe_secret")["VersionIdsToStages"]
        return ", ".join("+".join(sorted(found.get(version, ["none"]))) for version in versions)

    def settled(self):
        """Returns the secret's description once no replica is in progress, or after ten seconds."""
        wait(lambda: "InProgress" not in rows(self("describe_secret")))
        return self("describe_secret")

    def listed(self, **filters):
        """Returns the pages of a list, two secrets on each, as lists of names."""
        given = [{"Key": key.replace("_", "-"), "Values": [value]} for key, value in filters.items()]
        pages = self.client(HOME).get_paginator("list_secrets").paginate(
            Filters=given, PaginationConfig={"PageSize": 2}
        )
        return [[entry["Name"] for entry in page["SecretList"]] for page in pages]


def wait(check):
    """Returns whether `check` returns a true value within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.1)
    return False


def status(call, with_message=False):
    """Returns the status and code of an error, or `200`."""
    try:
        call()
    except ClientError as error:
        code = error.response["ResponseMetadata"]["HTTPStatusCode"]
        details = error.response["Error"]
        message = f": {details['Message']}" if with_message else ""
        return f"{code} {details['Code']}{message}"
    return "200"


def rows(answer):
    """Returns the replicas of an answer, as `region status`."""
    found = [f"{row['Region']} {row['Status']}" for row in answer.get("ReplicationStatus", [])]
    return ", ".join(found) or "no replicas"


def presence(answer, *members):
    return ", ".join(f"{member} {'present' if member in answer else 'absent'}" for member in members)


@case
def a_secret_that_does_not_exist(secrets):
    return status(lambda: secrets("describe_secret"))


@case
def a_name_that_exists_already(secrets):
    secrets.create()
    return status(secrets.create)


@case
def a_creation_repeated_with_its_token(secrets):
    secrets.create(ClientRequestToken=TOKEN)
    return status(lambda: secrets.create(ClientRequestToken=TOKEN))


@case
def a_token_of_a_version_with_another_value(secrets):
    arn = secrets.create()["ARN"]
    write = lambda value: secrets("put_secret_value", SecretString=value, ClientRequestToken=TOKEN)
    write("second")
    return status(lambda: write("third"), with_message=True).replace(arn, "<arn>").replace(TOKEN, "<token>")


@case
def the_arn_of_a_secret(secrets):
    arn = secrets.create()["ARN"].replace(secrets.name, "<name>")
    return re.sub(r":\d{12}:", ":<account>:", re.sub(r"-\w{6}$", "-<suffix>", arn))


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
    described = secrets.replicated()
    return f"PrimaryRegion {described.get('PrimaryRegion')}, {rows(described)}"


@case
def the_message_of_a_replica_in_sync(secrets):
    return secrets.replicated()["ReplicationStatus"][0].get("StatusMessage", "none")


@case
def members_of_a_replica(secrets):
    secrets.replicated()
    described = secrets("describe_secret", AWAY)
    primary = f"PrimaryRegion {described.get('PrimaryRegion')}"
    return f"{primary}, {presence(described, 'ReplicationStatus')}"


@case
def the_arn_of_a_replica(secrets):
    arn = secrets.replicated()["ARN"]
    replica = secrets("describe_secret", AWAY)["ARN"]
    return "the primary's in its Region" if replica == arn.replace(HOME, AWAY) else "another"


@case
def the_key_of_a_replica_on_the_default_key(secrets):
    row = secrets.replicated()["ReplicationStatus"][0]
    replica = secrets("describe_secret", AWAY)
    return f"row {row.get('KmsKeyId')}, replica {replica.get('KmsKeyId')}"


@case
def tags_of_a_replica(secrets):
    secrets.replicated(Tags=[{"Key": "tier", "Value": "1"}])
    tags = secrets("describe_secret", AWAY).get("Tags", [])
    return ", ".join(f"{tag['Key']}={tag['Value']}" for tag in tags) or "none"


@case
def a_new_value_reaches_the_replica(secrets):
    secrets.replicated()
    secrets("put_secret_value", SecretString="second")
    value = lambda: secrets("get_secret_value", AWAY)["SecretString"]
    return "yes" if wait(lambda: value() == "second") else "no"


@case
def a_new_value_by_update_reaches_the_replica(secrets):
    secrets.replicated()
    secrets("update_secret", SecretString="second")
    value = lambda: secrets("get_secret_value", AWAY)["SecretString"]
    return "yes" if wait(lambda: value() == "second") else "no"


@case
def an_update_of_a_replica(secrets):
    secrets.replicated()
    return status(lambda: secrets("update_secret", AWAY, SecretString="second"), with_message=True)


@case
def labels_of_a_pending_version(secrets):
    return secrets.labels(secrets.pending(), TOKEN)


@case
def labels_after_the_pending_version_becomes_current(secrets):
    first = secrets.pending()
    versions = {"RemoveFromVersionId": first, "MoveToVersionId": TOKEN}
    secrets("update_secret_version_stage", VersionStage="AWSCURRENT", **versions)
    return secrets.labels(first, TOKEN)


@case
def a_current_label_moved_without_the_version_that_has_it(secrets):
    first = secrets.pending()
    to = {"VersionStage": "AWSCURRENT", "MoveToVersionId": TOKEN}
    result = status(lambda: secrets("update_secret_version_stage", **to), with_message=True)
    return result.replace(first, "<version>")


@case
def a_rotation_without_a_function(secrets):
    secrets.create()
    return status(lambda: secrets("rotate_secret"))


@case
def a_rotation_that_has_begun(secrets):
    first = secrets.create()["VersionId"]
    begin = {"ClientRequestToken": TOKEN, "RotationLambdaARN": FUNCTION}
    result = status(lambda: secrets("rotate_secret", **begin))
    read = {"VersionId": TOKEN, "VersionStage": "AWSPENDING"}
    value = status(lambda: secrets("get_secret_value", **read))
    return f"{result}, {secrets.labels(first, TOKEN)}, value {value}"


@case
def a_replica_in_the_secrets_own_region(secrets):
    secrets.create()
    return status(lambda: secrets.replicate(HOME), with_message=True)


@case
def one_bad_region_among_good_ones(secrets):
    secrets.create()
    result = status(lambda: secrets.replicate(AWAY, HOME))
    return f"{result}, {rows(secrets.settled())}"


@case
def a_replication_of_a_replica(secrets):
    secrets.replicated()
    return status(lambda: secrets.replicate(FURTHER, region=AWAY), with_message=True)


@case
def a_replica_where_another_secret_has_the_name(secrets):
    secrets.create(AWAY)
    secrets.create()
    result = status(lambda: secrets.replicate(AWAY))
    described = secrets.settled()
    messages = [row.get("StatusMessage", "") for row in described.get("ReplicationStatus", [])]
    named = [message.replace(secrets.name, "<name>") for message in messages]
    return f"{result}, {rows(described)} {' '.join(named)}".strip()


@case
def a_replica_where_the_secret_has_one(secrets):
    secrets.replicated()
    result = status(lambda: secrets.replicate(AWAY))
    return f"{result}, {rows(secrets.settled())}"


@case
def a_replica_in_a_region_that_does_not_exist(secrets):
    secrets.create()
    result = status(lambda: secrets.replicate("xx-nowhere-1"))
    return f"{result}, {rows(secrets.settled())}"


@case
def a_replica_in_another_partition(secrets):
    secrets.create()
    result = status(lambda: secrets.replicate("cn-north-1"))
    return f"{result}, {rows(secrets.settled())}"


@case
def a_replication_of_a_secret_without_a_value(secrets):
    secrets.create(SecretString=None)
    return status(lambda: secrets.replicate(AWAY))


@case
def a_replication_of_a_secret_that_does_not_exist(secrets):
    return status(lambda: secrets.replicate(AWAY))


@case
def a_replication_of_a_secret_scheduled_for_deletion(secrets):
    secrets.create()
    secrets("delete_secret")
    return status(lambda: secrets.replicate(AWAY))


@case
def a_description_of_a_secret_scheduled_for_deletion(secrets):
    secrets.create()
    secrets("delete_secret")
    return presence(secrets("describe_secret"), "DeletedDate")


@case
def the_value_of_a_secret_scheduled_for_deletion(secrets):
    secrets.create()
    secrets("delete_secret")
    return status(lambda: secrets("get_secret_value"))


@case
def a_restored_secret(secrets):
    secrets.create()
    secrets("delete_secret")
    secrets("restore_secret")
    return presence(secrets("describe_secret"), "DeletedDate")


@case
def a_deletion_of_a_secret_with_replicas(secrets):
    secrets.replicated()
    return status(lambda: secrets("delete_secret"))


@case
def a_removal_of_a_replica(secrets):
    secrets.replicated()
    remove = lambda: secrets("remove_regions_from_replication", RemoveReplicaRegions=[AWAY])
    result = status(remove)
    if result != "200":
        return result
    if not wait(lambda: not secrets("describe_secret").get("ReplicationStatus")):
        return "200, the replica stays"
    return f"200, then {status(lambda: secrets('describe_secret', AWAY))} in its Region"


@case
def entries_of_the_list(secrets):
    secrets.replicated(Tags=[{"Key": "tier", "Value": "1"}])
    filters = [{"Key": "name", "Values": [secrets.name]}]
    [entry] = secrets.client(HOME).list_secrets(Filters=filters)["SecretList"]
    return presence(entry, "Tags", "PrimaryRegion", "ReplicationStatus")


@case
def pages_of_a_list(secrets):
    names = [f"{secrets.name}/{number}" for number in range(5)]
    for each in names:
        secrets.client(HOME).create_secret(Name=each, SecretString="value")
    pages = secrets.listed(name=f"{secrets.name}/")
    sizes, found = [len(page) for page in pages], sorted(sum(pages, []))
    return f"{sizes}, {'every name once' if found == names else found}"


@case
def a_filter_by_the_beginning_of_a_tag_key(secrets):
    key = secrets.name.replace("/", ":")
    secrets.create(Tags=[{"Key": key, "Value": "1"}])
    found = lambda text: [secrets.name] in secrets.listed(tag_key=text)
    return f"beginning {found(key[:-1])}, middle {found(key[4:])}, upper case {found(key.upper())}"


@case
def a_filter_by_words_of_the_description(secrets):
    secrets.create(Description=f"Main{secrets.name.replace('/', '')} database")
    found = lambda text: secrets.name in sum(secrets.listed(description=text), [])
    return f"other order {found('data main')}, middle {found('base')}"


@case
def a_filter_that_negates(secrets):
    secrets.create()
    names = sum(secrets.listed(name=f"!{secrets.name}"), [])
    return "does not" if secrets.name in names else "leaves it out"


@case
def the_last_tag_that_is_removed(secrets):
    secrets.create(Tags=[{"Key": "tier", "Value": "1"}])
    secrets("untag_resource", TagKeys=["tier"])
    return "none left" if not secrets("describe_secret").get("Tags") else "some left"
