"""The state machine of a deployed stack, started and followed as an operator would."""

import json
import uuid

from processes import eventually


class Sweep:
    def __init__(self, states, arn):
        self.states = states
        self.arn = arn

    @classmethod
    def of(cls, stack):
        return cls(stack.client("stepfunctions"), stack.outputs["SweepArn"])

    @property
    def definition(self):
        return json.loads(self.states.describe_state_machine(stateMachineArn=self.arn)["definition"])

    def copy(self, changed):
        """Another state machine, with a changed definition."""
        original = self.states.describe_state_machine(stateMachineArn=self.arn)
        definition = changed(original["definition"])
        assert definition != original["definition"]
        copy = self.states.create_state_machine(
            name=f"copy-{uuid.uuid4().hex}", definition=definition, roleArn=original["roleArn"]
        )
        return Sweep(self.states, copy["stateMachineArn"])

    def start(self, given):
        """Starts an execution, and answers its ARN."""
        started = self.states.start_execution(stateMachineArn=self.arn, input=json.dumps(given))
        return started["executionArn"]

    def status(self, execution):
        return self.states.describe_execution(executionArn=execution)["status"]

    def end(self, execution, seconds=30):
        """The execution at its end, with its output as data."""
        eventually(lambda: self.status(execution) != "RUNNING", f"{execution} has ended", seconds)
        ended = self.states.describe_execution(executionArn=execution)
        return ended | {"output": json.loads(ended.get("output") or "null")}

    def run(self, given, seconds=30):
        return self.end(self.start(given), seconds)

    def history(self, execution):
        pages = self.states.get_paginator("get_execution_history")
        return [
            event
            for page in pages.paginate(executionArn=execution)
            for event in page["events"]
        ]
