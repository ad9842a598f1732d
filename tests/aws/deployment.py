"""Deploys the stack of a run with SAM, as docs/DEPLOY.md does, and reads its outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import resources

SAM = Path(sys.executable).with_name("sam")
DEPLOY_MINUTES = 30


class DeployFailed(Exception):
    """SAM ended with an error."""


def policy(run):
    """Returns a policy that covers only the secrets of the run. A sweep reads every secret of the Region."""
    rule = {
        "name": "secrets-of-the-run",
        "when": {"secret-name": f"{run.name}/*", "tags": {"replicate-to": "*"}},
        "replicate-to": {"tag": "replicate-to"},
    }
    return {"version": 1, "rules": [rule]}


def parameters(run, architecture, trail):
    """Returns the parameters of the stack. Without a schedule, no sweep starts during the teardown."""
    return {
        "AllowedReplicaRegions": run.cloud.replica_region,
        "ReplicationPolicy": json.dumps(policy(run), separators=(",", ":")),
        "SweepEnabled": "false",
        # Another stack of the account must not get the metrics of this run.
        "MetricsNamespace": run.name,
        "LogRetentionDays": "1",
        "Architecture": architecture,
        "CreateTrail": "true" if trail else "false",
    }


def quoted(value):
    """Returns a value as SAM parses it in `--parameter-overrides`."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def refuse_if_present(run):
    """Exits if something of this name exists, because the teardown would delete it."""
    if resources.stack(run) is not None:
        raise SystemExit(f"The stack {run.name} exists. `make test-aws-clean RUN={run.name}` deletes it.")


def deploy(run, build, values):
    """Deploys the SAM build in the directory `build`. Returns the deployed stack."""
    create_bucket(run)
    command = [str(SAM), "deploy", "--template-file", str(build / "template.yaml")]
    command += ["--stack-name", run.name, "--region", run.cloud.region]
    command += ["--s3-bucket", run.bucket, "--no-resolve-s3", "--capabilities", "CAPABILITY_IAM"]
    command += ["--no-confirm-changeset", "--no-progressbar"]
    command += ["--tags", f"secret-replicator-test={run.name}", "--parameter-overrides"]
    command += [f"{name}={quoted(value)}" for name, value in values.items()]
    log = run.directory / f"{run.name}-deploy.log"
    if run_to_end(run, command, log) != 0:
        raise DeployFailed(f"sam deploy failed; the end of {log}:\n{log.read_text()[-1500:]}")
    return Stack(run)


def create_bucket(run):
    """Creates the bucket of the artifacts. SAM's own managed bucket would remain in the account."""
    region = run.cloud.region
    # S3 refuses us-east-1 as a location constraint.
    constraint = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    run.cloud.client("s3").create_bucket(
        Bucket=run.bucket, **({} if region == "us-east-1" else constraint)
    )


def run_to_end(run, command, log):
    """Runs a command in a session of its own. Ctrl-C reaches only this process, which ends the command."""
    env = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    if run.cloud.profile:
        env["AWS_PROFILE"] = run.cloud.profile
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            for _ in range(DEPLOY_MINUTES * 60 * 2):
                if process.poll() is not None:
                    return process.returncode
                run.cloud.interrupts.pause(0.5)
            raise DeployFailed(f"sam deploy has not ended after {DEPLOY_MINUTES} minutes")
        finally:
            # The command must not create the stack after the teardown has found none.
            end(process)


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Stack:
    """The deployed stack of a run."""

    def __init__(self, run):
        self.run = run
        self.cloud = run.cloud
        described = resources.stack(run)
        self.outputs = {row["OutputKey"]: row["OutputValue"] for row in described["Outputs"]}
        rows = self.cloud.client("cloudformation").describe_stack_resources(StackName=run.name)
        self.resources = {
            row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows["StackResources"]
        }
        self.function = self.outputs["FunctionName"]

    def invoke(self, payload):
        """Invokes the function and returns its response, which has an `errorType` after a failure."""
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.function, Payload=json.dumps(payload)
        )
        return json.loads(answer["Payload"].read())

    def send(self, event):
        """Invokes the function as EventBridge does, with Lambda's retries."""
        self.cloud.client("lambda").invoke(
            FunctionName=self.function, InvocationType="Event", Payload=json.dumps(event)
        )

    def records(self, field, value):
        """Returns the function's records in which a field has this value."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events").paginate(
            logGroupName=self.outputs["LogGroupName"],
            filterPattern=f'{{ $.{field} = "{value}" }}',
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        found = [json.loads(line) for line in lines if line.lstrip().startswith("{")]
        # Servers differ in the filters that they support.
        return [record for record in found if "outcome" in record and record.get(field) == value]

    def start_sweep(self, given):
        started = self.cloud.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["SweepArn"], input=json.dumps(given)
        )
        return started["executionArn"]

    def sweep(self, given, seconds=600):
        """Runs a sweep to its end. Returns its status and its output."""
        states, execution = self.cloud.client("stepfunctions"), self.start_sweep(given)
        ended, _ = self.cloud.wait(
            lambda: ended_execution(states, execution), f"the sweep {execution} has ended", seconds
        )
        return ended["status"], json.loads(ended.get("output") or "null")


def ended_execution(states, execution):
    described = states.describe_execution(executionArn=execution)
    return None if described["status"] == "RUNNING" else described
