"""Tests a deployment in a real AWS account, and asks AWS the questions of the probe.

`make test-aws`, `make test-aws-clean` and `make probe-aws` call it. CONTRIBUTING.md describes them.
"""

import argparse
import sys
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import asking
import deployment
import report
import story
from about import ABOUT
from cloud import Cloud
from interrupts import Interrupted
from output import say
from run import DIRECTORY, ROOT, Run, check_name, new_name
from scrub import Unclean
from steps import Result, line, run_steps
from teardown import tear_down


def arguments():
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="tests/aws", epilog=ABOUT, formatter_class=form)
    parser.add_argument("command", choices=["test", "probe", "clean"])
    parser.add_argument("--profile", default="", help="profile of the AWS CLI")
    parser.add_argument("--region", default="", help="Region of the stack and the primary secrets")
    parser.add_argument("--replica-region", default="", help="Region of the replicas")
    parser.add_argument("--run", default="", help="name of the run; clean requires it")
    parser.add_argument("--directory", default=DIRECTORY, type=Path, help="directory of reports and ledgers")
    parser.add_argument("--build", default="", help="directory of `sam build` with template.yaml")
    parser.add_argument("--architecture", default="arm64", choices=["arm64", "x86_64"])
    parser.add_argument("--trail", action="store_true", help="create a CloudTrail trail")
    parser.add_argument("--alarm-minutes", type=float, default=25, help="time for all alarms; 0 skips them")
    parser.add_argument("--output", default="", help="file of the probe's answers")
    parser.add_argument("--only", default="", help="the probe's questions, separated by commas")
    parser.add_argument("--managed-secret", default="", help="secret of another service to ask about")
    local = parser.add_argument_group("local servers")
    local.add_argument("--endpoint-url", default="", help="a server in the place of AWS")
    local.add_argument("--scale", type=float, default=1.0, help="factor for all waiting times")
    local.add_argument("--send-events", action="store_true", help="send the events that the server does not")
    return parser.parse_args()


def main():
    given = arguments()
    regions = given.region, given.replica_region
    if not all(regions) or regions[0] == regions[1] or not (given.profile or given.endpoint_url):
        sys.exit(f"PROFILE, REGION and another REPLICA_REGION are required.\n\n{ABOUT}")
    name = given.run if given.command == "clean" else given.run or new_name(given.command)
    check_name(name, given.command)
    try:
        cloud = Cloud(given.profile, *regions, given.endpoint_url, given.scale)
        account = cloud.preflight()
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"failed to read from {' and '.join(regions)}: {error}\nCheck the profile and the Regions.")
    cloud.interrupts.install()
    run = Run(name, cloud, given.directory)
    say(f"{run.name} in account {account}, {' and '.join(regions)}")
    say(f"If this process is killed: make test-aws-clean RUN={run.name}, with the same PROFILE and Regions")
    try:
        return {"test": test, "probe": probe, "clean": clean}[given.command](given, run)
    except Interrupted:
        # Before anything was created.
        return 130


def test(given, run):
    deployment.refuse_if_present(run)
    build = Path(given.build or ROOT / f".aws-sam/{given.architecture}")
    if not (build / "template.yaml").is_file():
        sys.exit(f"{build} has no template.yaml: run make package-{given.architecture}")
    results = []

    def work():
        start = time.monotonic()
        values = deployment.parameters(run, given.architecture, given.trail)
        stack = deployment.deploy(run, build, values)
        results.append(Result("the stack is deployed", "passed", round(time.monotonic() - start, 1), ""))
        say(line(results[-1]))
        run_steps(story.Story(run, stack, given.send_events, given.alarm_minutes), results)

    interrupted = guarded(work, results)
    remains = tear_down(run)
    finished(run, report.text(run, results, remains, interrupted))
    return report.exit_code(results, remains, interrupted)


def probe(given, run):
    probe = asking.Probe(run, given.managed_secret)
    only = [name for name in given.only.split(",") if name]
    results = []
    interrupted = guarded(lambda: asking.ask(probe, only), results)
    remains = tear_down(run)
    path = Path(given.output or run.directory / f"{run.name}-answers.json")
    try:
        probe.answers.write(path, run.values)
        say(f"answers: {path}")
    except Unclean as error:
        results.append(Result("the answers are written", "failed", 0, str(error)))
        say(results[-1].detail)
    finished(run, "\n".join(report.remains_lines(run, remains)) + "\n")
    return report.exit_code(results, remains, interrupted)


def clean(_, run):
    remains = tear_down(run)
    say("\n".join(report.remains_lines(run, remains)))
    return 1 if remains else 0


def guarded(work, results):
    """Runs the work. Returns the signal that ended it; any other failure becomes a result."""
    try:
        work()
    except Interrupted as signal:
        return str(signal)
    # The teardown follows any failure.
    except Exception as error:
        results.append(Result("the run", "failed", 0, f"{type(error).__name__}: {error}"))
        say(results[-1].detail)
    return None


def finished(run, text):
    path = run.directory / f"{run.name}-report.txt"
    path.write_text(text)
    say(f"\n{text}report: {path}")


if __name__ == "__main__":
    sys.exit(main())
