"""Compares the roles of the template with the calls of the whole test suite.

A stack must allow every call of a function with its settings, and nothing that no test calls.
`make test-permissions` runs this module after the suite. Ministack deploys the roles and evaluates their
policies.
"""

import os
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from permissions import callers
from stack import ACCOUNT, BUS, KEY, TOPIC, Request, allows
from sweep import Sweep


@pytest.fixture(scope="session")
def seen():
    """The functions of the whole suite, with their requests."""
    files = [Path(path) for path in os.environ.get("CALLS", "").split()]
    missing = [str(path) for path in files if not path.is_file()]
    if missing or not files:
        pytest.exit(f"no calls in {missing or 'CALLS'}: run `make test-permissions`", 2)
    return callers(files)


@pytest.fixture(scope="session")
def role_of(deploy):
    """Returns the statements of the function's role in a stack with these parameters."""
    stacks = {}

    def role_of(caller, **parameters):
        parameters = caller.parameters | parameters
        key = caller.region, tuple(sorted(parameters.items()))
        if key not in stacks:
            stacks[key] = deploy(region=caller.region, **parameters)
        return stacks[key].statements("ReplicatorRole")

    return role_of


def actions(statement):
    action = statement["Action"]
    return [action] if isinstance(action, str) else action


def needed(statements, requests):
    """Yields the actions, by statement, without which one of the requests would be denied."""
    for index, statement in enumerate(statements):
        others = statements[:index] + statements[index + 1 :]
        for action in actions(statement):
            rest = [row for row in actions(statement) if row != action]
            without = others + ([statement | {"Action": rest}] if rest else [])
            if any(allows(statements, row) and not allows(without, row) for row in requests):
                yield statement["Sid"], action


def every(statements):
    found = {(row["Sid"], action) for row in statements for action in actions(row)}
    # A wildcard counts as needed even if only one of its actions is.
    assert not any("*" in action or "?" in action for _, action in found)
    return found


def elsewhere(request):
    """Returns the same request in another account."""
    return replace(request, resource=request.resource.replace(ACCOUNT, "999999999999"))


def alike(request):
    """Returns the same request on a resource with a longer name."""
    return replace(request, resource=f"{request.resource}-other")


def test_the_whole_suite_was_seen(seen):
    called = {request.action for requests in seen.values() for request in requests}

    assert called == {
        "secretsmanager:DescribeSecret",
        "secretsmanager:ListSecrets",
        "secretsmanager:ReplicateSecretToRegions",
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:StopReplicationToReplica",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:Encrypt",
    }
    for parts in product([False, True], repeat=2):
        assert parts in {(caller.overwrite, caller.removal) for caller in seen}
    assert {bool(caller.keys) for caller in seen} == {False, True}
    assert len({caller.region for caller in seen}) >= 5


def test_each_call_is_allowed_to_a_stack_with_the_settings_of_its_function(seen, role_of):
    for caller, requests in seen.items():
        role = role_of(caller)

        denied = [request for request in requests if not allows(role, request)]

        assert denied == [], caller


def test_no_call_is_allowed_in_another_account(seen, role_of):
    for caller, requests in seen.items():
        role = role_of(caller)
        abroad = [elsewhere(row) for row in requests if row.resource != "*"]

        assert abroad or {row.action for row in requests} == {"secretsmanager:ListSecrets"}
        assert [row for row in abroad if allows(role, row)] == [], caller


SWITCHES = {
    "secretsmanager:RemoveRegionsFromReplication": {"AllowRemoval": "false"},
    "secretsmanager:StopReplicationToReplica": {"AllowPromotion": "false"},
    "kms:Decrypt": {"KmsKeyArns": ""},
    "kms:GenerateDataKey": {"KmsKeyArns": ""},
    "kms:Encrypt": {"KmsKeyArns": ""},
}


def test_a_call_that_a_parameter_allows_is_denied_without_it(seen, role_of):
    tried = set()
    for caller, requests in seen.items():
        for request in requests:
            off = SWITCHES.get(request.action, {})
            if dict(request.context).get("secretsmanager:forceoverwritereplicasecret") == "true":
                off = {"AllowOverwrite": "false"}
            if off:
                assert not allows(role_of(caller, **off), request), (caller, request)
                tried |= off.keys()

    assert tried == {"AllowRemoval", "AllowOverwrite", "AllowPromotion", "KmsKeyArns"}


def of_lambda(stack):
    """Yields the requests of Lambda with the function's role, as the function's configuration implies."""
    config = stack.function()
    if group := config.get("LoggingConfig", {}).get("LogGroup"):
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:log-stream:2026/01/01/[$LATEST]0"
        yield from (Request("logs:CreateLogStream", arn), Request("logs:PutLogEvents", arn))
    if config["TracingConfig"]["Mode"] == "Active":
        yield Request("xray:PutTraceSegments", "*")
        yield Request("xray:PutTelemetryRecords", "*")
    asynchronous = stack.client("lambda").get_function_event_invoke_config(
        FunctionName=stack.outputs["FunctionName"], Qualifier="$LATEST"
    )
    sends = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents"}
    for row in asynchronous["DestinationConfig"].values():
        if arn := row.get("Destination"):
            yield Request(sends[arn.split(":")[2]], arn)


def test_the_function_is_allowed_nothing_that_no_test_needs(seen, role_of, deploy):
    used = set()
    for caller, requests in seen.items():
        used |= set(needed(role_of(caller), requests))
    given = set()
    topic, bus = {"OnSuccessTopicArn": TOPIC}, {"OnSuccessEventBusArn": BUS}
    for destination in (topic, bus, {"FailureMessages": "text"}):
        allowed = dict.fromkeys(["AllowOverwrite", "AllowRemoval", "AllowPromotion"], "true")
        stack = deploy(**allowed, KmsKeyArns=KEY, **destination)
        role = stack.statements("ReplicatorRole")
        used |= set(needed(role, list(of_lambda(stack))))
        given |= every(role)
        assert [row for row in of_lambda(stack) if not allows(role, row)] == []
        assert stack.managed_policies("ReplicatorRole") == []

    assert given == used


# The permissions with which Step Functions writes a log: developer guide, "Logging using CloudWatch Logs".
VENDED_LOGS = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery"),
    *("ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)


def of_the_sweep(stack):
    """Yields the requests of the state machine's tasks, and those that write its log."""
    calls = {
        "arn:aws:states:::lambda:invoke": (
            "lambda:InvokeFunction",
            "FunctionName",
            stack.function()["FunctionArn"],
        ),
        "arn:aws:states:::aws-sdk:sfn:listExecutions": (
            "states:ListExecutions",
            "StateMachineArn",
            stack.outputs["SweepArn"],
        ),
    }
    for state in Sweep.of(stack).definition["States"].values():
        if state["Type"] == "Task":
            action, argument, resource = calls[state["Resource"]]
            values = (resource, "{% $states.context.StateMachine.Id %}")
            assert state["Arguments"][argument] in values
            yield Request(action, resource)
    yield from (Request(f"logs:{action}", "*") for action in VENDED_LOGS)


def of_the_schedule(stack):
    schedule = stack.client("scheduler").get_schedule(Name=stack.resources["SweepStart"])
    yield Request("states:StartExecution", schedule["Target"]["Arn"])
    yield Request("sqs:SendMessage", schedule["Target"]["DeadLetterConfig"]["Arn"])


@pytest.mark.parametrize(
    "role, requests", [("SweepRole", of_the_sweep), ("SweepStartRole", of_the_schedule)]
)
def test_sweep_and_schedule_are_allowed_their_calls_and_nothing_else(role, requests, cautious):
    given, made = cautious.statements(role), list(requests(cautious))

    assert [row for row in made if not allows(given, row)] == []
    named = [row for row in made if row.resource != "*"]
    assert len({row.action for row in named}) == 2
    assert [row for row in named if allows(given, elsewhere(row)) or allows(given, alike(row))] == []
    assert set(needed(given, made)) == every(given)
    assert cautious.managed_policies(role) == []
