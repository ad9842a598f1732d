"""The answers of a probe: their form, how they are written, and a reader that rejects every other form."""

import json
from dataclasses import asdict, dataclass, field, fields

from scrub import Scrubber, refuse_if_unclean

FORMAT = 1
# `answered`: AWS answered. `unanswered`: the answer could not be had here; `reason` says why.
STATUSES = ("answered", "unanswered")
# Answers of a local server say nothing about AWS.
SERVERS = ("aws", "local")


class InvalidAnswers(Exception):
    """A file that is not a file of answers."""


@dataclass
class Answer:
    id: str
    question: str
    # The section and the sentence of the facts that the answer confirms or refutes.
    fact: str
    status: str
    # One sentence, or the empty string.
    answer: str
    # Why there is no answer, or the empty string.
    reason: str
    # The calls in their order, each with its result.
    steps: list
    # What was observed, as data of JSON.
    observed: dict
    seconds: float


@dataclass
class Answers:
    server: str
    # Empty for a local server.
    partition: str
    region: str
    replica_region: str
    date: str
    answers: list = field(default_factory=list)
    # Each kind of event that arrived during the probe, with one body as a sample.
    events: list = field(default_factory=list)
    format: int = FORMAT

    def text(self, values=()):
        """Returns the file as text, scrubbed and checked."""
        text = json.dumps(Scrubber(values).scrubbed(asdict(self)), indent=2, ensure_ascii=False) + "\n"
        refuse_if_unclean(text, values)
        return text

    def write(self, path, values=()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text(values))


def read(path):
    """Reads a file of answers. Raises `InvalidAnswers` for any other form."""
    data = typed(Answers, json.loads(path.read_text()))
    check(data.format == FORMAT, f"expected format {FORMAT}, found {data.format}")
    check(data.server in SERVERS, f"unknown server: {data.server}")
    data.answers = [typed(Answer, row) for row in data.answers]
    for answer in data.answers:
        check(answer.status in STATUSES, f"{answer.id}: unknown status: {answer.status}")
        answered = answer.status == "answered"
        check(bool(answer.answer) == answered, f"{answer.id}: an answer exactly if it is answered")
        check(bool(answer.reason) != answered, f"{answer.id}: a reason exactly if it is unanswered")
    ids = [answer.id for answer in data.answers]
    check(len(ids) == len(set(ids)), "an id occurs twice")
    return data


def typed(kind, row):
    """Makes an object of a dataclass from data with exactly its fields and types."""
    check(isinstance(row, dict), f"{kind.__name__}: expected an object, found {type(row).__name__}")
    expected = {member.name: member.type for member in fields(kind)}
    check(row.keys() == expected.keys(), f"{kind.__name__}: the fields are {sorted(row)}")
    for name, member in expected.items():
        allowed = (int, float) if member is float else member
        fits = isinstance(row[name], allowed) and not isinstance(row[name], bool)
        check(fits, f"{kind.__name__}.{name}: expected {member.__name__}")
    return kind(**row)


def check(condition, message):
    if not condition:
        raise InvalidAnswers(message)
