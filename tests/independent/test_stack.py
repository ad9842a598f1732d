"""The deployed template: sweep, schedule, queues and optional resources.

Ministack deploys it.
"""

import json
import uuid

import pytest
from cfnlint.api import lint_all

from stack import ACCOUNT, BOUNDARY, BUS, KEY, TOPIC, processed
from sweep import Sweep
from template import TEMPLATE, of_type


def test_the_definition_is_amazon_states_language(cautious):
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any",
            "DefinitionString": json.dumps(Sweep.of(cautious).definition),
        },
    }

    assert lint_all(json.dumps({"Resources": {"Sweep": resource}})) == []


def schedule(stack, resource="SweepStart"):
    return stack.client("scheduler").get_schedule(Name=stack.resources[resource])


def test_a_quick_sweep_starts_every_hour_and_a_thorough_one_every_day(cautious):
    hourly = schedule(cautious)
    daily = schedule(cautious, "SweepStartThorough")

    assert (hourly["State"], hourly["ScheduleExpression"]) == ("ENABLED", "rate(1 hour)")
    assert hourly["FlexibleTimeWindow"]["Mode"] == "FLEXIBLE"
    assert hourly["Target"]["Arn"] == cautious.outputs["SweepArn"]
    # Not a dry run, and with the limit of the parameter.
    assert json.loads(hourly["Target"]["Input"]) == {"thorough": False}
    assert json.loads(daily["Target"]["Input"]) == {"thorough": True}
    assert (daily["State"], daily["ScheduleExpression"]) == ("ENABLED", "cron(30 3 * * ? *)")
    assert cautious.allows("SweepStartRole", "states:StartExecution", cautious.outputs["SweepArn"])


@pytest.mark.parametrize("resource", ["SweepStart", "SweepStartThorough"])
def test_a_sweep_that_the_schedule_cannot_start_ends_in_a_queue(resource, cautious):
    target = schedule(cautious, resource)["Target"]
    queue = cautious.queue_arn("UnstartedSweepsQueueUrl")

    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600
    assert target["DeadLetterConfig"]["Arn"] == queue
    assert cautious.allows("SweepStartRole", "sqs:SendMessage", queue)


def test_the_schedule_can_be_another_one_or_none(deploy):
    stack = deploy(
        SweepSchedule="cron(0 3 * * ? *)", ThoroughSweepSchedule="rate(7 days)", SweepEnabled="false"
    )
    nightly = schedule(stack)
    weekly = schedule(stack, "SweepStartThorough")

    assert (nightly["State"], nightly["ScheduleExpression"]) == ("DISABLED", "cron(0 3 * * ? *)")
    assert (weekly["State"], weekly["ScheduleExpression"]) == ("DISABLED", "rate(7 days)")


def test_the_sweep_writes_its_failures_to_its_own_log_group():
    # Ministack accepts these properties, but does not return them.
    sweep = TEMPLATE["Resources"]["Sweep"]["Properties"]

    assert sweep["Logging"]["Level"] == "ERROR"
    assert sweep["Logging"]["Destinations"] == [
        {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["SweepLogGroup", "Arn"]}}}
    ]


def test_the_sweep_is_a_standard_workflow(cautious):
    # An express workflow ends after five minutes, and its executions cannot be listed.
    assert Sweep.of(cautious).describe()["type"] == "STANDARD"


def test_the_parameters_of_the_sweep_reach_function_and_state_machine(deploy):
    allowed = dict.fromkeys(["AllowOverwrite", "AllowRemoval", "AllowPromotion"], "true")
    stack = deploy(**allowed, SweepWritesPerSecond="5", SweepMaxChanges="7")
    variables = stack.function()["Environment"]["Variables"]

    assert variables["ALLOW_OVERWRITE"] == "true"
    assert variables["ALLOW_REMOVAL"] == "true"
    assert variables["ALLOW_PROMOTION"] == "true"
    assert variables["SWEEP_WRITES_PER_SECOND"] == "5"
    start = Sweep.of(stack).definition["States"]["Validate the input"]
    assert start["Assign"]["maxChanges"].endswith(": 7 %}")


@pytest.fixture(scope="module")
def optional(deploy):
    """The stack with all optional resources."""
    return deploy(
        AlarmEmail="on-call@example.com",
        LogKmsKeyArn=KEY,
        PermissionsBoundaryArn=BOUNDARY,
        ReservedConcurrency="7",
    )


def only_if(condition, parameter):
    return {"Fn::If": [condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}


def test_every_role_has_the_boundary_if_there_is_one(optional):
    roles = [row for row in processed(optional).values() if row["Type"] == "AWS::IAM::Role"]

    assert len(roles) == 3
    for role in roles:
        boundary = role["Properties"].get("PermissionsBoundary")
        assert boundary == only_if("HasPermissionsBoundary", "PermissionsBoundaryArn")


def log_groups(stack):
    pages = stack.client("logs").get_paginator("describe_log_groups").paginate()
    described = [group for page in pages for group in page["logGroups"]]
    names = {stack.outputs["LogGroupName"], stack.outputs["SweepLogGroupName"]}
    return [group for group in described if group["logGroupName"] in names]


def test_the_logs_have_a_key_if_there_is_one(optional, cautious):
    assert [group.get("kmsKeyId") for group in log_groups(optional)] == [KEY, KEY]
    assert [group.get("kmsKeyId") for group in log_groups(cautious)] == [None, None]
    assert [group["retentionInDays"] for group in log_groups(cautious)] == [90, 90]


def test_concurrency_is_reserved_only_if_a_number_says_so(optional):
    reserved = processed(optional)["Replicator"]["Properties"]["ReservedConcurrentExecutions"]

    assert reserved == only_if("HasReservedConcurrency", "ReservedConcurrency")


def destinations(stack):
    config = stack.client("lambda").get_function_event_invoke_config(
        FunctionName=stack.outputs["FunctionName"], Qualifier="$LATEST"
    )
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 21600)
    found = config["DestinationConfig"]
    return {name: row["Destination"] for name, row in found.items() if row}


def test_an_event_that_fails_goes_to_the_failure_queue(either):
    failed = either.queue_arn("FailedEventsQueueUrl")

    assert destinations(either) == {"OnFailure": failed}
    assert either.allows("ReplicatorRole", "sqs:SendMessage", failed)
    assert not either.allows("ReplicatorRole", "sqs:SendMessage", f"{failed}-other")


@pytest.mark.parametrize(
    "parameters, used",
    [
        ({}, None),
        ({"OnSuccessTopicArn": TOPIC}, TOPIC),
        ({"OnSuccessEventBusArn": BUS}, BUS),
        ({"OnSuccessTopicArn": TOPIC, "OnSuccessEventBusArn": BUS}, TOPIC),
    ],
)
def test_records_of_success_go_to_the_topic_or_else_the_event_bus(parameters, used, deploy):
    stack = deploy(**parameters)

    assert destinations(stack).get("OnSuccess") == used
    assert stack.allows("ReplicatorRole", "sns:Publish", TOPIC) == (used == TOPIC)
    assert stack.allows("ReplicatorRole", "events:PutEvents", BUS) == (used == BUS)


def test_a_deleted_stack_leaves_its_logs_and_the_next_one_can_have_its_name(deploy):
    name = f"again-{uuid.uuid4().hex}"
    first = deploy(name=name)
    assert len(log_groups(first)) == 2

    first.delete()
    assert len(log_groups(first)) == 2
    listed = first.client("sqs").list_queues(QueueNamePrefix=f"{name}-")
    assert listed.get("QueueUrls", []) == []
    second = deploy(name=name)

    assert len(log_groups(second)) == 2
    assert first.outputs["LogGroupName"] != second.outputs["LogGroupName"]


def test_every_resource_with_data_has_a_deletion_policy():
    policies = {
        name: (row.get("DeletionPolicy"), row.get("UpdateReplacePolicy"))
        for kind in ("AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::S3::Bucket")
        for name, row in of_type(kind).items()
    }
    kept, dropped = ("RetainExceptOnCreate", "Retain"), ("Delete", "Delete")

    assert policies == {
        "LogGroup": kept,
        "SweepLogGroup": kept,
        "TrailBucket": kept,
        "FailedEvents": dropped,
        "UndeliveredEvents": dropped,
        "UnstartedSweeps": dropped,
    }


def test_an_event_that_cannot_be_handed_to_the_function_waits_in_a_queue(cautious):
    events = cautious.client("events")
    [target] = events.list_targets_by_rule(Rule=cautious.rule())["Targets"]

    assert target["Arn"].endswith(f":function:{cautious.outputs['FunctionName']}")
    assert target["DeadLetterConfig"]["Arn"] == cautious.queue_arn("UndeliveredEventsQueueUrl")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185}


def test_only_the_rule_may_send_to_that_queue_and_nothing_else_without_a_role(cautious):
    sqs, outputs = cautious.client("sqs"), cautious.outputs
    events = cautious.client("events")
    arns = [events.describe_rule(Name=cautious.rule())["Arn"]]

    def policy(output):
        attributes = sqs.get_queue_attributes(QueueUrl=outputs[output], AttributeNames=["Policy"])
        return attributes.get("Attributes", {}).get("Policy")

    [statement] = json.loads(policy("UndeliveredEventsQueueUrl"))["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == cautious.queue_arn("UndeliveredEventsQueueUrl")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arns}}
    assert policy("FailedEventsQueueUrl") is None
    assert policy("UnstartedSweepsQueueUrl") is None


def test_every_queue_is_encrypted_without_a_key_that_senders_need_permission_for():
    queues = of_type("AWS::SQS::Queue").values()

    assert len(queues) == 3
    for queue in queues:
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in queue["Properties"]
        # The maximum of SQS.
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
