"""The rule of a deployed stack, with events in the name of AWS."""

import json
import uuid


class Bus:
    """Puts events on the bus and delivers them by a copy of the stack's rule.

    Ministack refuses events in the name of AWS, so the copy has another source. It does not differ
    otherwise; `test_template.py` tests the pattern itself. The source is unique, because ministack's
    stacks share the bus.
    """

    def __init__(self, stack):
        self.events = stack.client("events")
        self.source = f"copy.aws.secretsmanager.{uuid.uuid4().hex}"
        self.copy(stack.rule())

    def copy(self, rule):
        copy = f"copy-{uuid.uuid4().hex}"
        pattern = json.loads(self.events.describe_rule(Name=rule)["EventPattern"])
        for alternative in pattern["$or"]:
            alternative["source"] = [self.source]
        self.events.put_rule(Name=copy, EventPattern=json.dumps(pattern))
        [target] = self.events.list_targets_by_rule(Rule=rule)["Targets"]
        self.events.put_targets(Rule=copy, Targets=[target])

    def put(self, event):
        detail = json.dumps(event["detail"])
        entry = {"Source": self.source, "DetailType": event["detail-type"], "Detail": detail}
        entry["Resources"] = event["resources"]
        answer = self.events.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer
