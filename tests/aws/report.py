"""The report of a run."""

from alarms import NOT_PROVOKED
from steps import line


def text(run, results, remains, interrupted):
    """Returns the report: the results, what the run does not prove, and what remains."""
    lines = [f"run {run.name} in {run.cloud.region} with replicas in {run.cloud.replica_region}"]
    lines += [f"  {line(result)}" for result in results]
    if interrupted:
        lines.append(f"  The run was interrupted: {interrupted}")
    lines += ["", "Alarms that no step provokes:"]
    lines += [f"  {alarm}: {reason}" for alarm, reason in NOT_PROVOKED.items()]
    lines += ["", *remains_lines(run, remains)]
    return "\n".join(lines) + "\n"


def remains_lines(run, remains):
    if not remains:
        yield "Nothing of the run remains."
    if remains.rows:
        yield f"These remain. First: make test-aws-clean RUN={run.name}. Otherwise, one by one:"
        for kind, region, name, command in remains.rows:
            yield f"  {kind} {name} in {region}: {command}"
    for failure in remains.failures:
        yield f"  failed: {failure}"
    for region, name in remains.foreign:
        yield f"  Not created by this run (no tag), left alone: secret {name} in {region}"


def exit_code(results, remains, interrupted):
    """Returns 1 if a step failed or something remains, 130 after an interrupt, otherwise 0."""
    if remains or any(result.status == "failed" for result in results):
        return 1
    return 130 if interrupted else 0
