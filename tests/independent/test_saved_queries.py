"""Runs the saved queries of CloudWatch Logs Insights on the log of the real binary."""

import json
import re

import pytest

import insights
from template import ROOT, of_type


# Lambda's report of an invocation that it ended (developer guide, "Lambda Telemetry API Event schema reference").
ENDED_BY_LAMBDA = {
    "time": "2026-01-01T00:00:09.000Z",
    "type": "platform.report",
    "record": {"requestId": "r", "metrics": {"durationMs": 180000.0}, "status": "timeout", "errorType": "Sandbox.Timedout"},
}


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

    discover("", [ENDED_BY_LAMBDA])
    for run in runs.values():
        discover("", run.lines)
    return {name.removeprefix("*."): values for name, values in found.items()}


KEYWORDS = {
    *("fields", "filter", "parse", "stats", "sort", "dedup", "limit", "asc", "desc", "by"),
    *("in", "and", "or", "like", "ispresent", "coalesce"),
    *("count", "count_distinct", "min", "max", "sortsLast", "latest"),
}
SAVED_QUERIES = of_type("AWS::Logs::QueryDefinition")


def check_query(title, query, log_fields):
    lines = [line for line in query.splitlines() if not line.lstrip().startswith("#")]
    text = " ".join(lines)
    for field in ("outcome", "reason"):
        listed = re.search(rf"{field} in \[(.*?)\]", text)
        for value in re.findall(r"[\"']([\w-]+)[\"']", listed[1] if listed else ""):
            assert value in log_fields[field], (title, value)
    parsed = re.findall(r"\(\?<(\w+)>", text)
    words = re.sub(r"/[^/]*/|\"[^\"]*\"|'[^']*'", "", text)
    aliases = {*re.findall(r" as (\w+)", words), *parsed}
    named = set(re.findall(r"@?[A-Za-z_]+(?:\.\w+)*", words)) - KEYWORDS - aliases - {"as"}
    assert len(named) >= 5, title
    fields = {re.sub(r"\.\d+", ".*", name) for name in named}
    unknown = fields - log_fields.keys() - {"@timestamp", "@message"}
    assert not unknown, (title, unknown)


def test_every_query_names_fields_and_outcomes_that_the_log_has(cautious, log_fields):
    shown = {row["title"]: row["query"].partition(" | ") for row in cautious.widgets("log")}
    assert [source for source, _, _ in shown.values()] == [f"SOURCE '{cautious.outputs['LogGroupName']}'"]
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


def test_a_query_finds_an_invocation_that_lambda_ended():
    query = SAVED_QUERIES["WhatFailedAndWhy"]["Properties"]["QueryString"]
    succeeded = ENDED_BY_LAMBDA | {"record": {"requestId": "s", "status": "success"}}

    [row] = insights.run(query, [succeeded, ENDED_BY_LAMBDA])

    assert (row["record.status"], row["record.errorType"]) == ("timeout", "Sandbox.Timedout")


def test_a_query_counts_the_sweeps_that_repaired_a_secret_and_names_who_changed_its_replicas(result):
    rows = result("DriftBySecret")
    repairs = {row["secret"]: row for row in rows}

    # Repaired twice although another Region is refused, once, or only by an event.
    assert repairs["observed/drifting"]["sweeps"] == 2
    assert sum(repairs.get(f"observed/{name}", {}).get("sweeps", 0) for name in ("one", "two")) == 1
    assert "observed/good" not in repairs
    assert rows[0]["secret"] == "observed/drifting"
    # The call names the secret by its ARN.
    drifting = repairs["observed/drifting"]
    assert drifting["first_record"] < drifting["last_record"]
    assert (drifting["calls_of_others"], drifting["principals"]) == (1, 1)
    assert drifting["one_principal"] == "arn:aws:iam::012345678912:user/IAM-Admin"
    # The replicas of this secret were changed by another principal, but no sweep repaired them.
    assert "app/db" not in repairs
    [limited] = [repairs[name] for name in repairs if name in ("observed/one", "observed/two")]
    assert (limited["calls_of_others"], limited["one_principal"]) == (0, None)


def test_a_query_lists_the_secrets_that_need_a_person_once_with_the_remediation(result):
    rows = result("WhichSecretsNeedAttention")
    assert sorted(row["name"] for row in rows) == ["observed/drifting", "observed/refused"]

    [row] = [row for row in rows if row["name"] == "observed/refused"]
    assert "region-not-allowed" in row["summary"] and "invalid-region" in row["summary"]
    record = json.loads(row["record"])
    assert {replica["reason"] for replica in record["replicas"]} == {"region-not-allowed", "invalid-region"}
    assert all(replica["remediation"] for replica in record["replicas"])


def secret_line(second, name, outcome, *replicas, **fields):
    arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-a1b2c3"
    line = {"timestamp": f"2026-01-01T00:00:{second:02}.000Z", "message": f"{name}: {outcome}"}
    line |= {"outcome": outcome, "trigger": "CreateSecret", "secret_arn": arn, "secret_name": name}
    return line | {"rules": ["all"], "replicas": list(replicas)} | fields


def region_entry(region, status, reason=None, remediation=None):
    entry = {"region": region, "action": "refuse", "status": status, "reason": reason, "remediation": remediation}
    return {key: value for key, value in entry.items() if value is not None}


def test_the_query_finds_a_refusal_beside_any_other_outcome_until_it_is_fixed():
    refused = region_entry("eu-west-9", "refused", "region-not-allowed", "name an allowed Region")
    failed = region_entry("eu-west-1", "failed", "throttled", "none")
    excluded = [region_entry(f"us-west-{n}", "refused", "forbidden-by-policy") for n in range(4)]
    passed_on = {"rules": [], "reason": "replication-changed-by-other"}
    lines = [
        secret_line(1, "beside-a-failure", "failed", failed, refused),
        secret_line(2, "after-four-excluded", "refused", *excluded, refused),
        secret_line(3, "excluded-only", "unchanged", *excluded),
        secret_line(4, "fixed", "refused", refused),
        secret_line(5, "fixed", "unchanged"),
        secret_line(6, "no-longer-covered", "refused", refused),
        secret_line(7, "no-longer-covered", "skipped", rules=[], reason="no-rule-matched"),
        secret_line(8, "beside-a-failure", "skipped", **passed_on),
        secret_line(9, "asked", "refused", refused, trigger="explain"),
    ]

    query = SAVED_QUERIES["WhichSecretsNeedAttention"]["Properties"]["QueryString"]
    rows = insights.run(query, lines)

    assert [row["name"] for row in rows] == ["after-four-excluded", "beside-a-failure"]


def test_a_query_says_who_changed_replicas_of_which_secret(result):
    rows = result("WhoChangedReplicas")

    assert [(row["reason"], row["calls"]) for row in rows] == [
        ("delete-blocked-by-replicas", 2),
        ("replication-changed-by-other", 1),
        ("replication-changed-by-other", 1),
    ]
    # A call names its secret by name or by ARN.
    assert rows[0]["secret_name"] == "app/db"
    changed = [row["secret_arn"].partition(":secret:")[2] for row in rows[1:]]
    assert {name.rpartition("-")[0] for name in changed} == {"app/db", "observed/drifting"}
    assert {row["principal"] for row in rows} == {"arn:aws:iam::012345678912:user/IAM-Admin"}
