"""A function whose answers the test gives, one for each slice of a sweep."""

import json
import sys
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

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


@contextmanager
def serving(function):
    """The URL at which the fake bootstrap reaches `function`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = function(event)
            body = json.dumps(answer).encode()
            self.send_response(500 if "errorType" in answer else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
