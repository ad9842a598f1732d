"""The alarms that a run can provoke within minutes, each by its cause and not by `set-alarm-state`."""

import json

from botocore.exceptions import ClientError

from cloud import TooLate, code
from deployment import ended_execution
from steps import Skipped, expect, step
from story import EVENT_SECONDS, TAG

# Lambda retries after one and two minutes.
RETRIES_SECONDS = 600
# The events that the run causes until EventBridge uses the removed permission no longer.
DELIVERIES = 8
THROTTLED_EVENTS = 10
# The alarms that need hours or a quota: alarm -> reason. The report lists them.
NOT_PROVOKED = {
    "DriftReturns": "needs six sweeps, each of which repairs a secret",
    "ReplicasStayPending": "needs a replica that three sweeps find in progress",
    "SweepTimedOut": "needs a sweep of 25 hours",
    "SweepSilent": "the run deploys without a schedule, so the alarm does not exist",
    "UnstartedSweepsWaiting": "needs a schedule that cannot start the state machine",
    "FailedEventsLost": "needs a role that may not write to the failure queue",
    "UndeliveredEventsLost": "needs a delivery queue that EventBridge may not write to",
    "SecretsUnresolved": "belongs to the level essential, and the run deploys the level full",
}
PROVOKED = (
    *("BadEventsArriving", "FunctionErrors", "FailedEventsWaiting", "ReplicasFailing", "SweepFailures"),
    *("SweepFailed", "SweepAborted", "SweepLimitReached", "UndeliveredEventsWaiting"),
    *("FunctionThrottles", "SecretsNeedAttention", "EventsDropped"),
)


@step("a name that is taken in the Region fails the event, and then the sweep's record")
def name_taken(story):
    story.run.create("taken", region=story.target)
    arn = story.run.create("taken", tags={TAG: story.target})
    story.created("taken", arn)
    record = story.record("taken", "failed")
    [row] = record["replicas"]
    expect(row["reason"] == "name-already-exists", f"the reason is {row['reason']}")
    story.listed("taken")
    status, output = story.stack.sweep({"thorough": True})
    expect(status == "SUCCEEDED" and output["failed"] == 1, f"{status}: {output}")
    return row["reason"]


@step("a bad event becomes a record")
def bad_event(story):
    story.stack.send({"action": "no-such-action", "run": story.run.name})
    found = lambda: story.stack.records("reason", "bad-event")  # noqa: E731
    story.cloud.wait(found, "a record says bad-event", EVENT_SECONDS)


@step("an event that fails three times waits in the failure queue")
def failure_queue(story):
    message = first_message(story, "FailedEventsQueueUrl", RETRIES_SECONDS)
    body = json.loads(message["Body"])
    expect("responsePayload" in body, f"the message has no error: {sorted(body)}")
    return body["responsePayload"].get("errorType")


def first_message(story, output, seconds, attributes=()):
    """Waits for a message. A visibility timeout of zero keeps it visible for the alarm."""
    sqs, url = story.cloud.client("sqs"), story.stack.outputs[output]

    def receive():
        answer = sqs.receive_message(
            QueueUrl=url, VisibilityTimeout=0, MessageAttributeNames=list(attributes)
        )
        return answer.get("Messages")

    return story.cloud.wait(receive, f"a message is in {output}", seconds)[0][0]


@step("a sweep with an invalid input fails")
def failed_sweep(story):
    status, _ = story.stack.sweep({"dryrun": True})
    expect(status == "FAILED", f"the status is {status}")


@step("a sweep that is stopped is aborted")
def aborted_sweep(story):
    states, execution = story.cloud.client("stepfunctions"), story.stack.start_sweep({"dryRun": True})
    states.stop_execution(executionArn=execution)
    ended = lambda: ended_execution(states, execution)  # noqa: E731
    status = story.cloud.wait(ended, "the sweep has ended", 60)[0]["status"]
    if status == "SUCCEEDED":
        raise Skipped("the sweep ended before it could be stopped")
    expect(status == "ABORTED", f"the status is {status}")


@step("an event that EventBridge cannot deliver waits in the delivery queue")
def undelivered_event(story):
    if story.sends_events:
        raise Skipped("the server sends no events")
    remove_permission(story, "SecretChanged")
    story.run.create("undelivered")
    # EventBridge can use a permission for some time after its removal.
    for attempt in range(DELIVERIES):
        story.cloud.secrets().tag_resource(
            SecretId=story.run.secret_name("undelivered"), Tags=[{"Key": "attempt", "Value": str(attempt)}]
        )
        try:
            message = first_message(story, "UndeliveredEventsQueueUrl", 60, ["ERROR_CODE"])
        except TooLate:
            continue
        return message["MessageAttributes"]["ERROR_CODE"]["StringValue"]
    raise TooLate(f"no message after {DELIVERIES} events")


@step("a function without concurrency throttles events")
def throttled(story):
    function, name = story.cloud.client("lambda"), story.stack.function
    function.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    # Lambda keeps them and tries them again and again, so that each period of the alarm counts some.
    for number in range(THROTTLED_EVENTS):
        story.stack.send({"action": "explain", "secretId": f"{story.run.name}/{number}"})
    try:
        story.stack.invoke({"action": "explain", "secretId": story.run.name})
    except ClientError as error:
        expect(code(error) == "TooManyRequestsException", str(error))
        return code(error)
    raise AssertionError("the function runs")


def remove_permission(story, rule):
    """Takes the permission to invoke the function from a rule."""
    function, name = story.cloud.client("lambda"), story.stack.resources[f"Replicator{rule}"]
    policy = json.loads(function.get_policy(FunctionName=story.stack.function)["Policy"])
    for statement in policy["Statement"]:
        if name.rpartition("/")[2] in json.dumps(statement.get("Condition", {})):
            function.remove_permission(
                FunctionName=story.stack.function, StatementId=statement["Sid"]
            )


def register():
    """Adds one step for each alarm, after all causes."""
    for alarm in PROVOKED:
        step(f"the alarm {alarm} fires")(lambda story, alarm=alarm: fires(story, alarm))


def fires(story, alarm):
    """Waits for the state ALARM. All causes precede, so the alarms share one time."""
    if not story.alarm_minutes:
        raise Skipped("ALARM_MINUTES is 0")
    if alarm == "UndeliveredEventsWaiting" and story.sends_events:
        raise Skipped("the server sends no events")
    name, cloudwatch = story.stack.resources[alarm], story.cloud.client("cloudwatch")

    def state():
        [row] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return row if row["StateValue"] == "ALARM" else None

    seconds = story.alarm_seconds_left()
    row, waited = story.cloud.wait(state, f"{alarm} is in ALARM", seconds)
    return f"after {waited} s more; {row['StateReason']}"


register()
