"""Deletes what a run created, and nothing else."""

import time
from dataclasses import dataclass, field

import resources
import run_secrets
from output import say

# The first pass can find a replica that appears late, or a bucket into which a trail still writes.
PASSES = 3
# An invocation that follows replicas takes seconds.
RUNNING_SECONDS = 10


@dataclass
class Remains:
    """What a teardown could not delete."""

    # (kind, Region, name, command that deletes it)
    rows: list = field(default_factory=list)
    # Secrets with the run's prefix and without its tag.
    foreign: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    def __bool__(self):
        return bool(self.rows or self.failures)


def tear_down(run):
    """Deletes everything of the run in both Regions. Returns what remains. Signals do not interrupt it."""
    run.cloud.interrupts.deferred = True
    say(f"teardown of {run.name}")
    for number in range(PASSES):
        failures = one_pass(run, forced=number > 0)
        remains = survey(run)
        if not remains.rows:
            break
    # A failure that a later pass repaired does not count.
    if remains.rows:
        remains.failures += failures
    return remains


def one_pass(run, forced):
    failures = []

    def attempt(what, action):
        try:
            return action()
        # The teardown continues after any failure: each deletion stands alone.
        except Exception as error:
            failures.append(f"{what}: {type(error).__name__}: {error}")

    if run.kind == "test":
        attempt("stop the function", lambda: stop_function(run))
    attempt("delete the secrets", lambda: run_secrets.delete(run, attempt, forced))
    for kind in resources.KINDS[run.kind]:
        for region in run.cloud.regions:
            for name in attempt(f"find {kind.kind}s", lambda: kind.find(run, region)) or []:
                attempt(f"delete {kind.kind} {name}", lambda: kind.delete(run, region, name))
    return failures


def stop_function(run):
    """Prevents that a retried event or a running sweep replicates a secret again during the teardown."""
    described = resources.stack(run) or {}
    outputs = {row["OutputKey"]: row["OutputValue"] for row in described.get("Outputs", [])}
    if "FunctionName" in outputs:
        run.cloud.client("lambda").put_function_concurrency(
            FunctionName=outputs["FunctionName"], ReservedConcurrentExecutions=0
        )
        # An invocation that runs can still replicate a secret, or log into a group that was deleted.
        time.sleep(RUNNING_SECONDS)


def survey(run):
    """Returns everything that exists of the run."""
    remains = Remains()
    try:
        own, remains.foreign = run_secrets.find(run)
        remains.rows += [("secret", *place, run_secrets.command(*place)) for place in own]
    except Exception as error:
        remains.failures.append(f"find secrets: {error}")
    for kind in resources.KINDS[run.kind]:
        for region in run.cloud.regions:
            try:
                names = kind.find(run, region)
            except Exception as error:
                # A local server without the service has none of its resources.
                if not run.cloud.is_local:
                    remains.failures.append(f"find {kind.kind}s in {region}: {error}")
                continue
            remains.rows += [(kind.kind, region, name, kind.command(region, name)) for name in names]
    return remains
