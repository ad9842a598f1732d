"""Tests of the sweep's state machine, which ministack executes.

The function is a fake whose responses each test sets. `test_stack_with_the_function.py` runs the sweep with
the real function.
"""

import json
from concurrent.futures import Future

import pytest
from jsonata import Jsonata

from processes import eventually
from slices import COMPLETE, error, more
from sweep import Sweep


@pytest.fixture
def sweep(fakes):
    return Sweep.of(fakes)


def test_a_sweep_passes_the_token_on_from_slice_to_slice_and_ends(sweep, slices):
    slices.will_answer(more("first"), more("second"), COMPLETE)

    ended = sweep.run({})

    assert (ended["status"], ended["output"]) == ("SUCCEEDED", COMPLETE)
    assert [event["nextToken"] for event in slices.events] == [None, "first", "second"]


@pytest.mark.parametrize(
    "given, sent",
    [
        # The default of `maxChanges` is the stack parameter's.
        ({}, {"dryRun": False, "thorough": False, "maxChanges": 100, "nextToken": None}),
        (
            {"dryRun": None, "maxChanges": None, "nextToken": None},
            {"dryRun": False, "thorough": False, "maxChanges": 100, "nextToken": None},
        ),
        (
            {"dryRun": True, "thorough": True, "maxChanges": 5000, "nextToken": "of an earlier sweep"},
            {"dryRun": True, "thorough": True, "maxChanges": 5000, "nextToken": "of an earlier sweep"},
        ),
    ],
)
def test_the_input_reaches_every_slice(given, sent, sweep, slices):
    slices.will_answer(more("first"), COMPLETE)

    ended = sweep.run(given)

    first = {"action": "sweep", "sweepId": ended["executionArn"]} | sent
    assert slices.events == [first, first | {"nextToken": "first"}]


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"dryrun": True}, "unknown field dryrun: the fields are dryRun, thorough, maxChanges, nextToken"),
        ({"dry": True, "limit": 1}, "unknown field dry, limit: the fields are"),
        ({"action": "sweep"}, "unknown field action: the fields are"),
        ({"dryRun": "true"}, "dryRun must be true or false, without quotation marks"),
        ({"thorough": 1}, "thorough must be true or false, without quotation marks"),
        ({"maxChanges": "5000"}, "maxChanges must be a whole number of at least 1"),
        ({"maxChanges": 0}, "maxChanges must be a whole number of at least 1"),
        ({"maxChanges": 1.5}, "maxChanges must be a whole number of at least 1"),
        ({"maxChanges": True}, "maxChanges must be a whole number of at least 1"),
        ({"nextToken": 7}, "nextToken must be the token of an earlier sweep, or absent"),
        ([], "the input must be a JSON object"),
        ([{"dryRun": True}], "the input must be a JSON object"),
        ("dryRun", "the input must be a JSON object"),
        (None, "the input must be a JSON object"),
    ],
)
def test_an_input_that_is_wrong_fails_before_any_slice(wrong, message, sweep, slices):
    ended = sweep.run(wrong)

    assert (ended["status"], ended["error"]) == ("FAILED", "BadInput")
    assert ended["cause"].startswith(message)
    assert ended["cause"].endswith(', for instance {"dryRun": true, "maxChanges": 5000}')
    assert slices.events == []


@pytest.mark.parametrize(
    "kind",
    [
        "Throttled",
        "ServiceUnavailable",
        "Sandbox.Timedout",
        "Lambda.Unknown",
        "Runtime.ExitError",
        "Runtime.OutOfMemory",
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
    ],
)
def test_a_slice_with_a_transient_error_is_tried_again(kind, sweep, slices):
    slices.will_answer(more("first"), error(kind), error(kind), COMPLETE)

    ended = sweep.run({})

    assert (ended["status"], ended["output"]) == ("SUCCEEDED", COMPLETE)
    assert [event["nextToken"] for event in slices.events] == [None, "first", "first", "first"]


def test_a_slice_that_stays_throttled_fails_the_sweep_in_the_end(sweep, slices):
    slices.will_answer(*[error("Throttled")] * 9)

    ended = sweep.run({})

    assert (ended["status"], ended["error"]) == ("FAILED", "Throttled")
    assert len(slices.events) == 9


@pytest.mark.parametrize(
    "kind", ["BadEvent", "PolicyInvalid", "ConfigInvalid", "AccessDenied", "Internal"]
)
def test_a_slice_that_fails_for_good_fails_the_sweep_with_the_functions_error(kind, sweep, slices):
    slices.will_answer(more("first"), error(kind))

    ended = sweep.run({})

    assert (ended["status"], ended["error"]) == ("FAILED", kind)
    assert json.loads(ended["cause"])["errorMessage"] == f"the message of {kind}"
    assert len(slices.events) == 2


def test_a_sweep_beside_a_running_one_stops_itself(sweep, slices):
    answer = Future()
    slices.will_answer(answer)
    running = sweep.start({})
    try:
        eventually(lambda: slices.events, "the first sweep is at its slice")

        ended = sweep.run({"maxChanges": 5000})

        assert ended["status"] == "SUCCEEDED"
        assert ended["output"]["outcome"] == "skipped"
        assert ended["output"]["reason"] == "another-sweep-is-running"
        assert ended["output"]["running"] == running
    finally:
        answer.set_result(COMPLETE)
    assert sweep.end(running)["output"] == COMPLETE
    assert len(slices.events) == 1


def test_of_sweeps_that_start_together_the_first_continues(sweep, slices):
    held = Future()
    slices.will_answer(held)

    started = [sweep.start({}) for _ in range(5)]
    others = eventually(
        lambda: len(ended := [arn for arn in started if sweep.status(arn) != "RUNNING"]) == 4
        and ended,
        "all but one have stopped",
    )
    held.set_result(COMPLETE)

    ended = [sweep.end(arn) for arn in others]
    assert {row["status"] for row in ended} == {"SUCCEEDED"}
    assert {row["output"]["reason"] for row in ended} == {"another-sweep-is-running"}
    assert sweep.end(started[0])["output"] == COMPLETE


WAIT = '"Seconds": 300'


def test_a_thorough_sweep_waits_for_a_quick_one(sweep, slices):
    answer = Future()
    slices.will_answer(answer, COMPLETE)
    impatient = sweep.copy(WAIT, '"Seconds": 1')
    quick = impatient.start({})
    eventually(lambda: slices.events, "the quick sweep is at its slice")

    thorough = impatient.start({"thorough": True})
    skipped = impatient.run({})
    assert impatient.status(thorough) == "RUNNING"
    assert len(slices.events) == 1
    answer.set_result(COMPLETE)

    assert impatient.end(quick)["output"] == COMPLETE
    assert impatient.end(thorough)["output"] == COMPLETE
    assert skipped["output"]["reason"] == "another-sweep-is-running"
    assert [event["thorough"] for event in slices.events] == [False, True]


def test_a_quick_sweep_beside_a_thorough_one_stops_itself(sweep, slices):
    answer = Future()
    slices.will_answer(answer)
    thorough = sweep.start({"thorough": True})
    try:
        eventually(lambda: slices.events, "the thorough sweep is at its slice")
        skipped = sweep.run({})
    finally:
        answer.set_result(COMPLETE)

    assert skipped["status"] == "SUCCEEDED"
    assert skipped["output"]["running"] == thorough
    assert sweep.end(thorough)["output"] == COMPLETE


def test_the_longest_token_passes_through_the_state_machine(sweep, slices):
    """The token of a sweep of 19 lists, each with the longest page token of AWS, in Base64."""
    token = "x" * 150_000
    slices.will_answer(more(token), COMPLETE)

    ended = sweep.run({})

    assert (ended["status"], slices.events[1]["nextToken"]) == ("SUCCEEDED", token)
    # Step Functions limits the input and output of a state to 256 KiB.
    assert len(json.dumps(more(token))) + len(json.dumps(slices.events[1])) < 2 * 256 * 1024
    assert len(token) < 256 * 1024 / 1.5


def row(name, started):
    return {"ExecutionArn": name, "StartDate": started}


@pytest.mark.parametrize(
    "listed, earlier",
    [
        ([], ""),
        ([row("me", "2026-11-21T10:00:00.500Z")], ""),
        ([row("later", "2026-11-21T10:00:00.501Z")], ""),
        ([row("earlier", "2026-11-21T10:00:00.499Z")], "earlier"),
        # If both started in the same millisecond, the order of the ARNs decides.
        ([row("a", "2026-11-21T10:00:00.500Z")], "a"),
        ([row("z", "2026-11-21T10:00:00.500Z")], ""),
        # The start time in the list takes precedence, because the other sweep sees only that time.
        ([row("me", "2026-11-21T10:00:00.600Z"), row("a", "2026-11-21T10:00:00.550Z")], "a"),
        ([row("me", "2026-11-21T10:00:00.400Z"), row("a", "2026-11-21T10:00:00.450Z")], ""),
        # With several earlier sweeps, any of them may be the result.
        ([row("b", "2026-11-21T09:00:00Z"), row("a", "2026-11-21T08:00:00Z")], "b"),
    ],
)
def test_every_sweep_finds_the_same_one_first(listed, earlier, sweep):
    expression = sweep.definition["States"]["List running sweeps"]["Assign"]["earlier"]
    states = {
        "result": {"Executions": listed},
        "context": {"Execution": {"Id": "me", "StartTime": "2026-11-21T10:00:00.500Z"}},
    }

    found = Jsonata.jsonata(expression.removeprefix("{%").removesuffix("%}"))

    assert found.evaluate(None, {"states": states}) == earlier


def test_every_slice_begins_with_a_check_for_other_sweeps(sweep):
    """The list of executions is eventually consistent, so a sweep can miss an earlier one at first."""
    states = sweep.definition["States"]

    into_a_slice = {
        name
        for name, state in states.items()
        for way in [state, *state.get("Choices", [])]
        if "Sweep a slice" in (way.get("Next"), way.get("Default"))
    }
    assert into_a_slice == {"Can this sweep continue?"}
    assert states["Is the sweep complete?"]["Default"] == "List running sweeps"
    assert states["List running sweeps"]["Next"] == "Can this sweep continue?"


LONGEST = "$slices >= 1000"


def test_the_history_of_the_longest_sweep_fits(sweep, slices):
    slices.will_answer(*[more(str(number)) for number in range(9)], COMPLETE)
    ended = sweep.run({})
    history = sweep.states.get_paginator("get_execution_history")
    pages = history.paginate(executionArn=ended["executionArn"])
    events = sum(len(page["events"]) for page in pages)

    assert LONGEST in json.dumps(sweep.definition)
    # AWS ends an execution at 25,000 events. Ministack's history lacks the TaskStarted of both tasks.
    events_per_slice = events / 10 + 2
    assert events_per_slice * 1000 < 20_000


@pytest.mark.parametrize(
    "limit, lower, error, slices_before",
    [(LONGEST, "$slices >= 3", "TooManySlices", 3), (">= 86400000", ">= 0", "TooLong", 0)],
)
def test_a_sweep_that_reaches_a_limit_fails_with_the_input_to_resume(
    limit, lower, error, slices_before, sweep, slices
):
    slices.will_never_end()
    shorter = sweep.copy(limit, lower)

    ended = shorter.run({"dryRun": True, "maxChanges": 7})

    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert len(slices.events) == slices_before
    start_with = json.loads(ended["cause"].split("starting it with ")[1])
    assert start_with == {
        "dryRun": True,
        "thorough": False,
        "maxChanges": 7,
        "nextToken": "3" if slices_before else None,
    }


def test_a_sweep_fails_before_step_functions_ends_it(sweep):
    tasks = [state for state in sweep.definition["States"].values() if state["Type"] == "Task"]
    day = 86400
    assert str(day * 1000) in json.dumps(sweep.definition)
    assert len(tasks) == 2

    assert day + sum(map(longest, tasks)) <= sweep.definition["TimeoutSeconds"]


def longest(task):
    """Returns the seconds of a task whose every kind of error uses all its attempts, after the longest waits."""
    attempts = 1 + sum(retry["MaxAttempts"] for retry in task["Retry"])
    return attempts * task["TimeoutSeconds"] + sum(longest_wait(retry) for retry in task["Retry"])


def longest_wait(retry):
    waits = [retry["IntervalSeconds"] * retry["BackoffRate"] ** number for number in range(retry["MaxAttempts"])]
    return sum(min(wait, retry.get("MaxDelaySeconds", wait)) for wait in waits)


def test_a_slice_has_a_longer_timeout_than_the_function(sweep, fakes):
    timeout = sweep.definition["States"]["Sweep a slice"]["TimeoutSeconds"]

    assert timeout > fakes.function()["Timeout"]
