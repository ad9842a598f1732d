"""Captures the events of Secrets Manager and of tags in both Regions, by a rule that sends them to a queue."""

import json
import time

from run import MARKER

PATTERN = {"source": ["aws.secretsmanager", "aws.tag"]}
# The time of CloudTrail's delivery, up to a few minutes, and of the native events.
EVENT_SECONDS = 420


class Capture:
    """The events that name the run. The events of other secrets are dropped unread."""

    def __init__(self, run):
        self.run = run
        self.cloud = run.cloud
        self.queues = {}
        self.events = []

    def start(self):
        for region in self.cloud.regions:
            self.queues[region] = self.create(region)

    def create(self, region):
        """Creates the queue and the rule of a Region. Returns the URL of the queue."""
        name = f"{self.run.name}-events"
        sqs, events = self.cloud.client("sqs", region), self.cloud.client("events", region)
        url = sqs.create_queue(
            QueueName=name, Attributes={"SqsManagedSseEnabled": "true"}, tags={MARKER: self.run.name}
        )["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        rule = events.put_rule(Name=name, EventPattern=json.dumps(PATTERN))["RuleArn"]
        sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": json.dumps(policy(attributes["QueueArn"], rule))}
        )
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])
        return url

    def receive(self):
        """Adds the messages of all queues to the events."""
        for region, url in self.queues.items():
            sqs = self.cloud.client("sqs", region)
            # Short polling asks only some of AWS's servers.
            request = {"QueueUrl": url, "MaxNumberOfMessages": 10}
            request["WaitTimeSeconds"] = 0 if self.cloud.is_local else 2
            while messages := sqs.receive_message(**request).get("Messages"):
                for message in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    if self.run.name in message["Body"]:
                        self.events.append((region, time.monotonic(), json.loads(message["Body"])))

    def about(self, name, kind, region):
        """Returns the events of a detail-type about a secret in a Region."""
        self.receive()
        return [
            event
            for seen, _, event in self.events
            if seen == region and event.get("detail-type") == kind and name in json.dumps(event)
        ]

    def samples(self):
        """Returns each kind of event once, with the number of its events."""
        kinds = {}
        for region, _, event in self.events:
            where = "primary" if region == self.cloud.region else "replica"
            detail = event.get("detail", {})
            key = where, event.get("detail-type"), detail.get("eventName"), detail.get("errorCode")
            kinds.setdefault(key, []).append(event)
        return [
            {
                "region": where,
                "detail-type": kind,
                "event-name": name,
                "error-code": error,
                "count": len(found),
                "sample": found[0],
            }
            for (where, kind, name, error), found in sorted(kinds.items(), key=str)
        ]


def policy(queue, rule):
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
            }
        ],
    }
