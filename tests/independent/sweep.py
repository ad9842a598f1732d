"""The state machine of a deployed stack, with the calls of an operator."""

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

    def describe(self):
        return self.states.describe_state_machine(stateMachineArn=self.arn)

    @property
    def definition(self):
        return json.loads(self.describe()["definition"])

    def copy(self, old, new):
        """Creates a state machine in whose definition `new` replaces `old`."""
        original = self.describe()
        assert old in original["definition"]
        copy = self.states.create_state_machine(
            name=f"copy-{uuid.uuid4().hex}",
            definition=original["definition"].replace(old, new),
            roleArn=original["roleArn"],
        )
        return Sweep(self.states, copy["stateMachineArn"])

    def start(self, given):
        """Starts an execution and returns its ARN."""
        started = self.states.start_execution(stateMachineArn=self.arn, input=json.dumps(given))
        return started["executionArn"]

    def status(self, execution):
        return self.states.describe_execution(executionArn=execution)["status"]

    def end(self, execution, seconds=30):
        """Waits for the end of an execution and returns it, with its output as data."""
        eventually(lambda: self.status(execution) != "RUNNING", f"{execution} has ended", seconds)
        ended = self.states.describe_execution(executionArn=execution)
        return ended | {"output": json.loads(ended.get("output") or "null")}

    def run(self, given, seconds=30):
        return self.end(self.start(given), seconds)
