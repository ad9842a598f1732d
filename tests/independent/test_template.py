"""The rule of the template, matched by moto and ministack, and the settings of the function."""

import json
import re

import pytest
from moto.events.models import EventPattern

from function import ACCOUNT, create_secret_event
from processes import eventually
from template import FUNCTION, ROOT, TEMPLATE

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
# The samples that the first alternative of the pattern does not match, with the number of the one that does.
OTHERS = {
    "secret-label-updated.json": 1,
    "tag-change-on-resource.json": 2,
    "service-event-replication.json": 3,
    "remove-regions-from-replication.json": 4,
    "stop-replication-to-replica.json": 4,
    "delete-secret-blocked-by-replicas.json": 5,
}
# Payloads of manual calls.
ACTIONS = {
    "drill.json",
    "explain.json",
    "promote-by-arc-region-switch.json",
    "reconcile.json",
    "sweep.json",
}
ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app-AbCdEf"
PATTERN = FUNCTION["Events"]["SecretChanged"]["Properties"]["Pattern"]


@pytest.fixture(scope="module")
def delivered(client, moto):
    """Puts an event on moto's bus and returns the ids of the events that the template's rule delivers."""
    events, sqs = client("events", moto), client("sqs", moto)
    queue = sqs.create_queue(QueueName="delivered")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="rule", EventPattern=json.dumps(PATTERN))
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
        # Events arrive in order, so a delivery of the first one arrives before the second one.
        put(create_secret_event(ARN, eventID="last"))
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
    assert delivered(create_secret_event(ARN, eventName=name)) != []
    assert delivered(create_secret_event(ARN, eventName=name, errorCode="AccessDenied")) == []


@pytest.mark.parametrize("call", ["DescribeSecret", "ListSecrets", "ReplicateSecretToRegions"])
def test_the_rule_does_not_deliver_the_functions_own_calls_other_than_removals_and_promotions(call, delivered):
    assert delivered(create_secret_event(ARN, eventName=call)) == []


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
def test_the_rule_does_not_deliver_events_of_other_services(
    name, changes, detail, delivered
):
    assert delivered(create_secret_event(ARN, eventName=name, **detail) | changes) == []


def test_every_sample_event_is_tried_on_the_rule():
    # The other files are records of CloudTrail, without an envelope, and of the function.
    samples = {
        str(path.relative_to(SAMPLES))
        for path in SAMPLES.rglob("*.json")
        if path.parent.name not in ("records", "expected")
    }

    assert samples == MATCHING | NOT_MATCHING | set(OTHERS) | ACTIONS


def test_doctor_compares_the_rule_with_the_pattern_of_the_template():
    compared = ROOT / "crates/cli/src/doctor/checks/event-pattern.json"

    assert json.loads(compared.read_text()) == PATTERN


@pytest.fixture(scope="module")
def matching(client, ministack):
    """Returns the numbers of the pattern's alternatives that match an event, by moto and by ministack."""
    events = client("events", ministack)

    def by_moto(pattern, event):
        return EventPattern.load(json.dumps(pattern)).matches_event(event)

    def by_ministack(pattern, event):
        return events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]

    def matching(event):
        found = [number for number, each in enumerate(PATTERN["$or"]) if by_moto(each, event)]
        assert by_moto(PATTERN, event) is by_ministack(PATTERN, event) is bool(found)
        return found

    return matching


@pytest.mark.parametrize("sample", sorted(MATCHING | OTHERS.keys()))
def test_exactly_one_alternative_matches_the_sample(sample, matching):
    assert matching(json.loads((SAMPLES / sample).read_text())) == [OTHERS.get(sample, 0)]


@pytest.mark.parametrize("sample", sorted(NOT_MATCHING))
def test_no_alternative_matches_a_sample_that_is_not_delivered(sample, matching):
    assert matching(json.loads((SAMPLES / sample).read_text())) == []


@pytest.mark.parametrize(
    "sample, change",
    [
        ("secret-label-updated.json", {"labelUpdated": "MyLabel"}),
        ("tag-change-on-resource.json", {"service": "ec2"}),
        ("service-event-replication.json", {"eventName": "RotationSucceeded"}),
        ("stop-replication-to-replica.json", {"errorCode": "AccessDeniedException"}),
        ("delete-secret-blocked-by-replicas.json", {"errorCode": "AccessDeniedException"}),
    ],
)
def test_no_alternative_matches_a_sample_with_another_detail(sample, change, matching):
    event = json.loads((SAMPLES / sample).read_text())
    event["detail"] |= change

    assert matching(event) == []


def test_the_rule_hands_failed_deliveries_to_the_queue():
    [source] = [
        statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        for statement in TEMPLATE["Resources"]["UndeliveredEventsPolicy"]["Properties"][
            "PolicyDocument"
        ]["Statement"]
    ]

    # With messages, the rule that reports failed events uses the queue, too.
    [reports] = [each for each in source if "Fn::If" in each]
    assert reports["Fn::If"][:2] == ["SendsFailureMessages", {"Fn::GetAtt": ["FailureReported", "Arn"]}]
    source.remove(reports)
    assert source == [{"Fn::GetAtt": [f"Replicator{name}", "Arn"]} for name in FUNCTION["Events"]]
    for rule in FUNCTION["Events"].values():
        assert rule["Properties"]["DeadLetterConfig"]["Arn"] == {
            "Fn::GetAtt": ["UndeliveredEvents", "Arn"]
        }


def test_following_a_replica_leaves_time_to_report_it():
    pattern = TEMPLATE["Parameters"]["ReplicationWaitSeconds"]["AllowedPattern"]
    longest = max(seconds for seconds in range(1000) if re.fullmatch(pattern, str(seconds)))

    assert longest == 120
    assert longest + 15 <= FUNCTION["Timeout"]


def test_the_removal_of_a_replica_is_followed_to_its_end_within_one_invocation():
    deadlines = (ROOT / "src/deadlines.rs").read_text()
    [removal] = re.findall(r"MAX_REMOVAL_WAIT: Duration = Duration::from_secs\((\d+)\)", deadlines)

    # AWS takes up to 90 seconds, and the invocation has other work.
    assert 90 < int(removal) <= FUNCTION["Timeout"] - 30


def test_a_change_of_each_setting_and_of_the_code_is_checked():
    check = TEMPLATE["Resources"]["PolicyCheck"]

    assert check["Properties"]["Settings"] == FUNCTION["Environment"]["Variables"]
    assert check["Properties"]["Architecture"] == FUNCTION["Architectures"][0]
    assert check["Properties"]["PolicyLayerArn"] == {"Ref": "PolicyLayerArn"}
    assert check["Properties"]["BuildId"] == {"Ref": "BuildId"}
    # CloudFormation fails after this time, in seconds, not after an hour.
    assert check["Properties"]["ServiceTimeout"] == 300 > FUNCTION["Timeout"]
    assert check["DependsOn"] == "ReplicatorEventInvokeConfig"
    # The policies of the role are a part of it, so they are in force before the function.
    policies = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy")
    assert not [row for row in TEMPLATE["Resources"].values() if row["Type"] in policies]


@pytest.fixture
def replicate(deploy, start_function, client, moto, name):
    """Runs the function with the settings of a stack, for a secret that names two Regions."""

    def replicate(**parameters):
        settings = deploy(**parameters).function()["Environment"]["Variables"]
        tags = [{"Key": "replicate-to", "Value": "eu-west-1 us-west-2"}]
        secrets = client("secretsmanager", moto)
        arn = secrets.create_secret(Name=name, SecretString="value", Tags=tags)["ARN"]
        return start_function(**settings).invoke(create_secret_event(arn))

    return replicate


def test_the_parameters_reach_the_function(replicate):
    record = replicate(AllowedReplicaRegions="us-west-2, eu-north-1", DryRun="true")

    assert record["dry_run"] is True
    status = {row["region"]: row["status"] for row in record["replicas"]}
    assert status == {"eu-west-1": "refused", "us-west-2": "planned"}


def test_a_policy_in_the_parameters_replaces_the_built_in_one(replicate):
    policy = {"version": 1, "rules": [{"name": "all", "when": "all", "replicate-to": ["eu-west-1"]}]}

    record = replicate(ReplicationPolicy=json.dumps(policy))

    assert (record["outcome"], record["rules"]) == ("replicated", ["all"])
