"""A function whose answers the test gives, one for each slice of a sweep."""

import json
import sys
from concurrent.futures import Future
from itertools import count
from pathlib import Path

from local_server import serving

FAKE = Path(__file__).with_name("fake_bootstrap.py")
BOOTSTRAP = f"#!{sys.executable}\n{FAKE.read_text()}"

COMPLETE = {"trigger": "sweep", "nextToken": None, "changes": 2}


def more(token):
    return {"trigger": "sweep", "nextToken": token, "changes": 1}


def error(kind):
    return {"errorType": kind, "errorMessage": f"the message of {kind}"}


UNEXPECTED = error("UnexpectedSlice")


class Slices:
    """The function as the state machine sees it: events come in, and answers go out."""

    def __init__(self):
        self.events = []
        self.answers = iter(())

    def will_answer(self, *answers):
        """A `Future` among the answers is waited for."""
        self.answers = iter(answers)

    def will_never_end(self):
        self.answers = (more(str(number)) for number in count(1))

    def __call__(self, event):
        self.events.append(event)
        answer = next(self.answers, UNEXPECTED)
        return answer.result(timeout=60) if isinstance(answer, Future) else answer


def reached(function):
    """The URL at which the fake bootstrap reaches `function`."""

    def answer(_, body):
        given = function(json.loads(body))
        return 500 if "errorType" in given else 200, json.dumps(given).encode()

    return serving(answer)
