"""A fake of the function: the test sets the answer to each slice of a sweep."""

import json
import sys
from concurrent.futures import Future
from itertools import count
from pathlib import Path

from werkzeug.wrappers import Response

from local_server import serving

FAKE = Path(__file__).with_name("fake_bootstrap.py")
BOOTSTRAP = f"#!{sys.executable}\n{FAKE.read_text()}"

COMPLETE = {"trigger": "sweep", "nextToken": None, "changes": 2}


def more(token):
    return {"trigger": "sweep", "nextToken": token, "changes": 1}


def error(kind):
    return {"errorType": kind, "errorMessage": f"the message of {kind}"}


class Slices:
    """Records the events of the state machine and returns the answers of the test."""

    def __init__(self):
        self.events = []
        self.answers = iter(())

    def will_answer(self, *answers):
        """Sets the answers. The server waits for the result of a `Future`."""
        self.answers = iter(answers)

    def will_never_end(self):
        self.answers = (more(str(number)) for number in count(1))

    def __call__(self, event):
        self.events.append(event)
        answer = next(self.answers, error("UnexpectedSlice"))
        return answer.result(timeout=60) if isinstance(answer, Future) else answer


def reached(function):
    """Serves `function` at a URL for the fake bootstrap."""

    def respond(request):
        answer = function(request.get_json(force=True))
        return Response(json.dumps(answer), 500 if "errorType" in answer else 200)

    return serving(respond)
