"""`make test-aws` against ministack, with the secrets in this project's emulator: the story, and interrupts.

Nothing here runs on AWS. Ministack sends no events about secrets in the emulator and computes no metrics from the
log. So the run sends the events itself, and the test sets the state of each alarm for which the run waits.
"""

import re
import signal
import subprocess
import sys
import time
import uuid
from types import SimpleNamespace

import pytest

import aws_runs
from aws_runs import HOME, Run
from processes import eventually
from template import ROOT, of_type

OPTIONS = ("--scale", "0.05", "--send-events")


@pytest.fixture(scope="module")
def start(bootstrap, ministack, emulator, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs")
    built = aws_runs.build(directory / "build", bootstrap)

    def start(name=None, build=built):
        name = name or f"sr-test-{uuid.uuid4().hex[:10]}"
        options = "--build", build, *OPTIONS
        return Run(directory, "test", name, ministack, *options, secrets=emulator)

    return start


@pytest.fixture(scope="module")
def runs(start, client, ministack, emulator):
    """Three runs at once: one to its end, one with SIGINT among its secrets, one with SIGTERM while it deploys."""
    whole, among_secrets, in_deployment = start(), start(), start()

    def has_stack():
        listed = client("cloudformation", ministack, HOME).list_stacks()["StackSummaries"]
        return [row for row in listed if row["StackName"] == in_deployment.name]

    def has_replica():
        places = aws_runs.secrets_of(among_secrets.name, client, emulator)
        return len({region for region, _ in places}) == 2

    aws_runs.stop_when(in_deployment, signal.SIGTERM, has_stack, "the stack exists")
    aws_runs.stop_when(among_secrets, signal.SIGINT, has_replica, "the run has a replica")
    fire_alarms(whole, client("cloudwatch", ministack, HOME))
    codes = [run.end() for run in (whole, among_secrets, in_deployment)]
    return SimpleNamespace(
        whole=whole, among_secrets=among_secrets, in_deployment=in_deployment, codes=codes
    )


def fire_alarms(run, cloudwatch):
    """Sets the state of the stack's alarms while the run waits for them. Ministack resets it from time to time."""
    last_cause = "a function without concurrency throttles events"
    eventually(lambda: last_cause in run.output or run.process.poll(), "all causes are there", 120)
    while run.process.poll() is None and "teardown" not in run.output:
        for row in cloudwatch.describe_alarms(AlarmNamePrefix=run.name)["MetricAlarms"]:
            cloudwatch.set_alarm_state(AlarmName=row["AlarmName"], StateValue="ALARM", StateReason="test")
        time.sleep(0.2)


RESULT = re.compile(r"^  (passed|skipped|failed)\s+[\d.]+ s  (.*?)(?::|$)", re.M)


def test_the_story_passes_and_nothing_remains(runs, client, ministack, emulator):
    whole = runs.whole
    assert runs.codes[0] == 0, whole.output

    statuses = {step: status for status, step in RESULT.findall(whole.report)}
    assert len(statuses) >= 20
    # The server sends no events, so none can be undelivered.
    assert {step for step, status in statuses.items() if status != "passed"} == {
        "an event that EventBridge cannot deliver waits in the delivery queue",
        "the alarm UndeliveredEventsWaiting fires",
    }
    assert "Nothing of the run remains." in whole.report
    assert aws_runs.left_behind(whole.name, client, ministack, emulator) == []


def test_every_alarm_is_provoked_or_named_as_not_provoked(runs):
    report = runs.whole.report

    for alarm in of_type("AWS::CloudWatch::Alarm"):
        assert f"the alarm {alarm} fires" in report or f"  {alarm}: " in report, alarm


def test_an_interrupt_among_the_secrets_leaves_nothing_behind(runs, client, ministack, emulator):
    run = runs.among_secrets

    assert runs.codes[1] == 130, run.output
    assert "The run was interrupted: SIGINT" in run.report
    assert aws_runs.left_behind(run.name, client, ministack, emulator) == []


def test_an_interrupt_in_the_deployment_leaves_nothing_behind(runs, client, ministack, emulator):
    run = runs.in_deployment

    assert runs.codes[2] == 130, run.output
    assert "The run was interrupted: SIGTERM" in run.report
    assert "the stack is deployed" not in run.report
    assert aws_runs.left_behind(run.name, client, ministack, emulator) == []


def test_a_stack_that_exists_is_neither_changed_nor_deleted(start, client, ministack):
    name = f"sr-test-{uuid.uuid4().hex[:10]}"
    cloudformation = client("cloudformation", ministack, HOME)
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    cloudformation.create_stack(StackName=name, TemplateBody=template)

    run = start(name)

    assert run.end() == 1
    assert f"The stack {name} exists" in run.output
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    cloudformation.delete_stack(StackName=name)


def test_a_deployment_that_fails_is_torn_down(start, client, ministack, emulator, tmp_path):
    (tmp_path / "template.yaml").write_text("Resources: {Topic: {Type: AWS::No::Such}}\n")

    run = start(build=tmp_path)

    assert run.end() == 1
    assert "sam deploy failed; the end of" in run.report
    assert "Nothing of the run remains." in run.report
    assert aws_runs.left_behind(run.name, client, ministack, emulator) == []


@pytest.mark.parametrize("name", ["", "prod", "sr-test-", "sr-test-a b c d", "sr-other-0a1b2c3d4e"])
def test_only_a_run_of_this_tool_can_be_deleted(name, tmp_path):
    run = Run(tmp_path, "clean", name, "http://127.0.0.1:9")

    assert run.end() == 1
    assert "RUN must be the name of a run" in run.output


def test_without_arguments_make_says_what_it_needs_creates_and_costs():
    for target in ("test-aws", "probe-aws", "test-aws-clean"):
        done = subprocess.run(
            ["make", target, f"PYTHON={sys.executable}", "PROFILE=", "REGION="],
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )

        assert done.returncode != 0
        for word in ("PROFILE", "REPLICA_REGION", "USD", "creates", "RUN="):
            assert word in done.stderr, word
