"""The messages about failed events: the route of Lambda's record to queue and topic, and what people read."""

import json
import re
import uuid

import jsonschema
import pytest

from documents import named_blocks
from processes import eventually
from stack import ACCOUNT, TOPIC
from test_stack import destinations

# The event schema of custom notifications: administrator guide of Amazon Q Developer in chat applications, "Custom
# notifications" (docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html). Only version, source and the
# description are required.
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
SCHEMA = {
    "type": "object",
    "required": ["version", "source", "content"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "1.0"},
        "source": {"const": "custom"},
        "id": TEXT,
        "content": {
            "type": "object",
            "required": ["description"],
            "additionalProperties": False,
            "properties": {
                "textType": {"const": "client-markdown"},
                "title": TEXT,
                "description": TEXT,
                "nextSteps": TEXTS,
                "keywords": TEXTS,
            },
        },
        "metadata": {"type": "object"},
    },
}
REGION = "us-east-1"


@pytest.fixture(scope="module")
def stacks(deploy):
    return {form: deploy(FailureMessages=form) for form in ("text", "chat")}


def failure(answer, condition="RetriesExhausted"):
    """Returns Lambda's record of a failed asynchronous invocation (developer guide, "Capturing records of Lambda
    asynchronous invocations"). An event that Lambda never delivered has no answer."""
    record = {
        "version": "1.0",
        "timestamp": "2026-11-27T03:00:00.000Z",
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:replicator:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"detail-type": "any"},
    }
    if answer:
        context = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
        record |= {"responseContext": context, "responsePayload": answer}
    return record


def event(record):
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Lambda Function Invocation Result - Failure",
        "source": "lambda",
        "account": ACCOUNT,
        "time": "2026-11-27T03:00:00Z",
        "region": REGION,
        "resources": [record["requestContext"]["functionArn"]],
        "detail": record,
    }


def targets(stack):
    """Returns the targets of the rule for failed events, by ID."""
    rule = stack.resources["FailureReported"].rpartition("/")[2].rpartition("|")[2]
    bus = stack.resources["FailureBus"].rpartition("/")[2]
    rows = stack.client("events").list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    return {row["Id"]: row for row in rows}


def rendered(transformer, event, written):
    """Returns the output of an input transformer: EventBridge user guide, "Input transformation".

    The guide says that values are not escaped. `written` is how a value is written in a string. A variable whose
    path is not in the event does not appear.
    """

    def value(path):
        found = event
        for part in path.removeprefix("$.").split("."):
            found = found.get(part, {})
        assert isinstance(found, str) or found == {}, path
        return written(found) if found else ""

    values = {name: value(path) for name, path in transformer["InputPathsMap"].items()}
    return re.sub(r"<([\w-]+)>", lambda match: values[match[1]], transformer["InputTemplate"])


WRITTEN = {"unescaped": str, "escaped": lambda text: json.dumps(text)[1:-1]}


def lines(text):
    """Returns the lines of a text, without the quotation marks that the template needs."""
    return [json.loads(line) for line in text.strip().splitlines()]


FAILED = ["failed", "bad event", "bad policy", "not ready once"]


@pytest.mark.parametrize("what", FAILED)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_failed_event_becomes_a_text_for_people(what, written, stacks, runs):
    answer = runs[what].answers[0]
    transformer = targets(stacks["text"])["Message"]["InputTransformer"]

    head, message, error, query, remediation = lines(
        rendered(transformer, event(failure(answer)), WRITTEN[written])
    )

    assert head == f"{stacks['text'].name}: an event failed in {REGION}, account {ACCOUNT}"
    assert message == answer["errorMessage"]
    assert error.startswith(f"Error {answer['errorType']}, condition RetriesExhausted, Lambda request ")
    assert_links_to_the_query(query, stacks["text"])
    assert "start a sweep" in remediation


def assert_links_to_the_query(text, stack):
    group = stack.outputs["LogGroupName"].replace("/", "*2f")
    assert f"{stack.name}/What failed and why: https://console.aws.amazon.com/cloudwatch/home?region=" in text
    assert "queryId$257E$2527saved-query$257E" in text
    assert text.endswith(f"$2527{group}$2529$2529")


@pytest.mark.parametrize("what", FAILED)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_failed_event_becomes_a_notification_for_chat(what, written, stacks, runs):
    answer = runs[what].answers[0]
    transformer = targets(stacks["chat"])["Message"]["InputTransformer"]

    notification = json.loads(rendered(transformer, event(failure(answer)), WRITTEN[written]))

    jsonschema.validate(notification, SCHEMA)
    content = notification["content"]
    assert content["description"] == f"{answer['errorMessage']} ({answer['errorType']})"
    assert {ACCOUNT, REGION} <= set(content["keywords"])
    assert_links_to_the_query(content["nextSteps"][1], stacks["chat"])


def test_the_message_names_secret_replica_region_reason_and_remediation(runs):
    message = runs["failed"].answers[0]["errorMessage"]

    for part in ("observed/taken", "eu-west-1", "name-already-exists", "remediation: "):
        assert part in message


@pytest.mark.parametrize("what", FAILED)
def test_no_error_message_breaks_a_message(what, runs):
    for answer in runs[what].answers:
        assert not re.search(r'["\\\x00-\x1f]', answer["errorMessage"])


@pytest.mark.parametrize("form", ["text", "chat"])
def test_an_event_that_never_reached_the_function_becomes_a_message_too(form, stacks):
    transformer = targets(stacks[form])["Message"]["InputTransformer"]

    message = rendered(transformer, event(failure(None, "EventAgeExceeded")), str)

    if form == "chat":
        jsonschema.validate(json.loads(message), SCHEMA)
    else:
        assert len(lines(message)) == 5
    assert "condition EventAgeExceeded" in message


@pytest.mark.parametrize("change", [{"version": "1"}, {"source": "aws"}, {"content": {"title": "no description"}}])
def test_the_schema_refuses_other_notifications(change):
    notification = {"version": "1.0", "source": "custom", "content": {"description": "any"}}
    jsonschema.validate(notification, SCHEMA)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(notification | change, SCHEMA)


@pytest.mark.parametrize("form", ["text", "chat"])
def test_the_transformer_keeps_the_limits_of_eventbridge(form, stacks):
    transformer = targets(stacks[form])["Message"]["InputTransformer"]

    # API reference, "InputTransformer".
    assert len(transformer["InputTemplate"]) <= 8192
    assert len(transformer["InputPathsMap"]) <= 100
    used = set(re.findall(r"<([\w-]+)>", transformer["InputTemplate"]))
    assert used == transformer["InputPathsMap"].keys()


@pytest.mark.parametrize("form", ["text", "chat"])
def test_each_failed_event_is_one_message_and_waits_in_the_failure_queue_as_without_messages(form, stacks, runs):
    stack = stacks[form]
    sqs, topic = stack.client("sqs"), stack.outputs["AlarmTopicArn"]
    inbox = sqs.create_queue(QueueName=f"inbox-{uuid.uuid4().hex}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
    record = failure(runs["failed"].answers[0])
    sent = event(record)

    # Ministack sends no record to a bus, so the test does it in the place of Lambda.
    put = stack.client("events").put_events(
        Entries=[
            {
                "EventBusName": stack.resources["FailureBus"].rpartition("/")[2],
                "Source": sent["source"],
                "DetailType": sent["detail-type"],
                "Resources": sent["resources"],
                "Detail": json.dumps(record),
            }
        ]
    )
    assert put["FailedEntryCount"] == 0

    queued, messages = received(sqs, stack.outputs["FailedEventsQueueUrl"]), received(sqs, inbox)
    assert [json.loads(body) for body in queued] == [record]
    [message] = [json.loads(body)["Message"] for body in messages]
    transformer = targets(stack)["Message"]["InputTransformer"]
    assert message.strip() == rendered(transformer, sent, str).strip()


def received(sqs, queue):
    """Returns the bodies of all messages of a queue."""
    first = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "a message arrives")
    more = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [row["Body"] for row in [*first, *more]]


def test_with_messages_lambda_may_send_failed_events_to_the_bus_of_the_stack_only(stacks, cautious):
    stack = stacks["text"]
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{stack.name}-failures"
    queue = stack.queue_arn("FailedEventsQueueUrl")

    assert destinations(stack) == {"OnFailure": bus}
    assert stack.allows("ReplicatorRole", "events:PutEvents", bus)
    assert not stack.allows("ReplicatorRole", "events:PutEvents", bus.replace(f"{stack.name}-failures", "default"))
    assert not stack.allows("ReplicatorRole", "sqs:SendMessage", queue)
    assert not {"FailureBus", "FailureReported", "FailedEventsPolicy"} & cautious.resources.keys()


def test_the_rule_may_send_to_queue_and_topic_and_hands_failed_deliveries_to_the_delivery_queue(stacks):
    stack = stacks["text"]
    sqs, sns = stack.client("sqs"), stack.client("sns")
    rule = stack.client("events").describe_rule(
        Name=stack.resources["FailureReported"].rpartition("/")[2].rpartition("|")[2],
        EventBusName=f"{stack.name}-failures",
    )["Arn"]

    def policy(output):
        attributes = sqs.get_queue_attributes(QueueUrl=stack.outputs[output], AttributeNames=["Policy"])
        return json.loads(attributes["Attributes"]["Policy"])["Statement"]

    topic = sns.get_topic_attributes(TopicArn=stack.outputs["AlarmTopicArn"])["Attributes"]["Policy"]
    events = {"Service": "events.amazonaws.com"}
    [send] = policy("FailedEventsQueueUrl")
    [publish] = [row for row in json.loads(topic)["Statement"] if row["Principal"] == events]
    assert (send["Principal"], send["Action"]) == (events, "sqs:SendMessage")
    assert send["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}
    assert publish["Action"] == "sns:Publish"
    # With a condition, no message would arrive: EventBridge user guide, "Using resource-based policies".
    assert "Condition" not in publish
    assert rule in policy("UndeliveredEventsQueueUrl")[0]["Condition"]["ArnEquals"]["aws:SourceArn"]
    dead_letters = stack.queue_arn("UndeliveredEventsQueueUrl")
    assert {row["DeadLetterConfig"]["Arn"] for row in targets(stack).values()} == {dead_letters}


def test_messages_go_to_a_topic_in_the_parameters(deploy):
    stack = deploy(FailureMessages="chat", AlarmTopicArn=TOPIC)

    assert targets(stack)["Message"]["Arn"] == TOPIC


def test_what_the_guide_says_about_topics_is_true_of_the_template(stacks, deploy):
    documented = json.loads(named_blocks("docs/DEPLOY.md")["topic-messages.json"])
    stack, elsewhere = stacks["text"], TOPIC.replace(ACCOUNT, "999999999999")

    # The statement is that of the stack's own topic.
    topic = stack.outputs["AlarmTopicArn"]
    attributes = stack.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    [own] = [row for row in json.loads(attributes["Policy"])["Statement"] if "events" in row["Principal"]["Service"]]
    assert documented | {"Sid": own["Sid"], "Resource": topic} == own
    # A topic of another account takes alarms, whose actions need no role, and the stack gives it no policy. EventBridge
    # would need a role for it (user guide, "Cross-account targets").
    other = deploy(FailureMessages="text", AlarmTopicArn=elsewhere)
    assert "AlarmTopicPolicy" not in other.resources
    assert {tuple(alarm["AlarmActions"]) for alarm in other.alarms().values()} == {(elsewhere,)}
    message = targets(other)["Message"]
    assert message["Arn"] == elsewhere and "RoleArn" not in message
    # What EventBridge cannot deliver waits in the delivery queue, which has an alarm.
    assert message["DeadLetterConfig"]["Arn"] == other.queue_arn("UndeliveredEventsQueueUrl")
