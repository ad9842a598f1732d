"""Runs the commands of the playground page, against the function and the emulator that it starts."""

import json

import pytest

from documents import blocks
from processes import TOOLS, environment, eventually, free_port, running, shell
from template import ROOT

POLICY = "docs/policies/tiers.yaml"
PAGE = "docs/PLAYGROUND.md"
AWS = f'#!/bin/sh\nexec {TOOLS}/aws "$@"\n'


@pytest.fixture(scope="module")
def playground(bootstrap, emulator_binary, tmp_path_factory):
    """The endpoint and the log of the playground, as `make playground` starts it."""
    port, log = free_port(), tmp_path_factory.mktemp("playground") / "log"
    command = [emulator_binary, "serve", "--port", port, "--bootstrap", bootstrap]
    with running([*command, "--policy", ROOT / POLICY], port, log, environment()) as endpoint:
        yield endpoint, log


def records(log):
    """Returns the records in the output, which are indented."""
    text, decoder, found = log.read_text(), json.JSONDecoder(), []
    for start in (at for at in range(len(text)) if text.startswith("\n  {\n", at)):
        found.append(decoder.raw_decode(text, start + 3)[0])
    return found


def test_the_commands_of_the_page_run_and_each_call_ends_in_its_record(playground, tmp_path):
    endpoint, log = playground
    first, *others = blocks(PAGE)
    assert first == f"make playground POLICY={POLICY}\n"

    commands = "\n".join(others)
    assert "http://127.0.0.1:4599" in commands
    done = shell(commands.replace("http://127.0.0.1:4599", endpoint), tmp_path, {"aws": AWS})

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"SecretString": "second"' in done.stdout
    found = eventually(lambda: len(records(log)) == 5 and records(log), "five records")
    results = [(record["secret_name"], record["trigger"], record["outcome"]) for record in found]
    assert results == [
        ("shop/db", "CreateSecret", "replicated"),
        ("shop/db", "Secret Label Updated", "unchanged"),
        ("shop/cache", "CreateSecret", "skipped"),
        ("shop/cache", "TagResource", "replicated"),
        ("shop/db", "DeleteSecret", "skipped"),
    ]
    assert found[-1]["reason"] == "delete-blocked-by-replicas"
