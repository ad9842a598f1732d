"""What the template becomes once it is deployed: sweep, schedule, queues, and whatever is optional.

Ministack deploys it, with a CloudFormation that is not ours.
"""

import json
import uuid

import pytest
from cfnlint.api import lint_all

from stack import ACCOUNT, BOUNDARY, BUS, KEY, TOPIC
from sweep import Sweep
from template import TEMPLATE


def test_the_definition_is_amazon_states_language(cautious):
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any",
            "DefinitionString": json.dumps(Sweep.of(cautious).definition),
        },
    }

    assert lint_all(json.dumps({"Resources": {"Sweep": resource}})) == []


def test_every_transition_of_the_sweep_leads_to_a_state_and_every_state_is_reached(cautious):
    definition = Sweep.of(cautious).definition
    states = definition["States"]

    def after(name):
        state = states[name]
        choices = [choice["Next"] for choice in state.get("Choices", [])]
        return {*choices, *(state[key] for key in ("Next", "Default") if key in state)}

    reached, found = set(), {definition["StartAt"]}
    while found - reached:
        name = (found - reached).pop()
        assert name in states, name
        reached.add(name)
        found |= after(name)

    assert reached == states.keys()
    for name in states:
        assert bool(after(name)) != (states[name]["Type"] in ("Succeed", "Fail")), name


def test_what_sam_adds_to_the_template_is_named_like_no_parameter(cautious):
    parameters = cautious.client("cloudformation").describe_stacks(StackName=cautious.name)
    parameters = parameters["Stacks"][0]["Parameters"]

    assert not cautious.resources.keys() & {row["ParameterKey"] for row in parameters}


def schedule(stack):
    return stack.client("scheduler").get_schedule(Name=stack.resources["SweepStart"])


def test_a_sweep_starts_every_hour(cautious):
    hourly = schedule(cautious)

    assert (hourly["State"], hourly["ScheduleExpression"]) == ("ENABLED", "rate(1 hour)")
    assert hourly["FlexibleTimeWindow"]["Mode"] == "FLEXIBLE"
    assert hourly["Target"]["Arn"] == cautious.outputs["SweepArn"]
    # A real sweep, with the parameter's limit.
    assert json.loads(hourly["Target"]["Input"]) == {"thorough": True}
    assert cautious.allows("SweepStartRole", "states:StartExecution", cautious.outputs["SweepArn"])


def test_a_sweep_that_the_schedule_cannot_start_ends_in_a_queue(cautious):
    target = schedule(cautious)["Target"]
    queue = cautious.client("sqs").get_queue_attributes(
        QueueUrl=cautious.outputs["UnstartedSweepsQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]

    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600
    assert target["DeadLetterConfig"]["Arn"] == queue
    assert cautious.allows("SweepStartRole", "sqs:SendMessage", queue)


def test_the_schedule_can_be_another_one_or_none(deploy):
    stack = deploy(SweepSchedule="cron(0 3 * * ? *)", SweepEnabled="false")
    nightly = schedule(stack)

    assert (nightly["State"], nightly["ScheduleExpression"]) == ("DISABLED", "cron(0 3 * * ? *)")


def test_the_sweep_writes_its_failures_to_a_log_group_of_its_own():
    # Ministack takes this part of the template and does not show it.
    sweep = TEMPLATE["Resources"]["Sweep"]["Properties"]

    assert sweep["Logging"]["Level"] == "ERROR"
    assert sweep["Logging"]["Destinations"] == [
        {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": "SweepLogGroup.Arn"}}}
    ]


def test_the_sweep_is_a_standard_workflow(cautious):
    described = cautious.client("stepfunctions").describe_state_machine(
        stateMachineArn=cautious.outputs["SweepArn"]
    )

    # An express one ends after five minutes, and nothing lists its executions.
    assert described["type"] == "STANDARD"


def test_the_parameters_of_the_sweep_reach_the_function(deploy):
    stack = deploy(AllowOverwrite="true", AllowRemoval="true", SweepWritesPerSecond="5")
    variables = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs["FunctionName"]
    )["Environment"]["Variables"]

    assert variables["ALLOW_OVERWRITE"] == "true"
    assert variables["ALLOW_REMOVAL"] == "true"
    assert variables["SWEEP_WRITES_PER_SECOND"] == "5"


@pytest.fixture(scope="module")
def optional(deploy):
    """The stack with whatever is optional."""
    return deploy(
        AlarmEmail="on-call@example.com",
        LogKmsKeyArn=KEY,
        OnSuccessTopicArn=TOPIC,
        PermissionsBoundaryArn=BOUNDARY,
        ReservedConcurrency="7",
    )


def processed(stack):
    """The resources as SAM makes them. Ministack takes some of their properties and shows them nowhere."""
    template = stack.client("cloudformation").get_template(
        StackName=stack.name, TemplateStage="Processed"
    )["TemplateBody"]
    return (json.loads(template) if isinstance(template, str) else template)["Resources"]


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


def queue_arn(stack, output):
    return stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs[output], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]


def test_an_event_that_fails_goes_to_the_failure_queue(either):
    failed = queue_arn(either, "FailedEventsQueueUrl")

    assert destinations(either) == {"OnFailure": failed}
    assert either.allows("ReplicatorRole", "sqs:SendMessage", failed)
    assert not either.allows("ReplicatorRole", "sqs:SendMessage", f"{failed}-other")


def test_a_topic_gets_the_records_of_success_if_there_is_one(optional, cautious):
    assert destinations(optional).get("OnSuccess") == TOPIC
    assert optional.allows("ReplicatorRole", "sns:Publish", TOPIC)
    assert not optional.allows("ReplicatorRole", "events:PutEvents", BUS)
    assert not cautious.allows("ReplicatorRole", "sns:Publish", TOPIC)


def test_an_event_bus_gets_the_records_of_success_if_there_is_one(deploy):
    stack = deploy(OnSuccessEventBusArn=BUS)

    assert destinations(stack).get("OnSuccess") == BUS
    assert stack.allows("ReplicatorRole", "events:PutEvents", BUS)
    assert not stack.allows("ReplicatorRole", "sns:Publish", TOPIC)


def test_of_topic_and_event_bus_the_topic_is_used_and_the_bus_may_not_be(deploy):
    stack = deploy(OnSuccessTopicArn=TOPIC, OnSuccessEventBusArn=BUS)

    assert destinations(stack).get("OnSuccess") == TOPIC
    assert stack.allows("ReplicatorRole", "sns:Publish", TOPIC)
    assert not stack.allows("ReplicatorRole", "events:PutEvents", BUS)


def test_the_function_is_traced(cautious):
    function = cautious.client("lambda").get_function_configuration(
        FunctionName=cautious.outputs["FunctionName"]
    )

    assert function["TracingConfig"]["Mode"] == "Active"


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


RESOURCES = TEMPLATE["Resources"]


def test_whatever_holds_data_has_an_explicit_fate():
    fates = {
        name: (row.get("DeletionPolicy"), row.get("UpdateReplacePolicy"))
        for name, row in RESOURCES.items()
        if row["Type"] in ("AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::S3::Bucket")
    }
    kept, dropped = ("RetainExceptOnCreate", "Retain"), ("Delete", "Delete")

    assert fates == {
        "LogGroup": kept,
        "SweepLogGroup": kept,
        "TrailBucket": kept,
        "FailedEvents": dropped,
        "UndeliveredEvents": dropped,
        "UnstartedSweeps": dropped,
    }


def test_an_event_that_cannot_be_handed_to_the_function_waits_in_a_queue(cautious):
    events = cautious.client("events")
    rule = cautious.resources["ReplicatorSecretChanged"].rpartition("/")[2]
    [target] = events.list_targets_by_rule(Rule=rule)["Targets"]

    assert target["Arn"].endswith(f":function:{cautious.outputs['FunctionName']}")
    assert target["DeadLetterConfig"]["Arn"] == queue_arn(cautious, "UndeliveredEventsQueueUrl")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185}


def test_only_the_rule_may_send_to_that_queue_and_nobody_to_the_others_without_a_role(cautious):
    sqs, outputs = cautious.client("sqs"), cautious.outputs
    arn = cautious.client("events").describe_rule(
        Name=cautious.resources["ReplicatorSecretChanged"].rpartition("/")[2]
    )["Arn"]

    def policy(output):
        attributes = sqs.get_queue_attributes(QueueUrl=outputs[output], AttributeNames=["Policy"])
        return attributes.get("Attributes", {}).get("Policy")

    [statement] = json.loads(policy("UndeliveredEventsQueueUrl"))["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == queue_arn(cautious, "UndeliveredEventsQueueUrl")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn}}
    assert policy("FailedEventsQueueUrl") is None
    assert policy("UnstartedSweepsQueueUrl") is None


def test_every_queue_is_encrypted_without_a_key_that_would_have_to_admit_who_sends():
    queues = [row for row in RESOURCES.values() if row["Type"] == "AWS::SQS::Queue"]

    assert len(queues) == 3
    for queue in queues:
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in queue["Properties"]
        # The longest that SQS keeps a message.
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
