"""Each call that functions were seen to make is allowed to a stack with their settings, and nothing is
allowed that nobody was seen to need. `make test-permissions` runs it after the whole suite.

Ministack makes the roles of the template, and decides.
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
def roles(deploy):
    """The statements of a role in a stack with these parameters."""
    made = {}

    def roles(role, region="us-east-1", **parameters):
        key = region, tuple(sorted(parameters.items()))
        if key not in made:
            made[key] = deploy(region=region, **parameters)
        return statements(made[key], role)

    return roles


def statements(stack, role):
    return [row for policy in stack.policies(role) for row in policy["Statement"]]


def actions(statement):
    action = statement["Action"]
    return [action] if isinstance(action, str) else action


def needed(statements, requests):
    """The actions, by statement, without which one of the requests would be denied."""
    for index, statement in enumerate(statements):
        others = statements[:index] + statements[index + 1 :]
        for action in actions(statement):
            rest = [row for row in actions(statement) if row != action]
            without = others + ([statement | {"Action": rest}] if rest else [])
            if any(allows(statements, row) and not allows(without, row) for row in requests):
                yield statement["Sid"], action


def every(statements):
    found = {(row["Sid"], action) for row in statements for action in actions(row)}
    # A wildcard would be needed as soon as one of its actions is.
    assert not any("*" in action or "?" in action for _, action in found)
    return found


def elsewhere(request):
    """The same request in another account."""
    return replace(request, resource=request.resource.replace(ACCOUNT, "999999999999"))


def alike(request):
    """The same request on a resource with a longer name."""
    return replace(request, resource=f"{request.resource}-other")


def test_the_whole_suite_was_seen(seen):
    called = {request.action for requests in seen.values() for request in requests}

    assert called == {
        "secretsmanager:DescribeSecret",
        "secretsmanager:ListSecrets",
        "secretsmanager:ReplicateSecretToRegions",
        "secretsmanager:RemoveRegionsFromReplication",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:Encrypt",
    }
    # with and without allowed Regions, overwriting, removal and keys.
    for parts in product([False, True], repeat=2):
        assert parts in {(caller.overwrite, caller.removal) for caller in seen}
    assert {bool(caller.keys) for caller in seen} == {False, True}
    assert len({caller.region for caller in seen}) >= 5


def test_each_call_is_allowed_to_a_stack_with_the_settings_of_its_function(seen, roles):
    for caller, requests in seen.items():
        role = roles("ReplicatorRole", caller.region, **caller.parameters)

        denied = [request for request in requests if not allows(role, request)]

        assert denied == [], caller


def test_no_call_is_allowed_in_another_account(seen, roles):
    for caller, requests in seen.items():
        role = roles("ReplicatorRole", caller.region, **caller.parameters)
        abroad = [elsewhere(row) for row in requests if row.resource != "*"]

        assert abroad or {row.action for row in requests} == {"secretsmanager:ListSecrets"}
        assert [row for row in abroad if allows(role, row)] == [], caller


SWITCHES = {
    "secretsmanager:RemoveRegionsFromReplication": {"AllowRemoval": "false"},
    "kms:Decrypt": {"KmsKeyArns": ""},
    "kms:GenerateDataKey": {"KmsKeyArns": ""},
    "kms:Encrypt": {"KmsKeyArns": ""},
}


def test_a_call_that_a_parameter_allows_is_denied_without_it(seen, roles):
    tried = set()
    for caller, requests in seen.items():
        for request in requests:
            off = SWITCHES.get(request.action, {})
            if dict(request.context).get("secretsmanager:forceoverwritereplicasecret") == "true":
                off = {"AllowOverwrite": "false"}
            if off:
                role = roles("ReplicatorRole", caller.region, **caller.parameters | off)
                assert not allows(role, request), (caller, request)
                tried |= off.keys()

    assert tried == {"AllowRemoval", "AllowOverwrite", "KmsKeyArns"}


def of_lambda(stack):
    """What Lambda does in the name of the function's role, by how the function is set up."""
    of_function = stack.client("lambda")
    name = stack.outputs["FunctionName"]
    config = of_function.get_function_configuration(FunctionName=name)
    if group := config.get("LoggingConfig", {}).get("LogGroup"):
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:log-stream:2026/01/01/[$LATEST]0"
        yield from (request("logs:CreateLogStream", arn), request("logs:PutLogEvents", arn))
    if config["TracingConfig"]["Mode"] == "Active":
        yield request("xray:PutTraceSegments", "*")
        yield request("xray:PutTelemetryRecords", "*")
    asynchronous = of_function.get_function_event_invoke_config(
        FunctionName=name, Qualifier="$LATEST"
    )
    sends = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "events": "events:PutEvents"}
    for row in asynchronous["DestinationConfig"].values():
        if arn := row.get("Destination"):
            yield request(sends[arn.split(":")[2]], arn)


def request(action, resource):
    return Request(action, resource, "us-east-1")


def test_the_function_is_allowed_nothing_that_it_was_not_seen_to_need(seen, roles, deploy):
    used = set()
    for caller, requests in seen.items():
        used |= set(needed(roles("ReplicatorRole", caller.region, **caller.parameters), requests))
    given = set()
    for destination in ({"OnSuccessTopicArn": TOPIC}, {"OnSuccessEventBusArn": BUS}):
        stack = deploy(AllowOverwrite="true", AllowRemoval="true", KmsKeyArns=KEY, **destination)
        role = statements(stack, "ReplicatorRole")
        used |= set(needed(role, list(of_lambda(stack))))
        given |= every(role)
        assert [row for row in of_lambda(stack) if not allows(role, row)] == []
        assert stack.managed_policies("ReplicatorRole") == set()

    assert given == used


# What Step Functions needs in order to write a log, of the developer guide's "Logging using CloudWatch
# Logs".
VENDED_LOGS = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)


def of_the_sweep(stack):
    """What the state machine's tasks call."""
    function = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs["FunctionName"]
    )["FunctionArn"]
    calls = {
        "arn:aws:states:::lambda:invoke": ("lambda:InvokeFunction", "FunctionName", function),
        "arn:aws:states:::aws-sdk:sfn:listExecutions": (
            "states:ListExecutions",
            "StateMachineArn",
            stack.outputs["SweepArn"],
        ),
    }
    for state in Sweep.of(stack).definition["States"].values():
        if state["Type"] == "Task":
            action, argument, resource = calls[state["Resource"]]
            assert state["Arguments"][argument] in (
                resource,
                "{% $states.context.StateMachine.Id %}",
            )
            yield request(action, resource)
    yield from (request(f"logs:{action}", "*") for action in VENDED_LOGS)


def of_the_schedule(stack):
    schedule = stack.client("scheduler").get_schedule(Name=stack.resources["SweepStart"])
    yield request("states:StartExecution", schedule["Target"]["Arn"])
    yield request("sqs:SendMessage", schedule["Target"]["DeadLetterConfig"]["Arn"])


@pytest.mark.parametrize(
    "role, requests", [("SweepRole", of_the_sweep), ("SweepStartRole", of_the_schedule)]
)
def test_sweep_and_schedule_are_allowed_what_they_do_and_nothing_else(role, requests, deploy):
    stack = deploy()
    given, done = statements(stack, role), list(requests(stack))

    assert [row for row in done if not allows(given, row)] == []
    named = [row for row in done if row.resource != "*"]
    assert len({row.action for row in named}) == 2
    assert [row for row in named if allows(given, elsewhere(row)) or allows(given, alike(row))] == []
    assert set(needed(given, done)) == every(given)
    assert stack.managed_policies(role) == set()
