"""The function's release binary, under AWS's own Runtime Interface Emulator, in front of moto.

Neither of the two is this project's, so they are a second opinion on both wire protocols. Moto is
none on the asynchronous half of replication: its replicas are in sync at once, and it differs from
AWS on names that are taken, keys of replicas, unknown Regions and Regions that have a replica
already. Those cases are left to this project's own emulator.
"""

import pytest

from function import create_secret_event


@pytest.fixture
def secrets(client, moto):
    """Secrets Manager in a Region, as moto does it."""
    return lambda region="us-east-1": client("secretsmanager", moto, region)


@pytest.fixture
def create(secrets, name):
    """Creates a secret in us-east-1 and answers its ARN."""

    def create(tag=None, **parameters):
        tags = [] if tag is None else [{"Key": "replicate-to", "Value": tag}]
        value = {"SecretString": "value"} | parameters
        secret = secrets().create_secret(Name=name, Tags=tags, **value)
        return secret["ARN"]

    return create


@pytest.fixture
def replicas(secrets):
    """The Regions of a secret's replicas, one entry for each row that moto has."""

    def replicas(arn):
        rows = secrets().describe_secret(SecretId=arn).get("ReplicationStatus", [])
        return sorted(row["Region"] for row in rows)

    return replicas


def by_region(record):
    return {replica["region"]: replica for replica in record["replicas"]}


def test_a_tagged_secret_gets_a_replica_in_each_region_of_its_tag(function, create, secrets):
    arn = create("eu-west-1 us-west-2")

    record = function.invoke(create_secret_event(arn))

    assert record["outcome"] == "replicated", record
    assert {region: row["status"] for region, row in by_region(record).items()} == {
        "eu-west-1": "in-sync",
        "us-west-2": "in-sync",
    }
    for region in ("eu-west-1", "us-west-2"):
        replica = secrets(region).describe_secret(SecretId=arn.replace("us-east-1", region))
        assert replica["PrimaryRegion"] == "us-east-1"


def test_the_same_event_again_makes_no_second_replica(function, create, replicas):
    event = create_secret_event(arn := create("eu-west-1 us-west-2"))
    function.invoke(event)

    record = function.invoke(event)

    assert record["outcome"] == "unchanged", record
    # Moto adds a row for each request, even for a Region that it has.
    assert replicas(arn) == ["eu-west-1", "us-west-2"]


def test_the_record_in_the_log_is_the_answer(function, create):
    answer = function.invoke(create_secret_event(create("eu-west-1")))

    assert function.records() == [answer]


def test_a_secret_without_the_tag_is_left_alone(function, create, replicas):
    record = function.invoke(create_secret_event(arn := create()))

    assert (record["outcome"], record["reason"]) == ("skipped", "no-rule-matched")
    assert replicas(arn) == []


def test_the_primary_region_in_the_tag_is_shown_and_not_requested(function, create, replicas):
    record = function.invoke(create_secret_event(arn := create("us-east-1 eu-west-1")))

    assert record["outcome"] == "replicated", record
    assert by_region(record)["us-east-1"]["reason"] == "primary-region"
    assert replicas(arn) == ["eu-west-1"]


def test_a_word_that_is_no_region_is_named_and_the_rest_is_replicated(function, create, replicas):
    record = function.invoke(create_secret_event(arn := create("eu-west1 us-west-2")))

    assert record["outcome"] == "refused", record
    assert by_region(record)["eu-west1"]["reason"] == "invalid-region"
    assert replicas(arn) == ["us-west-2"]


def test_a_region_outside_the_allowed_regions_gets_no_replica(start_function, create, replicas):
    function = start_function(ALLOWED_REPLICA_REGIONS="us-west-2")

    record = function.invoke(create_secret_event(arn := create("eu-west-1 us-west-2")))

    assert by_region(record)["eu-west-1"]["reason"] == "region-not-allowed"
    assert replicas(arn) == ["us-west-2"]


def test_a_dry_run_plans_and_replicates_nothing(start_function, create, replicas):
    function = start_function(DRY_RUN="true")

    record = function.invoke(create_secret_event(arn := create("eu-west-1")))

    assert (record["outcome"], record["dry_run"]) == ("planned", True)
    assert replicas(arn) == []


def test_a_call_that_failed_is_skipped(function, name):
    event = create_secret_event(
        f"arn:aws:secretsmanager:us-east-1:012345678912:secret:{name}-AbCdEf",
        errorCode="AccessDenied",
        errorMessage="not authorized",
        requestParameters=None,
        responseElements=None,
    )

    record = function.invoke(event)

    assert (record["outcome"], record["reason"]) == ("skipped", "api-call-failed")


def test_a_secret_that_is_not_there_in_time_is_an_error(start_function, name):
    function = start_function(timeout=2)
    arn = f"arn:aws:secretsmanager:us-east-1:012345678912:secret:{name}-AbCdEf"

    answer = function.invoke(create_secret_event(arn))

    assert answer["errorType"] == "SecretNotReady", answer
    assert [record["reason"] for record in function.records()] == ["secret-not-found"]


def test_a_secret_is_replicated_once_it_has_its_first_value(start_function, secrets, name, replicas):
    function = start_function(timeout=2)
    tags = [{"Key": "replicate-to", "Value": "eu-west-1"}]
    arn = secrets().create_secret(Name=name, Tags=tags)["ARN"]
    event = create_secret_event(arn)

    assert function.invoke(event)["errorType"] == "SecretNotReady"
    assert replicas(arn) == []

    secrets().put_secret_value(SecretId=arn, SecretString="value")
    assert function.invoke(event)["outcome"] == "replicated"
    assert replicas(arn) == ["eu-west-1"]


def test_a_replica_is_left_to_its_primary_secret(start_function, function, create, secrets):
    arn = create("eu-west-1 us-west-2")
    function.invoke(create_secret_event(arn))
    replica = arn.replace("us-east-1", "eu-west-1")
    in_its_region = start_function(region="eu-west-1")

    record = in_its_region.invoke(create_secret_event(replica, region="eu-west-1"))

    assert (record["outcome"], record["reason"]) == ("skipped", "is-replica"), record


def test_a_secret_scheduled_for_deletion_is_left_alone(function, create, secrets, replicas):
    arn = create("eu-west-1")
    secrets().delete_secret(SecretId=arn)

    record = function.invoke(create_secret_event(arn))

    assert (record["outcome"], record["reason"]) == ("skipped", "scheduled-for-deletion")
    assert replicas(arn) == []


def test_a_customer_key_is_never_traded_for_the_default_key(function, create, replicas):
    key = "arn:aws:kms:us-east-1:012345678912:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    record = function.invoke(create_secret_event(arn := create("eu-west-1", KmsKeyId=key)))

    assert by_region(record)["eu-west-1"]["reason"] == "weaker-encryption"
    assert replicas(arn) == []


def test_a_secret_can_be_reconciled_by_hand(function, create, name, replicas):
    arn = create("eu-west-1")
    action = {"action": "reconcile", "secretId": name}

    assert function.invoke(action | {"dryRun": True})["outcome"] == "planned"
    assert replicas(arn) == []
    assert function.invoke(action)["outcome"] == "replicated"
    assert replicas(arn) == ["eu-west-1"]


@pytest.mark.parametrize("event", ["{}", "[]", "null", '"text"', '{"detail-type": 7}'])
def test_an_event_that_makes_no_sense_is_an_error_of_its_own(function, event):
    answer = function.invoke(event)

    assert answer["errorType"] == "BadEvent", answer
    assert [record["reason"] for record in function.records()] == ["bad-event"]


def test_a_wrong_policy_shows_wherever_the_function_is_invoked(start_function):
    function = start_function(REPLICATION_POLICY="version: 1\nrulez: []\n")

    answer = function.invoke({})

    assert answer["errorType"] == "PolicyInvalid", answer
    assert "rulez" in answer["errorMessage"]
