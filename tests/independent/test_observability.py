"""Checks alarms, metrics and dashboard against the output of the real binary.

The binary runs under AWS's Runtime Interface Emulator, with this project's emulator of Secrets Manager,
whose replication can fail. Ministack deploys the alarms and the dashboard from the template.
"""

import json
import re

import pytest

from emf import NAMESPACE, datapoints, fires, metric_of, metrics_of
from stack import ACCOUNT, TOPIC
from template import ROOT, TEMPLATE, of_type

# Metrics of AWS, each with its one dimension: the developer guides of SQS, Lambda and Step Functions,
# "CloudWatch metrics".
AWS_METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
    ("AWS/Lambda", "Invocations", "FunctionName"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Throttles", "FunctionName"),
    ("AWS/States", "ExecutionsFailed", "StateMachineArn"),
    ("AWS/States", "ExecutionsTimedOut", "StateMachineArn"),
    ("AWS/States", "ExecutionsAborted", "StateMachineArn"),
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
FIRING = {
    "replicated": set(),
    "unchanged": set(),
    "failed": {"ReplicasFailing", "FunctionErrors"},
    "refused": {"SecretsNeedAttention"},
    # An explanation is an answer to a person.
    "explained": set(),
    "planned": set(),
    "before the removal": set(),
    "removed": set(),
    # No alarm fires over an error that the next attempt can fix.
    "not ready once": set(),
    "bad event": {"BadEventsArriving", "FunctionErrors"},
    "skipped": set(),
    "limited sweep": {"SweepLimitReached"},
    "calls of others": set(),
    "sweep of an empty Region": set(),
    # Another Region of the secret is refused.
    "sweep that repairs a secret": {"SecretsNeedAttention"},
    "sweep that repairs it again": {"SecretsNeedAttention"},
    "sweep that cannot read a secret": {"SweepFailures"},
}


@pytest.mark.parametrize("what", FIRING)
def test_the_alarms_that_fire_are_those_that_should(what, runs, alarms, stack):
    values = datapoints(runs[what].lines)
    # Lambda writes this metric itself.
    errors = sum("errorType" in answer for answer in runs[what].answers)
    of_the_function = frozenset([("FunctionName", stack.resources["Replicator"])])
    values["AWS/Lambda", "Errors", of_the_function] = [errors]

    firing = {name for name, alarm in alarms.items() if fires(alarm, values)}

    # The alarm expects a sweep in every period.
    silent = set() if what in SWEEPS else {"SweepSilent"}
    assert firing == FIRING[what] | silent


# The runs have no datapoints of these metrics of AWS.
OF_SERVICES = [
    name
    for name, row in of_type("AWS::CloudWatch::Alarm").items()
    if str(row["Properties"].get("Namespace")).startswith("AWS/")
    and name not in set().union(*FIRING.values())
]


@pytest.mark.parametrize("name", OF_SERVICES)
def test_an_alarm_over_a_service_fires_if_every_period_has_one_and_not_if_none_has(name, alarms):
    alarm = alarms[name]

    def fires_at(value):
        return fires(alarm, *[{metric_of(alarm): [value]}] * alarm["EvaluationPeriods"])

    assert fires_at(1)
    assert not fires_at(0)


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
def seen(runs):
    """The metrics in the output of the binary: namespace, name, names of the dimensions."""
    every = [line for run in runs.values() for line in run.lines]
    return {
        (namespace, metric, tuple(sorted(name for name, _ in dimensions)))
        for namespace, metric, dimensions in datapoints(every)
    }


def test_the_reference_lists_the_metrics_that_the_binary_writes(seen):
    page = (ROOT / "docs/REFERENCE.md").read_text().partition("## Metrics")[2]
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", page, re.M)
        for name in re.findall(r"`(\w+)`", row)
    }

    assert {metric for _, metric, _ in seen} == listed


def test_the_costs_in_the_deployment_guide_count_every_metric_and_alarm(seen, alarms):
    page = (ROOT / "docs/DEPLOY.md").read_text()
    [(total, by_region)] = re.findall(r"^\| metrics: (\d+), and (\d+) per Region \|", page, re.M)
    [(single, three)] = re.findall(r"^\| alarms: .*? \| \((\d+) \+ (\d+)\) \*", page, re.M)
    billed = [len(metrics_of(alarm)) for alarm in alarms.values()]

    assert int(total) == len({metric for _, metric, dimensions in seen if not dimensions})
    assert int(by_region) == len({metric for _, metric, dimensions in seen if dimensions})
    assert int(single) == billed.count(1)
    assert int(single) + int(three) == sum(billed)


def test_the_metric_of_every_alarm_exists(alarms, seen, stack):
    for name, alarm in alarms.items():
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
    }
    assert value in resources[dimension], where


def queue_names(stack):
    return {stack.resources[queue].rpartition("/")[2] for queue in of_type("AWS::SQS::Queue")}


def test_every_queue_has_its_own_alarm(alarms, stack):
    watched = {
        value
        for alarm in alarms.values()
        for _, _, dimensions in metrics_of(alarm)
        for name, value in dimensions
        if name == "QueueName"
    }

    assert watched == queue_names(stack)


def test_every_alarm_notifies_the_topic_when_it_fires_and_when_it_ends(alarms, stack):
    topic = stack.outputs["AlarmTopicArn"]

    for name, alarm in alarms.items():
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
    assert len(stack.alarms()) == len(of_type("AWS::CloudWatch::Alarm"))
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


def test_every_alarm_has_its_section_in_operations(alarms):
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


def test_no_widget_covers_another(stack):
    taken = set()
    for widget in stack.dashboard()["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        rows = range(widget["y"], widget["y"] + widget["height"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken
        assert max(columns) < 24
        taken |= cells
