"""Runs the steps of a story and keeps their results."""

import time
from dataclasses import dataclass

from interrupts import Interrupted
from output import say

STEPS = []


class Skipped(Exception):
    """A step that cannot run here, with the reason."""


@dataclass(frozen=True)
class Result:
    step: str
    status: str
    seconds: float
    detail: str


def step(title):
    """Registers a function as the next step of the story."""

    def register(function):
        STEPS.append((title, function))
        return function

    return register


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def run_steps(story, results):
    """Runs every step, also after failures. Appends to `results`, so that an interrupt loses none."""
    for title, function in STEPS:
        results.append(run_one(title, function, story))
        say(line(results[-1]))


def run_one(title, function, story):
    start = time.monotonic()
    try:
        status, detail = "passed", function(story) or ""
    except Skipped as reason:
        status, detail = "skipped", str(reason)
    except Interrupted:
        raise
    # A step that fails does not stop the others.
    except Exception as error:
        status, detail = "failed", f"{type(error).__name__}: {error}"
    return Result(title, status, round(time.monotonic() - start, 1), detail)


def line(result):
    return f"{result.status:8} {result.seconds:7.1f} s  {result.step}" + (
        f": {result.detail}" if result.detail else ""
    )
