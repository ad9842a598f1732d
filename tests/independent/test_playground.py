"""Runs the commands of the playground page, against the function and the emulator that it starts."""

import json
import subprocess

import pytest

from documents import blocks
from processes import CLI, TOOLS, environment, eventually, free_port, running, shell
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


def test_the_readme_leads_to_a_coverage_page_of_the_sample_secrets(emulator_binary, tmp_path):
    port = free_port()
    command = [emulator_binary, "serve", "--port", port, "--samples"]
    [commands] = [block for block in blocks("README.md") if block.startswith("export AWS_ACCESS_KEY_ID=any")]
    with running(command, port, tmp_path / "log", environment()) as endpoint:
        commands = commands.replace("http://127.0.0.1:4599", endpoint)
        done = shell(commands, tmp_path, {"secret-replicator": f'#!/bin/sh\nexec {CLI} "$@"\n'})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 secrets" in done.stdout
    header = done.stdout.split("\n Region")[1].partition("\n")[0]
    assert header.split() == ["failed", "shadowed", "promoted", "missing", "refused", "not-covered", "in-sync"]
    page = (tmp_path / "coverage.html").read_text()
    assert "prod/legacy/ftp" in page and "team-a/sandbox" in page


@pytest.fixture
def demo(bootstrap, emulator_binary, tmp_path):
    """Sends an event of another account about a secret with tags in the API's spelling and a key."""
    policy, event = tmp_path / "policy.yaml", tmp_path / "event.json"
    policy.write_text(
        "version: 1\n"
        "rules:\n"
        '  - { name: tier-0, when: { tags: { tier: "0" } }, replicate-to: [eu-central-1],'
        " kms-key: alias/replicas }\n"
    )
    text = (ROOT / "events/create-secret-console.json").read_text()
    sample = json.loads(text.replace(json.loads(text)["account"], "210987654321"))
    request = sample["detail"]["requestParameters"]
    request["kmsKeyId"] = "alias/app"
    request["tags"] = [{"Key": "tier", "Value": "0"}]
    event.write_text(json.dumps(sample))

    def run(*options):
        command = [emulator_binary, "demo", "--bootstrap", bootstrap, "--event", event]
        command += ["--policy", policy, *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        log = tmp_path / "log"
        log.write_text(done.stdout)
        [record] = records(log)
        return done.stdout, record

    return run


def test_an_event_of_any_account_is_shown_with_its_input_and_handled_under_a_policy(demo):
    shown, record = demo()

    for line in (
        "The account 210987654321 of the event becomes 123456789012, the local one.",
        "tag: tier=0",
        "key: alias/app",
        "allowed Regions: all",
    ):
        assert f"\n{line}\n" in shown.split('"timestamp"')[0]
    assert record["outcome"] == "replicated"
    [replica] = record["replicas"]
    assert (replica["region"], replica["kms_key"]) == (
        "eu-central-1",
        "arn:aws:kms:eu-central-1:123456789012:alias/replicas",
    )


@pytest.mark.parametrize(
    ("options", "outcome", "reason"),
    [
        (["--missing-key", "eu-central-1:alias/replicas"], "failed", "kms-key-unavailable"),
        (["--allowed-regions", "eu-west-1"], "refused", "region-not-allowed"),
    ],
)
def test_keys_can_be_missing_and_regions_limited(demo, options, outcome, reason):
    _, record = demo(*options)

    assert record["outcome"] == outcome
    assert [replica["reason"] for replica in record["replicas"]] == [reason]


def test_make_passes_its_variables_on():
    variables = {"EVENT": "e.json", "POLICY": "p.yaml", "ALLOWED_REGIONS": "eu-west-1 us-west-2"}
    words = [f"{name}={value}" for name, value in variables.items()]
    shown = subprocess.run(
        ["make", "--dry-run", "demo", "playground", *words, "MISSING_KEY=eu-west-1:alias/eu", "PORT=4600"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout

    options = (
        '--policy "p.yaml" --allowed-regions "eu-west-1 us-west-2"'
        ' --missing-key "eu-west-1:alias/eu"'
    )
    joined = " ".join(shown.replace("\\\n", " ").split())
    assert f'--event "e.json" {options}' in joined
    assert f'serve --bootstrap target/debug/bootstrap --port "4600" {options}' in joined
