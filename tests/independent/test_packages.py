"""Runs the packages of `sam build` for both processors of the template, the other one's under QEMU."""

import platform
import shutil

import pytest

from function import create_secret_event, running_function
from processes import executable
from template import ROOT, TEMPLATE

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# QEMU stops at an instruction that the processor does not have. Graviton2, the oldest of Lambda's arm64 processors, is a
# Neoverse N1 (documented).
PROCESSORS = {"x86_64": "max", "aarch64": "neoverse-n1"}
ARCHITECTURES = TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]


def package(architecture):
    return ROOT / ".aws-sam" / architecture / "Replicator" / "bootstrap"


@pytest.fixture(params=ARCHITECTURES)
def packaged(request, tmp_path):
    """A program that runs the package of a processor on this machine."""
    program, machine = package(request.param), MACHINES[request.param]
    assert program.is_file(), f"{program} is missing: run `make test-independent`, which builds it"
    if machine == platform.machine():
        return program
    qemu = shutil.which(f"qemu-{machine}-static")
    assert qemu, f"qemu-{machine}-static is missing: run `make test-independent`, which installs it"
    # QEMU rejects a program of another processor than its own.
    emulated = tmp_path / "bootstrap"
    executable(emulated, f'#!/bin/sh\nexec {qemu} -cpu {PROCESSORS[machine]} -L /usr/{machine}-linux-gnu {program} "$@"\n')
    return emulated


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


def test_the_other_tests_run_a_package(bootstrap):
    here = {machine: name for name, machine in MACHINES.items()}[platform.machine()]

    assert bootstrap.samefile(package(here))
