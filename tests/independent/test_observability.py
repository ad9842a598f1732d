"""Checks alarms, metrics and dashboard against the output of the real binary.

The binary runs under AWS's Runtime Interface Emulator, with this project's emulator of Secrets Manager,
whose replication can fail. Ministack deploys the alarms and the dashboard from the template.
"""

import json
import re

import pytest

from emf import NAMESPACE, datapoints, fires, metric_of, metrics_of
from stack import ACCOUNT, TOPIC, processed
from template import ROOT, TEMPLATE, of_type

# Metrics of AWS, each with its one dimension: the developer guides of SQS, Lambda, Step Functions and EventBridge,
# "CloudWatch metrics".
AWS_METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
    ("AWS/Lambda", "Invocations", "FunctionName"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Throttles", "FunctionName"),
    ("AWS/Lambda", "AsyncEventsDropped", "FunctionName"),
    ("AWS/Lambda", "DestinationDeliveryFailures", "FunctionName"),
    ("AWS/States", "ExecutionsFailed", "StateMachineArn"),
    ("AWS/States", "ExecutionsTimedOut", "StateMachineArn"),
    ("AWS/States", "ExecutionsAborted", "StateMachineArn"),
    ("AWS/Events", "InvocationsFailedToBeSentToDlq", "RuleName"),
}


@pytest.fixture(scope="module")
def stack(cautious):
    return cautious


SWEEPS = {
    "limited sweep",
    "sweep of an empty Region",
    "sweep that repairs a secret",
    "sweep that repairs it again",
    "sweep that cannot read a secret",
}
# An event that fails three times.
FAILED = {"FailedEventsWaiting", "EventsDropped"}
# The alarms of each run: at the level full, and at the level essential.
FIRING = {
    "replicated": (set(), set()),
    "unchanged": (set(), set()),
    "failed": ({"ReplicasFailing", "FunctionErrors"} | FAILED, FAILED),
    "refused": ({"SecretsNeedAttention"}, {"SecretsUnresolved"}),
    # An explanation is an answer to a person.
    "explained": (set(), set()),
    "planned": (set(), set()),
    "before the removal": (set(), set()),
    "removed": (set(), set()),
    # No alarm fires over an error that the next attempt can fix.
    "not ready once": (set(), set()),
    "bad event": ({"BadEventsArriving", "FunctionErrors"} | FAILED, FAILED),
    "skipped": (set(), set()),
    "limited sweep": ({"SweepLimitReached"}, {"SecretsUnresolved"}),
    "calls of others": (set(), set()),
    "sweep of an empty Region": (set(), set()),
    # Another Region of the secret is refused.
    "sweep that repairs a secret": ({"SecretsNeedAttention"}, {"SecretsUnresolved"}),
    "sweep that repairs it again": ({"SecretsNeedAttention"}, {"SecretsUnresolved"}),
    "sweep that cannot read a secret": ({"SweepFailures"}, {"SecretsUnresolved"}),
}
LEVELS = {"full": 0, "essential": 1}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("what", FIRING)
def test_the_alarms_that_fire_are_those_that_should(what, level, levels):
    stack, alarms, run = levels[level].stack, levels[level].alarms, levels[level].runs[what]
    values = datapoints(run.lines) | metrics_of_services(run.answers, stack)

    firing = {name for name, alarm in alarms.items() if fires(alarm, values)}

    # The alarm expects a sweep in every period.
    silent = set() if what in SWEEPS else {"SweepSilent"}
    assert firing == FIRING[what][LEVELS[level]] | silent


def metrics_of_services(answers, stack):
    """Returns what Lambda and SQS write: Lambda drops an event after three errors, and the queue has it."""
    errors = sum("errorType" in answer for answer in answers)
    of_the_function = frozenset([("FunctionName", stack.resources["Replicator"])])
    queue = stack.resources["FailedEvents"].rpartition("/")[2]
    return {
        ("AWS/Lambda", "Errors", of_the_function): [errors],
        ("AWS/Lambda", "AsyncEventsDropped", of_the_function): [errors // 3],
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset([("QueueName", queue)])): [errors // 3],
    }


# The runs have no datapoints of these metrics of AWS.
OF_SERVICES = [
    name
    for name, row in of_type("AWS::CloudWatch::Alarm").items()
    if str(row["Properties"].get("Namespace")).startswith("AWS/")
    and name not in set().union(*(full for full, _ in FIRING.values()))
]


@pytest.mark.parametrize("name", OF_SERVICES)
@pytest.mark.parametrize("level", LEVELS)
def test_an_alarm_over_a_service_fires_if_every_period_has_one_and_not_if_none_has(name, level, levels):
    if level == "essential" and of_type("AWS::CloudWatch::Alarm")[name].get("Condition"):
        assert name not in levels[level].alarms
        return
    alarm = levels[level].alarms[name]

    def fires_at(value):
        return fires(alarm, *[{metric_of(alarm): [value]}] * alarm["EvaluationPeriods"])

    assert fires_at(1)
    assert not fires_at(0)


@pytest.mark.parametrize("level", LEVELS)
def test_a_lost_event_fires_an_alarm_even_if_its_datapoint_arrives_ten_minutes_late(level, levels):
    alarm, rules = levels[level].alarms["UndeliveredEventsLost"], rule_names(levels[level].stack)
    [metric] = metrics_of(alarm)
    assert {metric[2]} == {frozenset([("RuleName", name)]) for name in rules}

    # EventBridge writes the metric only if it is not zero.
    assert fires(alarm, {metric: [1]})
    assert fires(alarm, {}, {}, {metric: [1]})
    assert not fires(alarm, {})
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 900


def rule_names(stack):
    """Returns the names of the rules on the default bus whose failed deliveries no other metric counts."""
    rules = [name for name, row in processed(stack).items() if row["Type"] == "AWS::Events::Rule"]
    # Lambda counts the events that this rule does not deliver to the failure queue: AsyncEventsDropped.
    return {stack.resources[name].rpartition("/")[2] for name in rules if name != "FailureReported"}


def test_an_invalid_policy_is_an_error_of_the_function(runs):
    [answer] = runs["bad policy"].answers

    assert answer["errorType"] == "PolicyInvalid"
    assert "rulez" in answer["errorMessage"]
    assert any(line.get("error_type") == "PolicyInvalid" for line in runs["bad policy"].lines)


@pytest.mark.parametrize("sweep", ["true", "false"])
def test_the_dashboard_shows_every_alarm_and_without_the_sweep_its_silence_is_none(sweep, deploy):
    stack = deploy(SweepEnabled=sweep)
    [widget] = stack.widgets("alarm")

    assert ("SweepSilent" in stack.alarms()) == (sweep == "true")
    assert sorted(widget["alarms"]) == sorted(row["AlarmArn"] for row in stack.alarms().values())


@pytest.fixture(scope="module")
def seen(levels):
    return levels["full"].seen


def test_the_reference_lists_the_metrics_that_the_binary_writes(levels):
    page = (ROOT / "docs/REFERENCE.md").read_text().partition("## Metrics")[2]
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", page, re.M)
        for name in re.findall(r"`(\w+)`", row)
    }

    written = {level: {metric for _, metric, _ in levels[level].seen} for level in levels}

    assert written["full"] | written["essential"] == listed


def test_at_the_level_essential_the_function_writes_what_alarms_read_and_nothing_else(levels):
    level = levels["essential"]
    read = {key for alarm in level.alarms.values() for key in metrics_of(alarm)}

    assert {(namespace, metric, ()) for namespace, metric, _ in read if namespace == NAMESPACE} == level.seen


@pytest.mark.parametrize("level", LEVELS)
def test_the_metric_of_every_alarm_exists(level, levels):
    stack, seen = levels[level].stack, levels[level].seen
    for name, alarm in levels[level].alarms.items():
        for namespace, metric, dimensions in metrics_of(alarm):
            check_metric(name, namespace, metric, dict(dimensions), seen, stack)


def check_metric(where, namespace, metric, dimensions, seen, stack):
    if namespace == NAMESPACE:
        assert (namespace, metric, tuple(sorted(dimensions))) in seen, where
        return
    [(dimension, value)] = dimensions.items()
    assert (namespace, metric, dimension) in AWS_METRICS, where
    resources = {
        "QueueName": queue_names(stack),
        "FunctionName": {stack.outputs["FunctionName"]},
        "StateMachineArn": {stack.outputs["SweepArn"]},
        "RuleName": rule_names(stack),
    }
    assert value in resources[dimension], where


def queue_names(stack):
    return {stack.resources[queue].rpartition("/")[2] for queue in of_type("AWS::SQS::Queue")}


@pytest.mark.parametrize("level", LEVELS)
def test_every_queue_has_its_own_alarm(level, levels):
    stack = levels[level].stack
    watched = {
        value
        for alarm in levels[level].alarms.values()
        for _, _, dimensions in metrics_of(alarm)
        for name, value in dimensions
        if name == "QueueName"
    }

    assert watched == queue_names(stack)


@pytest.mark.parametrize("level", LEVELS)
def test_every_alarm_notifies_the_topic_when_it_fires_and_when_it_ends(level, levels):
    topic = levels[level].stack.outputs["AlarmTopicArn"]

    for name, alarm in levels[level].alarms.items():
        assert alarm["ActionsEnabled"], name
        assert (alarm["AlarmActions"], alarm["OKActions"]) == ([topic], [topic]), name


def test_the_topic_takes_messages_of_this_accounts_alarms_only(stack):
    attributes = stack.client("sns").get_topic_attributes(TopicArn=stack.outputs["AlarmTopicArn"])
    [statement] = json.loads(attributes["Attributes"]["Policy"])["Statement"]

    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_the_alarms_notify_a_topic_in_the_parameters_and_the_stack_creates_none(deploy):
    stack = deploy(AlarmTopicArn=TOPIC, AlarmEmail="on-call@example.com")

    assert stack.outputs["AlarmTopicArn"] == TOPIC
    assert len(stack.alarms()) == len(of_type("AWS::CloudWatch::Alarm")) - 1, "all but SecretsUnresolved"
    for name, alarm in stack.alarms().items():
        assert (alarm["AlarmActions"], alarm["OKActions"]) == ([TOPIC], [TOPIC]), name
    assert not [name for name in stack.resources if name.startswith(("AlarmTopic", "AlarmEmail"))]


def test_an_address_in_the_parameters_is_subscribed_to_the_topic(deploy):
    stack = deploy(AlarmEmail="on-call@example.com")
    subscribed = stack.client("sns").list_subscriptions_by_topic(
        TopicArn=stack.outputs["AlarmTopicArn"]
    )["Subscriptions"]

    assert [(row["Protocol"], row["Endpoint"]) for row in subscribed] == [
        ("email", "on-call@example.com")
    ]


def test_every_alarm_has_its_section_in_operations(levels):
    alarms = levels["full"].alarms | levels["essential"].alarms
    assert set(alarms) == set(of_type("AWS::CloudWatch::Alarm"))
    page = (ROOT / "docs/OPERATIONS.md").read_text()
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", page, re.M | re.S))

    for name, alarm in alarms.items():
        assert alarm["AlarmDescription"].endswith(f"See {name} in docs/OPERATIONS.md."), name
        for part in ("Meaning", "First check", "Remediation"):
            assert f"* **{part}**: " in sections[name], name
    assert {name for name, text in sections.items() if "* **Remediation**" in text} == set(alarms)


def test_a_namespace_in_the_parameters_reaches_function_alarms_and_dashboard(deploy):
    stack = deploy(MetricsNamespace="Team/Secrets")

    assert stack.function()["Environment"]["Variables"]["METRICS_NAMESPACE"] == "Team/Secrets"
    read = {key for alarm in stack.alarms().values() for key in metrics_of(alarm)}
    assert {namespace for namespace, _, _ in read} == {
        "Team/Secrets",
        "AWS/SQS",
        "AWS/Lambda",
        "AWS/States",
        "AWS/Events",
    }
    assert NAMESPACE not in json.dumps(stack.dashboard())


SEARCH = re.compile(r"""^SEARCH\('\{"(.+)",(\w+)\} MetricName="(\w+)"', 'Sum', 3600\)$""")


def test_the_metrics_of_every_widget_exist(stack, seen):
    shown = set()
    for widget in stack.widgets("metric"):
        for row in widget["metrics"]:
            if isinstance(row[0], dict):
                namespace, dimension, metric = SEARCH.match(row[0]["expression"]).groups()
                assert (namespace, metric, (dimension,)) in seen, widget["title"]
            else:
                namespace, metric, *rest = [part for part in row if isinstance(part, str)]
                dimensions = dict(zip(rest[::2], rest[1::2]))
                check_metric(widget["title"], namespace, metric, dimensions, seen, stack)
            shown.add(metric)

    assert shown >= {
        "ReplicasInSync",
        "ReplicasFailed",
        "ReplicasRefused",
        "ReplicasExcluded",
        "ReplicasOverwritten",
        "EventAge",
        "ReplicationTime",
        "SweepDrift",
    }


@pytest.mark.parametrize(
    "partition, console",
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
        ("aws-cn", "console.amazonaws.cn"),
    ],
)
def test_the_dashboard_is_in_the_console_of_the_partition(partition, console):
    # Ministack has one partition.
    url, variables = TEMPLATE["Outputs"]["DashboardUrl"]["Value"]["Fn::Sub"]
    domain = variables["Console"]
    while isinstance(domain, dict):
        condition, then, otherwise = domain["Fn::If"]
        reference, expected = TEMPLATE["Conditions"][condition]["Fn::Equals"]
        assert reference == {"Ref": "AWS::Partition"}
        domain = then if partition == expected else otherwise

    assert domain == console
    assert url.startswith("https://${Console}/cloudwatch/home?")


def test_the_level_essential_has_no_dashboard(levels):
    stack = levels["essential"].stack

    assert "Dashboard" not in stack.resources
    assert "DashboardUrl" not in stack.outputs
    assert stack.function()["Environment"]["Variables"]["OBSERVABILITY"] == "essential"


def test_no_widget_covers_another(stack):
    taken = set()
    for widget in stack.dashboard()["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        rows = range(widget["y"], widget["y"] + widget["height"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken
        assert max(columns) < 24
        taken |= cells
