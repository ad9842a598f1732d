"""`plan` and `status` read the accounts of moto, an independent emulator of AWS.

moto replicates a secret at once, and assumes a role of any account.
"""

import json
import os
import pty
import subprocess
import termios
import threading

import boto3
import pytest
from local_server import serving
from processes import CLI, TOOLS, environment

# The first one is moto's default.
OWN, OTHER, EMPTY = "123456789012", "222222222222", "333333333333"
REGION, REPLICA = "us-east-1", "eu-west-1"
POLICY = """
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [eu-west-1]
"""
ROLE = "Reader"


@pytest.fixture(scope="module")
def endpoint(start_server):
    command = [TOOLS / "moto_server", "-H", "127.0.0.1", "-p", "{port}"]
    # MOTO_ACCOUNT_ID would merge all accounts into one.
    return start_server(*command)


def client(endpoint, service, region=REGION, **credentials):
    credentials = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, region_name=region, endpoint_url=endpoint, **credentials)


def in_account(endpoint, account):
    """Returns a client of Secrets Manager in an account."""
    role = f"arn:aws:iam::{account}:role/{ROLE}"
    assumed = client(endpoint, "sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return client(
        endpoint,
        "secretsmanager",
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )


@pytest.fixture(scope="module")
def secrets(endpoint):
    tags = [{"Key": "tier", "Value": "1"}]
    own = client(endpoint, "secretsmanager")
    own.create_secret(Name="replicated", SecretString="a", Tags=tags, AddReplicaRegions=[{"Region": REPLICA}])
    own.create_secret(Name="missing", SecretString="a", Tags=tags)
    own.create_secret(Name="not-covered", SecretString="a")
    other = in_account(endpoint, OTHER)
    other.create_secret(Name="of-the-other-account", SecretString="a", Tags=tags)


def run(endpoint, *arguments):
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [CLI, *arguments, "--region", REGION, "--output", "json", "--endpoint-url", endpoint]
    done = subprocess.run(command, env=environment(**settings), capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def test_a_plan_counts_the_secrets_of_another_implementation(endpoint, secrets, policy):
    code, report = run(endpoint, "plan", policy)
    assert code == 2, report
    summary = report["summary"]
    assert (summary["covered"], summary["in_sync"], summary["planned"]) == (2, 1, 1)
    assert [secret["name"] for secret in report["secrets"]] == ["missing"]


def test_a_status_verifies_the_version_in_the_region(endpoint, secrets, policy):
    code, report = run(endpoint, "status", policy, "--name", "replicated")
    assert code == 0, report
    [secret] = report["secrets"]
    assert [(cell["region"], cell["state"], cell["verified"]) for cell in secret["regions"]] == [
        (REPLICA, "in-sync", True)
    ]


def test_one_report_has_the_secrets_of_several_accounts(endpoint, secrets, policy):
    code, report = run(
        endpoint, "status", policy, "--accounts", f"{OWN},{OTHER},{EMPTY}", "--role-name", ROLE,
        "--only", "missing,in-sync",
    )
    assert code == 0, report
    states = {
        (secret["account"], secret["name"], cell["state"])
        for secret in report["secrets"]
        for cell in secret["regions"]
    }
    assert states == {
        (OWN, "replicated", "in-sync"),
        (OWN, "missing", "missing"),
        (OTHER, "of-the-other-account", "missing"),
    }
    assert report["unread"] == []


def test_policy_and_settings_come_from_a_deployed_stack(endpoint, secrets):
    parameters = {
        "ReplicationPolicy": POLICY,
        "AllowedReplicaRegions": f"{REPLICA},us-west-2",
        "AllowOverwrite": "false",
        "AllowRemoval": "false",
    }
    template = {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    }
    client(endpoint, "cloudformation").create_stack(
        StackName="replicator",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    code, report = run(endpoint, "plan", "--from-stack", "replicator")
    assert code == 2, report
    assert report["summary"]["covered"] == 2
    code, message = run(endpoint, "plan", "--from-stack", "no-such-stack")
    assert code == 1
    assert "check its name and its Region" in message


def test_an_interruption_on_a_terminal_ends_the_command_and_restores_the_terminal(policy):
    asked = threading.Event()

    def never(_):
        asked.set()
        threading.Event().wait(60)

    with serving(never) as endpoint:
        terminal, side = pty.openpty()
        before = termios.tcgetattr(side)
        command = [CLI, "plan", policy, "--region", REGION, "--endpoint-url", endpoint]
        process = subprocess.Popen(
            command, env=environment(TERM="xterm"), stdin=side, stdout=subprocess.PIPE, stderr=side,
            start_new_session=True, preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
        )
        assert asked.wait(30)
        # The spinner appears after 200 ms.
        screen = b""
        while b"reading" not in screen:
            screen += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        stdout, _ = process.communicate(timeout=5)
        while b"interrupted" not in screen:
            screen += os.read(terminal, 4096)
        assert (process.returncode, stdout) == (130, b"")
        # The line of the progress is gone, and the cursor is visible.
        assert screen.rstrip().endswith(b"\r\x1b[2Kinterrupted; the account is unchanged")
        assert screen.rfind(b"\x1b[?25l") <= screen.rfind(b"\x1b[?25h")
        assert termios.tcgetattr(side) == before
