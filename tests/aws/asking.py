"""Asks AWS the questions and keeps the answers."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

import cloud as aws
from answers import Answer, Answers
from capture import EVENT_SECONDS, Capture
from interrupts import Interrupted
from output import say

QUESTIONS = []
# Codes of servers that do not implement a call.
UNSUPPORTED = {"UnknownOperationException", "NotImplemented", "NotImplementedException", "InvalidAction"}
# Codes that concern the caller and not the question.
CALLER = {"AccessDeniedException", "AccessDenied", "ThrottlingException", "ExpiredTokenException"}
# The final statuses of a replica.
FINAL = {"InSync", "Failed"}
READ_SECONDS = 60


class Unanswered(Exception):
    """There is no answer here, with the reason."""


@dataclass(frozen=True)
class Outcome:
    """The result of a call: its answer, or its error."""

    answer: dict
    error: dict

    def __str__(self):
        return f"{self.error['code']}: {self.error['message']}" if self.error else "accepted"


def question(identifier, text, fact):
    """Registers a function as a question. It returns the answer as a sentence, and what it observed."""

    def register(function):
        QUESTIONS.append((identifier, text, fact, function))
        return function

    return register


class Probe:
    """The run and what the questions share."""

    def __init__(self, run, managed_secret=""):
        self.run = run
        self.cloud = run.cloud
        self.home, self.target = run.cloud.regions
        self.managed_secret = managed_secret
        if managed_secret:
            # The answers name no secret of others.
            run.values.add(managed_secret)
        self.capture = Capture(run)
        self.steps = []
        # Resources that several questions use.
        self.shared = {}
        partition = "" if self.cloud.is_local else self.cloud.session.get_partition_for_region(self.home)
        self.answers = Answers(
            server="local" if self.cloud.is_local else "aws",
            partition=partition,
            region=self.home,
            replica_region=self.target,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
        )
        self.event_deadline = time.monotonic() + EVENT_SECONDS * self.cloud.scale

    def call(self, operation, region=None, **parameters):
        """Makes a call to Secrets Manager. Notes it with its result; a refusal is a result."""
        client = self.cloud.secrets(region)
        where = f" in {region}" if region else ""
        try:
            answer = getattr(client, operation)(**parameters)
        except ClientError as error:
            outcome = Outcome({}, self.refusal(operation, error))
        else:
            answer.pop("ResponseMetadata", None)
            outcome = Outcome(answer, {})
        self.steps.append(f"{operation}{where} {shown(parameters)}: {outcome}")
        return outcome

    def refusal(self, operation, error):
        """Returns the error of a call. An error of the server itself answers nothing."""
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        unsupported = aws.code(error) in UNSUPPORTED | CALLER or "Unknown action" in str(error)
        if unsupported or status >= 500:
            raise Unanswered(f"the server does not answer {operation}: {status} {aws.code(error)}")
        return {"code": aws.code(error), "message": error.response["Error"].get("Message", "")}

    def create(self, label, **parameters):
        """Creates a secret, waits until it can be read, and returns its name."""
        region = parameters.get("region") or self.home
        self.run.create(label, **parameters)
        name = self.run.secret_name(label)
        self.steps.append(f"create_secret {name} in {region}")
        self.cloud.wait(lambda: self.cloud.describe(name, region), f"{name} can be read", READ_SECONDS)
        return name

    def replicate(self, name, region=None, key=None, overwrite=False):
        """Requests a replica."""
        row = {"Region": region or self.target} | ({"KmsKeyId": key} if key else {})
        flags = {"ForceOverwriteReplicaSecret": True} if overwrite else {}
        return self.call("replicate_secret_to_regions", SecretId=name, AddReplicaRegions=[row], **flags)

    def row(self, name, region=None):
        """Returns status and message of a replica as the primary secret shows them."""
        rows = aws.replica_rows(self.cloud.describe(name))
        row = rows.get(region or self.target, {})
        return {"status": row.get("Status"), "message": row.get("StatusMessage")}

    def final(self, name, region=None, seconds=180):
        """Waits until a replica is in sync or has failed. Returns its row, also after the time."""
        try:
            self.cloud.wait(
                lambda: self.row(name, region)["status"] in FINAL, "the replica is final", seconds
            )
        except aws.TooLate:
            pass
        row = self.row(name, region)
        self.steps.append(f"describe_secret {name}: {row['status']} {row['message'] or ''}".rstrip())
        return row

    def replicated(self, label, **parameters):
        """Creates a secret with a replica in sync and returns its name."""
        name = self.create(label, **parameters)
        outcome = self.replicate(name)
        if outcome.error:
            raise Unanswered(f"the secret of the question has no replica: {outcome}")
        row = self.final(name)
        if row["status"] != "InSync":
            raise Unanswered(f"the replica of the question is not in sync: {row}")
        return name

    def event_seconds_left(self):
        """Returns the seconds that remain for events, unscaled. All questions share one time."""
        return max(self.event_deadline - time.monotonic(), 0) / self.cloud.scale


def shown(parameters):
    """Returns the parameters of a call without values and tokens."""
    return {name: value for name, value in parameters.items() if name not in ("SecretString",)}


def ask(probe, only):
    """Asks every question, or those whose id is in `only`. An interrupt keeps the answers so far."""
    import questions_about_events
    import questions_about_keys  # noqa: F401
    import questions_about_lists  # noqa: F401
    import questions_about_refusals  # noqa: F401
    import questions_about_replicas  # noqa: F401

    unknown = set(only) - {identifier for identifier, *_ in QUESTIONS}
    if unknown:
        raise ValueError(f"unknown questions: {sorted(unknown)}")
    chosen = [row for row in QUESTIONS if not only or row[0] in only]
    # Events need minutes, so their questions come last.
    chosen.sort(key=lambda row: row[0].startswith("event-"))
    if chosen[-1][0].startswith("event-"):
        questions_about_events.prepare(probe)
    for identifier, *rest in chosen:
        answer = ask_one(probe, identifier, *rest)
        probe.answers.answers.append(answer)
        say(f"{answer.status:10} {answer.seconds:6.1f} s  {identifier}: {answer.answer or answer.reason}")
    probe.answers.events = probe.capture.samples()


def ask_one(probe, identifier, text, fact, function):
    start, probe.steps = time.monotonic(), []
    answer, reason, observed = "", "", {}
    try:
        answer, observed = function(probe)
    except Unanswered as error:
        reason = str(error)
    except Interrupted:
        raise
    # A question without an answer does not stop the others.
    except Exception as error:
        # Some servers answer with a page.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
    status = "answered" if answer else "unanswered"
    seconds = round(time.monotonic() - start, 2)
    return Answer(identifier, text, fact, status, answer, reason, probe.steps, observed, seconds)
