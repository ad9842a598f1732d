"""What `sam build` packages runs, on both processors of the template: the other one's under QEMU."""

import platform
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from function import create_secret_event, running_function
from processes import environment
from template import ROOT, TEMPLATE

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
ARCHITECTURES = TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]


def package(architecture):
    return ROOT / ".aws-sam" / architecture / "Replicator" / "bootstrap"


@pytest.fixture(params=ARCHITECTURES)
def packaged(request, tmp_path):
    """A program that runs the packaged one of a processor here."""
    program, machine = package(request.param), MACHINES[request.param]
    assert program.is_file(), f"{program} is missing: run `make test-independent`, which builds it"
    if machine == platform.machine():
        return program
    qemu = shutil.which(f"qemu-{machine}-static")
    assert qemu, f"qemu-{machine}-static is missing: run `make test-independent`, which installs it"
    emulated = tmp_path / "bootstrap"
    emulated.write_text(f'#!/bin/sh\nexec {qemu} -L /usr/{machine}-linux-gnu {program} "$@"\n')
    emulated.chmod(0o755)
    return emulated


def test_it_asks_the_runtime_api_for_its_first_event(packaged, moto):
    with socket.create_server(("127.0.0.1", 0)) as runtime_api:
        runtime_api.settimeout(30)
        env = environment(
            AWS_REGION="us-east-1",
            AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{runtime_api.getsockname()[1]}",
            AWS_LAMBDA_FUNCTION_NAME="function",
            AWS_LAMBDA_FUNCTION_MEMORY_SIZE="128",
            AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
            AWS_LAMBDA_LOG_STREAM_NAME="stream",
            AWS_LAMBDA_LOG_GROUP_NAME="group",
            AWS_ENDPOINT_URL_SECRETS_MANAGER=moto,
        )
        process = subprocess.Popen([packaged], env=env)
        try:
            connection, _ = runtime_api.accept()
            with connection:
                request = connection.recv(65536).decode().splitlines()
        finally:
            process.kill()
            process.wait()

    assert request[0] == "GET /2018-06-01/runtime/invocation/next HTTP/1.1"


def test_it_replicates_a_secret(packaged, client, moto, name, tmp_path):
    secrets = client("secretsmanager", moto)
    tags = [{"Key": "replicate-to", "Value": "eu-west-1 us-west-2"}]
    arn = secrets.create_secret(Name=name, SecretString="value", Tags=tags)["ARN"]

    with running_function(packaged, tmp_path / "log", moto) as function:
        record = function.invoke(create_secret_event(arn))

    assert record.get("outcome") == "replicated", record
    rows = secrets.describe_secret(SecretId=arn)["ReplicationStatus"]
    assert {row["Region"]: row["Status"] for row in rows} == {
        "eu-west-1": "InSync",
        "us-west-2": "InSync",
    }


def test_the_packages_are_of_different_processors():
    # In the header of an ELF file: 62 is x86-64, 183 AArch64.
    machines = {
        architecture: int.from_bytes(package(architecture).read_bytes()[18:20], "little")
        for architecture in ARCHITECTURES
    }

    assert machines == {"x86_64": 62, "arm64": 183}


def test_what_the_other_tests_run_is_what_is_packaged(bootstrap):
    here = {machine: name for name, machine in MACHINES.items()}[platform.machine()]

    assert bootstrap == package(here)
