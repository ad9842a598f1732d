"""What the template becomes once it is deployed: roles, schedule and queues.

Ministack deploys it, with a CloudFormation and an evaluation of IAM policies that are not ours.
"""

import json

import pytest
from cfnlint.api import lint_all

from stack import ACCOUNT
from sweep import Sweep
from template import TEMPLATE

SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app-AbCdEf"
REPLICA = SECRET.replace("us-east-1", "eu-west-1")
DESCRIBE = "secretsmanager:DescribeSecret"
REPLICATE = "secretsmanager:ReplicateSecretToRegions"
REMOVE = "secretsmanager:RemoveRegionsFromReplication"


@pytest.fixture(scope="module")
def cautious(deploy):
    """The stack with its default parameters."""
    return deploy()


@pytest.fixture(scope="module")
def permissive(deploy):
    return deploy(AllowOverwrite="true", AllowRemoval="true")


@pytest.fixture(params=["cautious", "permissive"])
def either(request):
    return request.getfixturevalue(request.param)


def replicates(stack, *regions, force=None):
    request = {"secretsmanager:addreplicaregions": list(regions)} if regions else {}
    if force is not None:
        request["secretsmanager:forceoverwritereplicasecret"] = force
    return stack.allows("ReplicatorRole", REPLICATE, SECRET, **request)


def test_the_function_reads_secrets_in_its_own_region_and_in_allowed_ones(either):
    assert either.allows("ReplicatorRole", DESCRIBE, SECRET, region="us-east-1")
    assert either.allows("ReplicatorRole", DESCRIBE, REPLICA, region="eu-west-1")
    elsewhere = SECRET.replace("us-east-1", "eu-north-1")
    assert not either.allows("ReplicatorRole", DESCRIBE, elsewhere, region="eu-north-1")


def test_the_function_lists_secrets_in_its_own_region_only(either):
    assert either.allows("ReplicatorRole", "secretsmanager:ListSecrets", "*", region="us-east-1")
    assert not either.allows(
        "ReplicatorRole", "secretsmanager:ListSecrets", "*", region="eu-west-1"
    )


def test_the_function_replicates_to_allowed_regions_only(either):
    assert replicates(either, "eu-west-1", "us-west-2")
    assert not replicates(either, "eu-west-1", "eu-north-1")
    assert not replicates(either)


def test_the_function_replicates_no_secret_of_another_region(either):
    request = {"secretsmanager:addreplicaregions": ["us-west-2"]}

    assert not either.allows("ReplicatorRole", REPLICATE, REPLICA, region="eu-west-1", **request)


def test_the_function_overwrites_only_if_the_stack_allows_it(cautious, permissive):
    assert replicates(cautious, "eu-west-1", force="false")
    assert not replicates(cautious, "eu-west-1", force="true")
    assert replicates(permissive, "eu-west-1", force="true")
    assert not replicates(permissive, "eu-north-1", force="true")


def test_the_function_removes_replicas_only_if_the_stack_allows_it(cautious, permissive):
    assert not cautious.allows("ReplicatorRole", REMOVE, SECRET)
    assert permissive.allows("ReplicatorRole", REMOVE, SECRET)
    assert not permissive.allows("ReplicatorRole", REMOVE, REPLICA, region="eu-west-1")


@pytest.mark.parametrize(
    "action",
    [
        "GetSecretValue",
        "BatchGetSecretValue",
        "PutSecretValue",
        "UpdateSecret",
        "DeleteSecret",
        "StopReplicationToReplica",
        "TagResource",
    ],
)
def test_the_function_can_never_read_a_value_or_change_a_secret(action, either):
    for secret, region in [(SECRET, "us-east-1"), (REPLICA, "eu-west-1")]:
        assert not either.allows("ReplicatorRole", f"secretsmanager:{action}", secret, region)


def test_the_function_has_no_action_that_it_does_not_need(permissive):
    actions = set()
    for policy in permissive.policies("ReplicatorRole"):
        for statement in policy["Statement"]:
            action = statement["Action"]
            actions.update([action] if isinstance(action, str) else action)

    assert actions == {
        DESCRIBE,
        "secretsmanager:ListSecrets",
        REPLICATE,
        REMOVE,
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:Encrypt",
        # To its failure queue.
        "sqs:SendMessage",
    }
    assert permissive.managed_policies("ReplicatorRole") == {"AWSLambdaBasicExecutionRole"}


def test_the_sweep_invokes_the_function_and_looks_for_other_sweeps_and_no_more(cautious):
    client, sweep = cautious.client, cautious.outputs["SweepArn"]
    function = client("lambda").get_function_configuration(
        FunctionName=cautious.outputs["FunctionName"]
    )["FunctionArn"]

    assert cautious.allows("SweepRole", "lambda:InvokeFunction", function)
    assert not cautious.allows("SweepRole", "lambda:InvokeFunction", f"{function}-other")
    assert cautious.allows("SweepRole", "states:ListExecutions", sweep)
    assert not cautious.allows("SweepRole", "states:ListExecutions", f"{sweep}-other")
    assert not cautious.allows("SweepRole", "states:StartExecution", sweep)
    assert not cautious.allows("SweepRole", DESCRIBE, SECRET)
    assert cautious.managed_policies("SweepRole") == set()


def test_the_definition_is_amazon_states_language(cautious):
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any",
            "DefinitionString": json.dumps(Sweep.of(cautious).definition),
        },
    }

    assert lint_all(json.dumps({"Resources": {"Sweep": resource}})) == []


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
    assert json.loads(hourly["Target"]["Input"]) == {}
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
