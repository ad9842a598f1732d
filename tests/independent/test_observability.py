"""Checks alarms, dashboard and saved queries against the output of the real binary.

The binary runs under AWS's Runtime Interface Emulator, with this project's emulator of Secrets Manager,
whose replication can fail. Ministack deploys the alarms and the dashboard from the template.
"""

import json
import re
from collections import defaultdict
from dataclasses import dataclass

import pytest

import insights
from emf import datapoints, fires, metric_of, metrics_of
from observed import observe
from stack import ACCOUNT, TOPIC
from template import ROOT, TEMPLATE, of_type

NAMESPACE = "SecretReplicator"

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
def stack(deploy):
    return deploy()


@pytest.fixture(scope="module")
def alarms(stack):
    return stack.alarms()


@pytest.fixture(scope="module")
def runs(bootstrap, client, emulator, tmp_path_factory):
    return observe(bootstrap, client, emulator, tmp_path_factory.mktemp("runs"))


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
    "sweep that repairs a secret": set(),
    "sweep that repairs it again": set(),
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


def test_replicas_that_three_hourly_sweeps_find_in_progress_fire_an_alarm(alarms):
    alarm = alarms["ReplicasStayPending"]

    def fires_after(*pending):
        key = (NAMESPACE, "ReplicasPending", frozenset())
        return fires(alarm, *[{key: [count]} for count in pending])

    assert fires_after(1, 2, 1)
    assert not fires_after(1, 0, 1)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 3)


def test_a_sweep_that_stops_writing_metrics_is_noticed(alarms, runs):
    alarm = alarms["SweepSilent"]

    assert fires(alarm, {})
    assert not fires(alarm, datapoints(runs["sweep of an empty Region"].lines))
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 2)


@pytest.fixture(scope="module")
def nightly(deploy):
    return deploy(SweepSchedule="cron(0 3 * * ? *)", SilenceAlarmHours="48").alarms()


def test_the_period_of_the_silence_alarm_fits_the_schedule(nightly):
    assert nightly["SweepSilent"]["EvaluationPeriods"] == 48
    assert nightly["SweepSilent"]["DatapointsToAlarm"] == 48


def refusals(*hours):
    """Returns the datapoints of invocations that each report a refused Region."""
    return [(hour, "ReplicasRefused", 1) for hour in hours]


def test_a_refusal_that_each_sweep_reports_again_fires_one_alarm_that_ends_with_the_fix(alarms, nightly):
    for alarm, every in [(alarms["SecretsNeedAttention"], 1), (nightly["SecretsNeedAttention"], 24)]:
        late = [0.2, 0.05, 0, 0.25, 0.1]
        sweeps = refusals(*(number * every + late[number % 5] for number in range(10)))

        hours = alarmed(alarm, sweeps)

        # It fires with the first report, without a gap between the sweeps, and ends after two intervals.
        first, last = sweeps[0][0], sweeps[-1][0]
        assert first <= min(hours) <= first + 0.1
        assert last + 2 * every - 0.1 <= max(hours) <= last + 2 * every
        assert len(hours) == round((max(hours) - min(hours)) * 12) + 1
        assert not alarmed(alarm, [(hour, metric, 0) for hour, metric, _ in sweeps])


@dataclass(frozen=True)
class SweepMetrics:
    """The metrics of a sweep: one value of SweepLimited per slice, and one of SweepRepaired at its end."""

    ends: float  # In hours.
    repaired: int = 0
    limited: tuple = (0,)
    is_complete: bool = True

    def __iter__(self):
        yield from ((self.ends, "SweepLimited", value) for value in self.limited)
        if self.is_complete:
            yield self.ends, "SweepRepaired", self.repaired


def period_of(alarm):
    """Returns the period of an alarm in hours."""
    parts = [row["MetricStat"] for row in alarm.get("Metrics", []) if "MetricStat" in row]
    [seconds] = {part["Period"] for part in parts or [alarm]}
    return seconds / 3600


def alarmed(alarm, *series):
    """Returns the hours at which the alarm is in ALARM, if CloudWatch evaluates it every five minutes.

    The windows of its periods slide: user guide, "Alarm evaluation window".
    """
    values = [value for part in series for value in part]
    period, periods = period_of(alarm), alarm["EvaluationPeriods"]
    end = max(time for time, _, _ in values) + (periods + 1) * period
    hours = [minutes / 60 for minutes in range(0, int(end * 60), 5)]

    def window(end):
        found = defaultdict(list)
        for time, metric, value in values:
            if end - period < time <= end:
                found[NAMESPACE, metric, frozenset()].append(value)
        return found

    def windows(hour):
        return [window(hour - number * period) for number in range(periods)]

    return [hour for hour in hours if fires(alarm, *windows(hour))]


def hourly(*repaired, every=1, **rest):
    """Returns the sweeps of a schedule. Each starts up to 15 minutes late, as the schedule allows."""
    late = [0.2, 0.05, 0, 0.25, 0.1]
    return [
        SweepMetrics(number * every + late[number % 5], count, **rest)
        for number, count in enumerate(repaired)
    ]


@pytest.fixture(scope="module")
def drift(alarms):
    return lambda *sweeps: alarmed(alarms["DriftReturns"], *sweeps)


def test_drift_that_six_successive_sweeps_repair_fires_an_alarm(drift):
    assert drift(*hourly(0, 0, 1, 3, 1, 1, 2, 1, 0))
    assert drift(*hourly(*[1] * 24))
    # Sweeps of several slices: each has the value of the whole sweep once.
    assert drift(*hourly(*[1] * 6, limited=(0, 0, 0)))


def test_the_alarm_stays_while_drift_returns_and_ends_with_a_sweep_that_finds_none(drift):
    hours = drift(*hourly(*[1] * 24, 0, 1, 1, 1, 1, 1))

    assert max(hours) - min(hours) > 17
    assert len(hours) > 12 * 15
    assert 5 <= min(hours) <= 6.25 and max(hours) <= 24.25


@pytest.mark.parametrize(
    "sweeps",
    [
        hourly(*[0] * 24),
        hourly(1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0),
        hourly(*[1, 0] * 12),
        # A backfill: limited sweeps, the one that completes it, and then nothing to repair.
        [*hourly(*[100] * 10, limited=(0, 400)), SweepMetrics(10, 40), SweepMetrics(11), SweepMetrics(12)],
        # One sweep that repairs a lot, in many slices.
        [SweepMetrics(1, 5000, limited=(0,) * 40), *(SweepMetrics(hour) for hour in range(2, 9))],
        # One limited sweep among the six.
        [*hourly(1, 1, 1), SweepMetrics(3, 100, limited=(0, 7)), *hourly(0, 0, 0, 0, 1, 1)[4:]],
        # Each sweep ends early, for instance because a person stops it.
        hourly(*[1] * 24, is_complete=False),
        # Sweeps without drift hours later.
        [*hourly(*[1] * 5), SweepMetrics(30, 1), SweepMetrics(60, 1)],
    ],
    ids=[
        *("no drift", "five sweeps", "every second sweep", "backfill", "one large sweep"),
        *("one limited sweep", "incomplete sweeps", "sweeps far apart"),
    ],
)
def test_no_other_series_of_sweeps_fires_the_alarm_on_drift(sweeps, drift):
    assert drift(*sweeps) == []


@pytest.mark.parametrize("hours", TEMPLATE["Parameters"]["DriftAlarmHours"]["AllowedValues"])
def test_the_alarm_on_drift_fits_the_schedule(hours, deploy):
    alarm, every = deploy(DriftAlarmHours=hours).alarms()["DriftReturns"], int(hours) / 6

    assert alarmed(alarm, *hourly(*[1] * 12, every=every))
    assert not alarmed(alarm, *hourly(*[1] * 5, 0, *[1] * 5, every=every))
    # CloudWatch evaluates seven days at most.
    assert period_of(alarm) == int(hours)
    assert alarm["EvaluationPeriods"] * period_of(alarm) <= 7 * 24


@pytest.mark.parametrize("sweep", ["true", "false"])
def test_the_dashboard_shows_every_alarm_and_without_the_sweep_its_silence_is_none(sweep, deploy):
    stack = deploy(SweepEnabled=sweep)
    [widget] = widgets(stack, "alarm")

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


def widgets(stack, kind):
    return [
        widget["properties"] for widget in stack.dashboard()["widgets"] if widget["type"] == kind
    ]


SEARCH = re.compile(r"""^SEARCH\('\{"(.+)",(\w+)\} MetricName="(\w+)"', 'Sum', 3600\)$""")


def test_the_metrics_of_every_widget_exist(stack, seen):
    shown = set()
    for widget in widgets(stack, "metric"):
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


@pytest.fixture(scope="module")
def log_fields(runs):
    """The fields that a query can name, with their values. The fields of an array's elements are equal."""
    found = {}

    def discover(name, value):
        if isinstance(value, dict):
            for key, each in value.items():
                discover(f"{name}.{key}".strip("."), each)
        elif isinstance(value, list):
            for each in value:
                discover(f"{name}.*", each)
        else:
            found.setdefault(name, set()).add(value)

    for run in runs.values():
        discover("", run.lines)
    return {name.removeprefix("*."): values for name, values in found.items()}


KEYWORDS = {
    *("fields", "filter", "stats", "sort", "dedup", "limit", "asc", "desc", "by"),
    *("in", "and", "or", "like", "ispresent", "count", "min", "max"),
}
SAVED_QUERIES = of_type("AWS::Logs::QueryDefinition")


def check_query(title, query, log_fields):
    lines = [line for line in query.splitlines() if not line.lstrip().startswith("#")]
    text = " ".join(lines)
    for field in ("outcome", "reason"):
        listed = re.search(rf"{field} in \[(.*?)\]", text)
        for value in re.findall(r"[\"']([\w-]+)[\"']", listed[1] if listed else ""):
            assert value in log_fields[field], (title, value)
    words = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
    aliases = set(re.findall(r" as (\w+)", words))
    named = set(re.findall(r"@?[a-z_]+(?:\.\d+(?:\.\w+)?)?", words)) - KEYWORDS - aliases - {"as"}
    assert len(named) >= 4, title
    fields = {re.sub(r"\.\d+", ".*", name) for name in named}
    unknown = fields - log_fields.keys() - {"@timestamp", "@message"}
    assert not unknown, (title, unknown)


def test_every_query_names_fields_and_outcomes_that_the_log_has(stack, log_fields):
    shown = {row["title"]: row["query"].partition(" | ") for row in widgets(stack, "log")}
    assert [source for source, _, _ in shown.values()] == [f"SOURCE '{stack.outputs['LogGroupName']}'"]
    queries = {title: query for title, (_, _, query) in shown.items()}
    for name, row in SAVED_QUERIES.items():
        assert row["Properties"]["LogGroupNames"] == [{"Ref": "LogGroup"}], name
        queries[name] = row["Properties"]["QueryString"]

    # Those of the template: none is overlooked.
    text = (ROOT / "template.yaml").read_text()
    assert len(SAVED_QUERIES) == text.count("Type: AWS::Logs::QueryDefinition") > 0
    assert len(queries) == len(SAVED_QUERIES) + text.count('"query": "SOURCE')
    for title, query in queries.items():
        check_query(title, query, log_fields)


@pytest.fixture(scope="module")
def result(runs):
    """Runs a saved query on the log lines of all runs."""
    lines = [line for run in runs.values() for line in run.lines]
    return lambda name: insights.run(SAVED_QUERIES[name]["Properties"]["QueryString"], lines)


def test_a_query_finds_the_failures_with_their_remediation(result):
    rows = result("WhatFailedAndWhy")

    taken = [row for row in rows if row.get("secret_name") == "observed/taken"]
    assert len(taken) == 3
    assert all("remediation" in row or row["replicas.0.remediation"] for row in taken)
    assert {row["outcome"] for row in rows if "error_type" not in row} <= {"failed", "pending"}


def test_a_query_counts_the_sweeps_that_repaired_a_secret(result):
    repairs = {row["secret_name"]: row for row in result("DriftBySecret")}

    # Repaired twice, once, or only by an event.
    assert repairs["observed/drifting"]["sweeps"] == 2
    assert sum(repairs.get(f"observed/{name}", {}).get("sweeps", 0) for name in ("one", "two")) == 1
    assert "observed/good" not in repairs
    drifting = repairs["observed/drifting"]
    assert drifting["first_repair"] < drifting["last_repair"]
    assert [row["secret_name"] for row in result("DriftBySecret")][0] == "observed/drifting"


def test_a_query_lists_the_secrets_that_need_a_person_once_with_the_remediation(result):
    [row] = [row for row in result("WhichSecretsNeedAttention")]

    assert row["secret_name"] == "observed/refused"
    reasons = {row[f"replicas.{number}.reason"] for number in (0, 1)}
    assert reasons == {"region-not-allowed", "invalid-region"}
    assert all(row[f"replicas.{number}.remediation"] for number in (0, 1))


def test_a_query_says_who_changed_replicas_of_which_secret(result):
    rows = result("WhoChangedReplicas")

    assert [(row["reason"], row["calls"]) for row in rows] == [
        ("delete-blocked-by-replicas", 2),
        ("replication-changed-by-other", 1),
    ]
    # A call names its secret by name or by ARN.
    assert rows[0]["secret_name"] == "app/db"
    assert rows[1]["secret_arn"].endswith(":secret:app/db-a1b2c3")
    assert {row["principal"] for row in rows} == {"arn:aws:iam::012345678912:user/IAM-Admin"}
