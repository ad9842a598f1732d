"""Checks alarms, dashboard and saved queries against the output of the real binary.

The binary runs under AWS's Runtime Interface Emulator, with this project's emulator of Secrets Manager,
whose replication can fail. Ministack deploys the alarms and the dashboard from the template.
"""

import json
import re

import pytest

from emf import datapoints, rings
from observed import observe
from stack import ACCOUNT
from template import ROOT, TEMPLATE

NAMESPACE = "SecretReplicator"

# AWS's own metrics, each with its one dimension: the developer guides of SQS, Lambda and Step
# Functions, "CloudWatch metrics".
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
def stack(deploy):
    return deploy()


@pytest.fixture(scope="module")
def alarms(stack):
    return stack.alarms()


@pytest.fixture(scope="module")
def runs(bootstrap, client, emulator, tmp_path_factory):
    """The log lines and answers of the function, by what it was made to do."""
    return observe(bootstrap, client, emulator, tmp_path_factory.mktemp("runs"))


def values(run, function_name):
    """The datapoints of a run, and the one of Lambda itself that follows from the answers."""
    found = datapoints(run.lines)
    errors = sum("errorType" in answer for answer in run.answers)
    of_the_function = frozenset([("FunctionName", function_name)])
    found["AWS/Lambda", "Errors", of_the_function] = [errors]
    return found


SWEEPS = {"limited sweep", "sweep of an empty Region", "sweep that cannot read a secret"}
RINGING = {
    "replicated": set(),
    "unchanged": set(),
    "failed": {"ReplicasFailing", "FunctionErrors"},
    "refused": set(),
    "planned": set(),
    "before the removal": set(),
    "removed": set(),
    # What the next attempt may heal rings no alarm; what three do not, does.
    "not ready once": set(),
    "bad event": {"BadEventsArriving", "FunctionErrors"},
    "skipped": set(),
    "limited sweep": {"SweepLimitReached"},
    "sweep of an empty Region": set(),
    "sweep that cannot read a secret": {"SweepFailures"},
}


@pytest.mark.parametrize("what", RINGING)
def test_the_alarms_that_ring_are_those_that_should(what, runs, alarms, stack):
    found = values(runs[what], stack.resources["Replicator"])

    ringing = {name for name, alarm in alarms.items() if rings(alarm, found)}

    # A sweep is awaited all the time.
    silent = set() if what in SWEEPS else {"SweepSilent"}
    assert ringing == RINGING[what] | silent


# Of these metrics of AWS's no run has a datapoint.
OF_SERVICES = [
    name
    for name, row in TEMPLATE["Resources"].items()
    if row["Type"] == "AWS::CloudWatch::Alarm"
    and str(row["Properties"]["Namespace"]).startswith("AWS/")
    and name not in set().union(*RINGING.values())
]


@pytest.mark.parametrize("name", OF_SERVICES)
def test_an_alarm_over_a_service_rings_if_every_period_has_one_and_not_if_none_has(name, alarms):
    alarm = alarms[name]
    dimensions = frozenset((row["Name"], row["Value"]) for row in alarm["Dimensions"])

    def rings_at(value):
        values = {(alarm["Namespace"], alarm["MetricName"], dimensions): [value]}
        return rings(alarm, *[values] * alarm["EvaluationPeriods"])

    assert rings_at(1)
    assert not rings_at(0)


def test_a_function_that_cannot_start_is_an_error_of_the_function(runs):
    [answer] = runs["bad policy"].answers

    assert answer["errorType"] == "PolicyInvalid"
    assert any(line.get("error_type") == "PolicyInvalid" for line in runs["bad policy"].lines)


def test_replicas_that_three_hourly_sweeps_find_in_progress_ring_an_alarm(alarms):
    alarm = alarms["ReplicasStayPending"]

    def rings_after(*pending):
        key = (NAMESPACE, "ReplicasPending", frozenset())
        return rings(alarm, *[{key: [count]} for count in pending])

    assert rings_after(1, 2, 1)
    assert not rings_after(1, 0, 1)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 3)


def test_a_sweep_that_stops_writing_metrics_is_noticed(alarms, runs):
    alarm = alarms["SweepSilent"]

    assert rings(alarm, {})
    assert not rings(alarm, datapoints(runs["sweep of an empty Region"].lines))
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 2)


def test_silence_is_awaited_as_long_as_the_schedule_needs(deploy):
    nightly = deploy(SweepSchedule="cron(0 3 * * ? *)", SilenceAlarmHours="48").alarms()

    assert nightly["SweepSilent"]["EvaluationPeriods"] == 48
    assert nightly["SweepSilent"]["DatapointsToAlarm"] == 48


def test_without_the_sweep_its_silence_is_no_alarm(deploy):
    stack = deploy(SweepEnabled="false")

    assert "SweepSilent" not in stack.alarms()
    shown = stack.dashboard()["widgets"][0]["properties"]["alarms"]
    assert sorted(shown) == sorted(alarm["AlarmArn"] for alarm in stack.alarms().values())


@pytest.fixture(scope="module")
def seen(runs):
    """Each metric that the binary was seen to write: namespace, name, names of its dimensions."""
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


def test_every_alarm_looks_at_a_metric_that_there_is(alarms, seen, stack):
    for name, alarm in alarms.items():
        check_metric(
            name,
            alarm["Namespace"],
            alarm["MetricName"],
            {row["Name"]: row["Value"] for row in alarm["Dimensions"]},
            seen,
            stack,
        )


def check_metric(where, namespace, metric, dimensions, seen, stack):
    if namespace == NAMESPACE:
        assert (namespace, metric, tuple(sorted(dimensions))) in seen, where
        return
    assert len(dimensions) == 1, where
    [(dimension, value)] = dimensions.items()
    assert (namespace, metric, dimension) in AWS_METRICS, where
    queues = {
        stack.resources[queue].rpartition("/")[2]
        for queue in ("FailedEvents", "UndeliveredEvents", "UnstartedSweeps")
    }
    resources = {
        "QueueName": queues,
        "FunctionName": {stack.outputs["FunctionName"]},
        "StateMachineArn": {stack.outputs["SweepArn"]},
    }
    assert value in resources[dimension], where


def test_every_queue_has_an_alarm_of_its_own(alarms, stack):
    watched = {
        row["Value"]
        for alarm in alarms.values()
        for row in alarm["Dimensions"]
        if row["Name"] == "QueueName"
    }
    queues = {
        name for name, row in TEMPLATE["Resources"].items() if row["Type"] == "AWS::SQS::Queue"
    }

    assert watched == {stack.resources[queue].rpartition("/")[2] for queue in queues}


def test_every_alarm_tells_the_topic_when_it_rings_and_when_it_ends(alarms, stack):
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


def test_an_address_in_the_parameters_is_told(deploy):
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
        for part in ("Meaning", "First look", "Remediation"):
            assert f"* **{part}**: " in sections[name], name
    assert {name for name, text in sections.items() if "* **Remediation**" in text} == set(alarms)


def test_a_namespace_in_the_parameters_reaches_function_alarms_and_dashboard(deploy):
    stack = deploy(MetricsNamespace="Team/Secrets")
    variables = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs["FunctionName"]
    )["Environment"]["Variables"]

    assert variables["METRICS_NAMESPACE"] == "Team/Secrets"
    assert {alarm["Namespace"] for alarm in stack.alarms().values()} == {
        "Team/Secrets",
        "AWS/SQS",
        "AWS/Lambda",
        "AWS/States",
    }
    assert NAMESPACE not in json.dumps(stack.dashboard())


def widgets(stack, kind):
    return [
        widget["properties"] for widget in stack.dashboard()["widgets"] if widget["type"] == kind
    ]


SEARCH = re.compile(r"""^SEARCH\('\{"(.+)",(\w+)\} MetricName="(\w+)"', 'Sum', 3600\)$""")


def test_every_widget_shows_metrics_that_there_are(stack, seen):
    shown = set()
    for widget in widgets(stack, "metric"):
        for row in widget["metrics"]:
            if isinstance(row[0], dict):
                namespace, dimension, metric = SEARCH.match(row[0]["expression"]).groups()
                assert (namespace, metric, (dimension,)) in seen, widget["title"]
                shown.add(metric)
                continue
            namespace, metric, *rest = [part for part in row if isinstance(part, str)]
            dimensions = dict(zip(rest[::2], rest[1::2]))
            check_metric(widget["title"], namespace, metric, dimensions, seen, stack)
            shown.add(metric)

    assert shown >= {
        "ReplicasInSync",
        "ReplicasFailed",
        "ReplicasRefused",
        "EventAge",
        "ReplicationTime",
        "SweepDrift",
    }


def test_the_dashboard_shows_every_alarm(stack, alarms):
    [widget] = widgets(stack, "alarm")

    assert sorted(widget["alarms"]) == sorted(alarm["AlarmArn"] for alarm in alarms.values())


def test_no_widget_covers_another(stack):
    taken = set()
    for widget in stack.dashboard()["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        rows = range(widget["y"], widget["y"] + widget["height"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken
        assert max(columns) < 24
        taken |= cells


@pytest.fixture(scope="module")
def log_fields(runs):
    """Every field that a query may name, as Logs Insights would discover it, with its values."""
    found = {}

    def discover(name, value):
        if isinstance(value, dict):
            for key, each in value.items():
                discover(f"{name}.{key}" if name else key, each)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                discover(f"{name}.{index}", each)
        else:
            found.setdefault(name, set()).add(value)

    for run in runs.values():
        for line in run.lines:
            discover("", line)
    # A secret may have any number of replicas: what is seen of one may stand in each.
    for name in list(found):
        if match := re.fullmatch(r"replicas\.\d+\.(\w+)", name):
            for index in range(3):
                same = found.setdefault(f"replicas.{index}.{match[1]}", set())
                same.update(found[name])
    return found


def queries(stack):
    saved = {
        name: row["Properties"]["QueryString"]
        for name, row in TEMPLATE["Resources"].items()
        if row["Type"] == "AWS::Logs::QueryDefinition"
    }
    shown = {row["title"]: row["query"] for row in widgets(stack, "log")}
    return saved | shown


def test_every_query_names_fields_and_outcomes_that_the_log_has(stack, log_fields):
    assert queries(stack)
    for title, query in queries(stack).items():
        lines = [line for line in query.splitlines() if not line.lstrip().startswith("#")]
        text = re.sub(r"^SOURCE '(.*?)' \|", "", " ".join(lines))
        outcomes = re.search(r"outcome in \[(.*?)\]", text)
        for outcome in re.findall(r"[\"'](\w+)[\"']", outcomes[1] if outcomes else ""):
            assert outcome in log_fields["outcome"], (title, outcome)
        words = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
        named = set(re.findall(r"@?[a-z_]+(?:\.\d+(?:\.\w+)?)?", words)) - KEYWORDS
        assert len(named) >= 5, title
        unknown = named - log_fields.keys() - {"@timestamp", "@message"}
        assert not unknown, (title, unknown)


KEYWORDS = {
    *("fields", "filter", "sort", "limit", "asc", "desc"),
    *("in", "or", "like", "ispresent"),
}


def test_the_queries_read_the_functions_log(stack):
    for row in TEMPLATE["Resources"].values():
        if row["Type"] == "AWS::Logs::QueryDefinition":
            assert row["Properties"]["LogGroupNames"] == [{"Ref": "LogGroup"}]
    [widget] = widgets(stack, "log")
    assert widget["query"].startswith(f"SOURCE '{stack.outputs['LogGroupName']}' | ")
