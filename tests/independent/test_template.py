"""What the template promises beyond its form, which `sam validate --lint` checks."""

import json

import pytest

from function import create_secret_event
from processes import eventually
from template import FUNCTION, ROOT, TEMPLATE, function_environment

SAMPLES = ROOT / "events"

MATCHING = {
    "create-secret-console.json",
    "create-secret-null-response.json",
    "create-secret-terraform.json",
    "create-secret-with-tags-key-and-replicas.json",
    "demo/01-names-its-regions.json",
    "demo/02-no-tags.json",
    "demo/03-name-taken.json",
    "demo/04-managed-by-rds.json",
    "demo/05-value-comes-later.json",
    "demo/06-typo-in-tag.json",
    "demo/07-customer-key.json",
    "restore-secret.json",
    "tag-resource.json",
    "untag-resource.json",
}
NOT_MATCHING = {
    "create-secret-failed-call.json",
    "demo/08-failed-call.json",
    "describe-secret-error.json",
    "put-secret-value.json",
    "rotation-failed.json",
    "service-event-version-delete.json",
}
# What the function itself calls.
CALLS = [
    "secretsmanager:DescribeSecret",
    "secretsmanager:ListSecrets",
    "secretsmanager:ReplicateSecretToRegions",
    "secretsmanager:RemoveRegionsFromReplication",
]
# Sent to the function by hand, never by EventBridge.
ACTIONS = {"explain.json", "reconcile.json", "sweep.json"}


@pytest.fixture(scope="module")
def delivered(client, moto):
    """Puts an event on moto's bus, and answers the ids of what the template's rule delivers."""
    events, sqs = client("events", moto), client("sqs", moto)
    pattern = FUNCTION["Events"]["SecretChanged"]["Properties"]["Pattern"]
    queue = sqs.create_queue(QueueName="delivered")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="rule", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="rule", Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])

    def put(event):
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
        }
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def receive():
        messages = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            yield json.loads(message["Body"])["detail"]["eventID"]

    def delivered(event):
        put(event)
        # Whatever the rule delivers of the event is there once the one after it is.
        put(create_secret_event("arn:aws:secretsmanager:::secret:last-AbCdEf", eventID="last"))
        ids = []
        eventually(lambda: ids.extend(receive()) or "last" in ids, "the last event is delivered")
        ids.remove("last")
        return ids

    return delivered


@pytest.mark.parametrize("sample", sorted(MATCHING))
def test_the_rule_delivers(sample, delivered):
    event = json.loads((SAMPLES / sample).read_text())

    assert delivered(event) == [event["detail"]["eventID"]]


@pytest.mark.parametrize("sample", sorted(NOT_MATCHING))
def test_the_rule_does_not_deliver(sample, delivered):
    assert delivered(json.loads((SAMPLES / sample).read_text())) == []


@pytest.mark.parametrize("name", ["CreateSecret", "TagResource", "UntagResource", "RestoreSecret"])
def test_the_rule_does_not_deliver_a_failed_call(name, delivered):
    arn = "arn:aws:secretsmanager:us-east-1:012345678912:secret:app-AbCdEf"

    assert delivered(create_secret_event(arn, eventName=name)) != []
    assert delivered(create_secret_event(arn, eventName=name, errorCode="AccessDenied")) == []


@pytest.mark.parametrize("call", sorted({call.partition(":")[2] for call in CALLS}))
def test_the_rule_does_not_deliver_the_functions_own_calls(call, delivered):
    arn = "arn:aws:secretsmanager:us-east-1:012345678912:secret:app-AbCdEf"

    assert delivered(create_secret_event(arn, eventName=call)) == []


@pytest.mark.parametrize(
    "changes, detail",
    [
        ({"source": "aws.kms"}, {"eventSource": "kms.amazonaws.com"}),
        ({"source": "custom.application"}, {}),
        ({}, {"eventSource": "kms.amazonaws.com"}),
        ({"detail-type": "AWS Service Event via CloudTrail"}, {}),
    ],
)
@pytest.mark.parametrize("name", ["CreateSecret", "TagResource"])
def test_the_rule_does_not_deliver_what_does_not_come_from_secrets_manager(
    name, changes, detail, delivered
):
    arn = "arn:aws:secretsmanager:us-east-1:012345678912:secret:app-AbCdEf"

    assert delivered(create_secret_event(arn, eventName=name, **detail) | changes) == []


def test_every_sample_event_is_tried_on_the_rule():
    # The others are records: CloudTrail's without an envelope, and the function's.
    samples = {
        str(path.relative_to(SAMPLES))
        for path in SAMPLES.rglob("*.json")
        if path.parent.name not in ("records", "expected")
    }

    assert samples == MATCHING | NOT_MATCHING | ACTIONS


def test_following_a_replica_leaves_time_to_report_it():
    longest = TEMPLATE["Parameters"]["ReplicationWaitSeconds"]["MaxValue"]

    assert longest + 15 <= FUNCTION["Timeout"]


def test_the_parameters_reach_the_function(start_function, client, moto, name):
    tags = [{"Key": "replicate-to", "Value": "eu-west-1 us-west-2"}]
    secrets = client("secretsmanager", moto)
    arn = secrets.create_secret(Name=name, SecretString="value", Tags=tags)["ARN"]
    settings = function_environment(AllowedReplicaRegions="us-west-2, eu-north-1", DryRun="true")

    record = start_function(**settings).invoke(create_secret_event(arn))

    assert record["dry_run"] is True
    status = {row["region"]: row["status"] for row in record["replicas"]}
    assert status == {"eu-west-1": "refused", "us-west-2": "planned"}


def test_a_policy_in_the_parameters_replaces_the_built_in_one(start_function, client, moto, name):
    secrets = client("secretsmanager", moto)
    arn = secrets.create_secret(Name=name, SecretString="value")["ARN"]
    policy = {"version": 1, "rules": [{"name": "all", "when": "all", "replicate-to": ["eu-west-1"]}]}
    settings = function_environment(
        AllowedReplicaRegions="eu-west-1", ReplicationPolicy=json.dumps(policy)
    )

    record = start_function(**settings).invoke(create_secret_event(arn))

    assert (record["outcome"], record["rules"]) == ("replicated", ["all"])
